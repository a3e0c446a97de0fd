// The MCP Inspector's command line: each command is a process of its own that finds its sign-in where the last one kept
// it. It also says of each tool whether its schemas are such that every client can carry them to its model.
// It is not asked to step up: on a 403 it tries its old scopes again, and gives up.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from '../lib/checks.mjs';
import { engine, startPostern } from '../lib/server.mjs';
import { Inspector } from './inspector.mjs';

await judge(`the Inspector on ${engine}`, 7, async ({ check, cleanup }) => {
  const server = await startPostern();
  cleanup(() => server.stop());
  const annie = server.addUser({ email: 'annie@example.com', name: 'Annie', password: 'correct horse battery staple' });
  const home = mkdtempSync(join(tmpdir(), 'postern-inspector-'));
  cleanup(() => rmSync(home, { recursive: true, force: true }));
  const inspector = new Inspector(server.resource, home, annie);
  await check('it opens the browser, signs in, and has nothing against the schema of any tool', async () => {
    const { tools } = await inspector.run('tools/list', '--strict');
    assert.ok(tools.some(({ name }) => name === 'catalog_query-catalog-entities'));
    assert.equal(inspector.visits, 1);
  });
  for (const era of ['legacy', 'modern'])
    await check(`with what it kept it calls a tool, in the ${era} era`, () => calls(inspector, '--protocol-era', era));
  await check('it reads a resource and gets a prompt', async () => {
    const { contents } = await inspector.run('resources/read', '--uri', 'catalog://component/default/arrivals-service');
    assert.equal(JSON.parse(contents[0].text).metadata.name, 'arrivals-service');
    const { messages } = await inspector.run('prompts/get', '--prompt-name', 'review-client-access');
    assert.equal(messages[0].role, 'user');
  });
  await check('a dead access token makes it refresh, without a person', async () => {
    const before = inspector.tokens();
    inspector.breakToken();
    await calls(inspector);
    assert.notEqual(inspector.tokens().refresh_token, before.refresh_token);
    assert.equal(inspector.visits, 1, 'the person was asked again');
  });
  await check('once revoked, it asks the person again', async () => {
    const { refresh_token: token } = inspector.tokens();
    const body = new URLSearchParams({ token, client_id: inspector.clientId });
    assert.equal((await fetch(`${server.origin}/revoke`, { method: 'POST', body })).status, 200);
    await calls(inspector);
    assert.equal(inspector.visits, 2);
  });
  await check('its log shows no error of the server', () => assert.doesNotMatch(server.printed, /\bERROR\b/));
});

async function calls(inspector, ...options) {
  const args = ['--tool-name', 'catalog_query-catalog-entities', '--tool-args-json', '{"query":{"kind":"Component"},"limit":1}'];
  const { isError, structuredContent } = await inspector.run('tools/call', ...args, ...options);
  assert.notEqual(isError, true, JSON.stringify(structuredContent));
  assert.equal(structuredContent.items[0].kind, 'Component');
}
