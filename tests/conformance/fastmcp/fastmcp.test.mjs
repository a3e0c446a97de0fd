// FastMCP, which most Python assistants are built on: it looks at the authorization page itself before it opens the
// browser, listens at a port of its choice, and after a restart refreshes at `/token` of the endpoint's own origin.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from '../lib/checks.mjs';
import { Driver } from '../lib/driver.mjs';
import { engine, startPostern } from '../lib/server.mjs';

const DRIVER = join(import.meta.dirname, 'driver.py');
// Python's own way of saying that the browser is not waited for: FastMCP begins to listen after it has opened it.
const BROWSER = `${join(import.meta.dirname, '../lib/browser.mjs')} %s &`;
const REFRESH = { do: 'call', name: 'catalog_refresh-catalog-entity', arguments: { kind: 'Component', name: 'arrivals-service' } };
const QUERY = { do: 'call', name: 'catalog_query-catalog-entities', arguments: { query: { kind: 'Component' }, limit: 1 } };

await judge(`FastMCP on ${engine}`, 7, async ({ check, cleanup }) => {
  const server = await startPostern();
  cleanup(() => server.stop());
  const katherine = server.addUser({ email: 'katherine@example.com', name: 'Katherine', password: 'correct horse battery staple' });
  const home = mkdtempSync(join(tmpdir(), 'postern-fastmcp-'));
  cleanup(() => rmSync(home, { recursive: true, force: true }));
  const visits = join(home, 'visits');
  const asked = () => readFileSync(visits, 'utf8').trim().split('\n').length;
  const env = { BROWSER, POSTERN_JUDGE_PERSON: JSON.stringify(katherine), POSTERN_JUDGE_VISITS: visits, HOME: home, FASTMCP_LOG_LEVEL: 'WARNING' };
  const client = new Driver(DRIVER, [server.resource], { env });
  cleanup(() => client.end());
  await check('it opens the browser, signs in and connects', async () => {
    await client.ready;
    assert.equal(asked(), 1);
  });
  await check('it lists and calls', async () => {
    assert.ok((await client.ask({ do: 'list' })).includes('catalog_query-catalog-entities'));
    await calls(client, QUERY);
  });
  await check("it refreshes by itself once the token's time is over", () => refreshes(client, asked));
  await check('a tool of another scope makes it ask the person, and is called then', async () => {
    await calls(client, REFRESH);
    assert.equal(asked(), 2);
    assert.match((await client.ask({ do: 'tokens' })).scope, /catalog:read.*catalog:write/);
  });
  await check('started again with a token that has ended, it refreshes without a person', async () => {
    const before = await client.ask({ do: 'tokens' });
    await client.ask({ do: 'expire' });
    await client.restart();
    await calls(client, QUERY);
    assert.notEqual((await client.ask({ do: 'tokens' })).refresh_token, before.refresh_token);
    assert.equal(asked(), 2, 'the person was asked again');
  });
  await check('once revoked, it asks the person again and may then call', async () => {
    const { refresh_token: token } = await client.ask({ do: 'tokens' });
    const body = new URLSearchParams({ token, client_id: client.client.client_id });
    assert.equal((await fetch(`${server.origin}/revoke`, { method: 'POST', body })).status, 200);
    await calls(client, QUERY);
    assert.equal(asked(), 3);
  });
  await check('it leaves cleanly, and the log shows no error of the server', async () => {
    assert.equal(await client.end(), 0);
    assert.doesNotMatch(server.printed, /\bERROR\b/);
  });
});

async function refreshes(client, asked) {
  const before = await client.ask({ do: 'tokens' });
  const times = asked();
  await client.ask({ do: 'expire' });
  await calls(client, QUERY);
  const after = await client.ask({ do: 'tokens' });
  assert.notEqual(after.access_token, before.access_token);
  assert.notEqual(after.refresh_token, before.refresh_token, 'the refresh token did not rotate');
  assert.equal(asked(), times, 'the person was asked again');
}

async function calls(client, command) {
  const { isError, structured } = await client.ask(command);
  assert.notEqual(isError, true, JSON.stringify(structured));
  if (command === QUERY) assert.equal(structured.items[0].kind, 'Component');
}
