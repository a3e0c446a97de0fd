// The TypeScript client package 2.x in both of its eras: sessions by default, stateless when it may negotiate.
// It checks the `iss` of the redirect (RFC 9207) by itself.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { judgeClient } from '../lib/sdk.mjs';

const eras = [
  { title: '@modelcontextprotocol/client 2, legacy', revision: '2025-11-25', options: {} },
  { title: '@modelcontextprotocol/client 2, modern', revision: '2026-07-28', options: { versionNegotiation: { mode: 'auto' } } },
];

for (const { title, revision, options } of eras)
  await judgeClient({
    title,
    revision,
    canStepUp: true,
    connectionTo: (url, authProvider) => ({
      client: new Client({ name: 'postern-judge', version: '1' }, options),
      transport: new StreamableHTTPClientTransport(url, { authProvider }),
    }),
    finish: (transport, callback) => transport.finishAuth(callback.searchParams),
    isUnauthorized: error => error instanceof UnauthorizedError,
  });
