// The TypeScript SDK 1.x, which most clients in the field are built on; it speaks the session eras only.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { judgeClient } from '../lib/sdk.mjs';

await judgeClient({
  title: '@modelcontextprotocol/sdk 1',
  revision: '2025-11-25',
  // Where it holds a refresh token it refreshes on a 403, which brings no new scope, and gives up.
  canStepUp: false,
  connectionTo: (url, authProvider) => ({
    client: new Client({ name: 'postern-judge', version: '1' }),
    transport: new StreamableHTTPClientTransport(url, { authProvider }),
  }),
  finish: (transport, callback) => transport.finishAuth(callback.searchParams.get('code')),
  isUnauthorized: error => error instanceof UnauthorizedError,
});
