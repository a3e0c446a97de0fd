// The Python MCP SDK signs in (registered by itself, and described by a document), lists, calls, refreshes when its
// token's time is over, comes back for more scopes when a tool needs them, and is sent back to the person once its grant is gone. It asks in the stateless era by itself.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { judge } from '../lib/checks.mjs';
import { hostDocument } from '../lib/documents.mjs';
import { Driver } from '../lib/driver.mjs';
import { Person } from '../lib/person.mjs';
import { engine, startPostern } from '../lib/server.mjs';

const DRIVER = join(import.meta.dirname, 'driver.py');
const REDIRECT_URI = 'http://127.0.0.1:39920/callback'; // nothing listens there: the redirect is read, not followed
const REFRESH = { do: 'call', name: 'catalog_refresh-catalog-entity', arguments: { kind: 'Component', name: 'arrivals-service' } };
const QUERY = { do: 'call', name: 'catalog_query-catalog-entities', arguments: { query: { kind: 'Component' }, limit: 1 } };

await judge(`the Python SDK on ${engine}`, 12, async ({ check, cleanup }) => {
  const document = await hostDocument({
    client_name: 'Python SDK',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  });
  cleanup(() => document.close());
  // A stranger is held to what only reads; this one the operator knows.
  const server = await startPostern({ ...document.settings, POSTERN_CLIENTS_ALLOW: 'client.example' });
  cleanup(() => server.stop());
  const hedy = server.addUser({ email: 'hedy@example.com', name: 'Hedy', password: 'correct horse battery staple' });
  for (const [title, url] of [['registered', ''], ['described', document.url]]) {
    const client = await check(`${title}: it signs in and connects`, async () => {
      const client = new Driver(DRIVER, [server.resource, REDIRECT_URI, url], { person: new Person(hedy) });
      cleanup(() => client.end());
      await client.ready;
      assert.ok(url === '' || client.client.client_id === url, client.client.client_id);
      return client;
    });
    await check(`${title}: it lists and calls`, async () => {
      assert.ok((await client.ask({ do: 'list' })).includes('catalog_query-catalog-entities'));
      await calls(client);
    });
    await check(`${title}: it refreshes by itself once the token's time is over`, async () => {
      const before = await client.ask({ do: 'tokens' });
      await client.ask({ do: 'expire' });
      await calls(client);
      const after = await client.ask({ do: 'tokens' });
      assert.notEqual(after.access_token, before.access_token);
      assert.notEqual(after.refresh_token, before.refresh_token, 'the refresh token did not rotate');
      assert.equal(client.opened, 1, 'the person was asked again');
    });
    await check(`${title}: a tool of another scope sends it back to the person once, and is called then`, async () => {
      const { isError, structured } = await client.ask(REFRESH);
      assert.notEqual(isError, true, JSON.stringify(structured));
      assert.equal(client.opened, 2);
      assert.match((await client.ask({ do: 'tokens' })).scope, /catalog:read.*catalog:write/);
      await calls(client);
    });
    await check(`${title}: once revoked, it is sent back to the person and may then call again`, async () => {
      const { refresh_token: token } = await client.ask({ do: 'tokens' });
      const { client_id, client_secret } = client.client; // registered without a method, it has a secret (RFC 7591)
      const body = new URLSearchParams({ token, client_id });
      const headers = client_secret ? { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` } : {};
      if (client_secret) body.delete('client_id');
      assert.equal((await fetch(`${server.origin}/revoke`, { method: 'POST', headers, body })).status, 200);
      await calls(client);
      assert.equal(client.opened, 3, 'the person should have been asked again');
    });
    await check(`${title}: it leaves cleanly`, async () => assert.equal(await client.end(), 0));
  }
});

async function calls(client) {
  const { isError, structured } = await client.ask(QUERY);
  assert.notEqual(isError, true, JSON.stringify(structured));
  assert.equal(structured.items[0].kind, 'Component');
}
