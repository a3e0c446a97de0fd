// MCPJam's conformance test, the one outside judge with negative cases for an authorization server: a redirect that is
// not registered, an altered one at the authorization and at the token endpoint, an unknown client, a wrong bearer.
// Its altered-redirect case replays a code that was used, which here ends the grant (RFC 6749 section 4.1.2): the
// negative cases and the verification of the token are therefore separate runs.
import assert from 'node:assert/strict';
import { MCPConformanceTest, OAuthConformanceTest } from '@mcpjam/sdk';
import { judge } from '../lib/checks.mjs';
import { hostDocument } from '../lib/documents.mjs';
import { Person } from '../lib/person.mjs';
import { engine, startPostern } from '../lib/server.mjs';

process.env.DO_NOT_TRACK = '1';
const REDIRECT_URI = 'http://127.0.0.1:39919/callback';
const REVISION = '2025-11-25';
// What the judge's summary must say, so that a check it silently leaves out is seen.
const STEPS = { dcr: [21, 0], cimd: [23, 0], preregistered: [20, 0] };

await judge(`@mcpjam/sdk on ${engine}`, 7, async ({ check, cleanup }) => {
  const document = await hostDocument({
    client_name: 'MCPJam',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  });
  cleanup(() => document.close());
  const server = await startPostern(document.settings);
  cleanup(() => server.stop());
  const ida = server.addUser({ email: 'ida@example.com', name: 'Ida', password: 'correct horse battery staple' });
  const known = server.addClient({ name: 'MCPJam', redirectUri: REDIRECT_URI });
  const client = {
    preregistered: { clientId: known.client_id },
    clientIdMetadataUrl: document.url,
  };
  const run = (strategy, settings) => new OAuthConformanceTest({
    serverUrl: server.resource,
    protocolVersion: REVISION,
    registrationStrategy: strategy,
    redirectUrl: REDIRECT_URI,
    client,
    fetchFn: document.fetch,
    auth: { mode: 'interactive', openUrl: url => follows(new Person(ida), url) },
    ...settings,
  }).run();
  let token;
  for (const strategy of ['dcr', 'cimd', 'preregistered']) {
    await check(`${strategy}: the flow and the negative cases`, async () => {
      assertSteps(strategy, await run(strategy, { oauthConformanceChecks: true }));
    });
    token = await check(`${strategy}: the token lists and calls`, async () => {
      const result = await run(strategy, {
        verification: { listTools: true, callTool: { name: 'catalog_query-catalog-entities', params: { limit: 1 } } },
      });
      assert.ok(result.passed, explain(result));
      assert.ok(result.verification.listTools.passed, JSON.stringify(result.verification));
      assert.ok(result.verification.callTool.passed, JSON.stringify(result.verification));
      return result.credentials.accessToken;
    });
  }
  await check('the MCP endpoint passes the generic checks', async () => {
    const result = await new MCPConformanceTest({ serverUrl: server.resource, accessToken: token }).run();
    const failed = result.checks.filter(({ status }) => status === 'failed');
    assert.deepEqual(failed.map(({ id, error }) => `${id}: ${error?.message}`), []);
    const passed = result.checks.filter(({ status }) => status === 'passed');
    // It leaves out what a server does not declare, and here nothing.
    assert.equal(passed.length, 15, JSON.stringify(result.checks.map(({ id, status }) => [id, status])));
  });
});

// The judge listens at the redirect itself and waits to be called, as a client on this machine does.
async function follows(person, url) {
  const landed = await person.answer(url);
  await fetch(landed);
}

function assertSteps(strategy, result) {
  assert.ok(result.passed, explain(result));
  const count = status => result.steps.filter(step => step.status === status).length;
  assert.equal(count('failed'), 0, explain(result));
  assert.deepEqual([count('passed'), count('skipped')], STEPS[strategy], explain(result));
}

function explain(result) {
  const lines = result.steps.map(({ step, status, summary, error }) => `${status} ${step}: ${error?.message ?? summary}`);
  return [result.summary, ...lines].join('\n');
}
