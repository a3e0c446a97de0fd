// mcp-remote, the bridge that carries clients which only speak stdio: it opens a browser, waits at its own listener,
// keeps its tokens in a folder, and asks for a fresh one a minute before the old one ends.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from '../lib/checks.mjs';
import { engine, startPostern } from '../lib/server.mjs';
import { Bridge, kept } from './bridge.mjs';

await judge(`mcp-remote on ${engine}`, 7, async ({ check, cleanup }) => {
  const server = await startPostern();
  cleanup(() => server.stop());
  const joan = server.addUser({ email: 'joan@example.com', name: 'Joan', password: 'correct horse battery staple' });
  const home = mkdtempSync(join(tmpdir(), 'postern-mcp-remote-'));
  cleanup(() => rmSync(home, { recursive: true, force: true }));
  const start = () => {
    const bridge = new Bridge(server.resource, home, joan);
    cleanup(() => bridge.end());
    return bridge;
  };
  const first = start();
  await check('it opens the browser, signs in and connects', async () => {
    const { serverInfo } = await first.initialize();
    assert.ok(serverInfo.name, JSON.stringify(serverInfo));
  });
  await check('a tool is listed and called through it', () => listsAndCalls(first));
  await first.end();
  const before = kept(home, 'tokens').read();
  const second = start();
  await check('started again, it connects without a person', async () => {
    await second.initialize();
    await listsAndCalls(second);
    assert.equal(kept(home, 'tokens').read().refresh_token, before.refresh_token);
  });
  await second.end();
  await check('with a token that has ended it refreshes, and the refresh token rotates', async () => {
    kept(home, 'tokens').change(tokens => ({ ...tokens, access_token: 'ended', expires_in: 0, expires_at: 1 }));
    const third = start();
    await third.initialize();
    await listsAndCalls(third);
    await third.end();
    assert.notEqual(kept(home, 'tokens').read().refresh_token, before.refresh_token);
  });
  await check('a tool of another scope makes it ask the person, and is called then', async () => {
    const stepping = start();
    await stepping.initialize();
    const answer = await stepping.request('tools/call', {
      name: 'catalog_refresh-catalog-entity', arguments: { kind: 'Component', name: 'arrivals-service' } });
    assert.notEqual(answer.isError, true, JSON.stringify(answer));
    await stepping.end();
    assert.match(kept(home, 'tokens').read().scope, /catalog:read.*catalog:write/);
  });
  await check('once revoked, it asks the person again', async () => {
    const { refresh_token: token } = kept(home, 'tokens').read();
    const { client_id } = kept(home, 'client_info').read();
    const body = new URLSearchParams({ token, client_id });
    assert.equal((await fetch(`${server.origin}/revoke`, { method: 'POST', body })).status, 200);
    const fourth = start();
    await fourth.initialize();
    await listsAndCalls(fourth);
    await fourth.end();
    assert.notEqual(kept(home, 'tokens').read().refresh_token, token);
  });
  await check('its log shows no error of the server', () => assert.doesNotMatch(server.printed, /\bERROR\b/));
});

async function listsAndCalls(bridge) {
  const { tools } = await bridge.request('tools/list', {});
  assert.ok(tools.some(({ name }) => name === 'catalog_query-catalog-entities'));
  const answer = await bridge.request('tools/call', {
    name: 'catalog_query-catalog-entities', arguments: { query: { kind: 'Component' }, limit: 1 } });
  assert.notEqual(answer.isError, true, JSON.stringify(answer));
  assert.equal(answer.structuredContent.items[0].kind, 'Component');
}
