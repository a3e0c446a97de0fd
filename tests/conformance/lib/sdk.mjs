// What every official TypeScript client must be able to do here: register itself, sign in, list, call, live through a
// refresh it did not plan, and be refused once the grant is gone; and, where it can, come back with more scopes when a
// tool needs them. The SDK's major versions bring their own classes.
import assert from 'node:assert/strict';
import { judge } from './checks.mjs';
import { Person } from './person.mjs';
import { engine, startPostern } from './server.mjs';

const REDIRECT_URI = 'http://127.0.0.1:39918/callback'; // nothing listens there: the redirect is read, not followed
const CHECKS = 8;
const CHECKS_OF_STEP_UP = 2;

/**
 * Judges one SDK in one era. `connectionTo(url, provider)` gives a fresh `{client, transport}`;
 * `finish(transport, callback)` hands the redirect's parameters to the SDK; `revision` is what must be negotiated;
 * `canStepUp` says whether the SDK asks for what an `insufficient_scope` names, or tries its old scopes again.
 */
export function judgeClient({ title, connectionTo, finish, isUnauthorized, revision, canStepUp }) {
  const checks = CHECKS + (canStepUp ? CHECKS_OF_STEP_UP : 0);
  return judge(`${title} on ${engine}`, checks, async ({ check, cleanup }) => {
    const server = await startPostern();
    cleanup(() => server.stop());
    const grace = server.addUser({ email: 'grace@example.com', name: 'Grace', password: 'correct horse battery staple' });
    const provider = new MemoryProvider(new Person(grace));
    const connection = () => connectionTo(new URL(server.resource), provider);
    const { client, transport } = await signsIn({ check, connection, finish, isUnauthorized, provider, revision });
    cleanup(() => client.close());
    await usesTools(check, client);
    if (canStepUp) await stepsUp({ check, client, transport, finish, isUnauthorized, provider });
    await refreshes(check, client, provider);
    await isRevoked(check, client, provider, server);
  });
}

async function signsIn({ check, connection, finish, isUnauthorized, provider, revision }) {
  await check('the first connection registers a client and ends at the authorization page', async () => {
    const { client, transport } = connection();
    const refusal = await client.connect(transport).then(() => undefined, error => error);
    assert.ok(isUnauthorized(refusal), `expected to be unauthorized, got ${refusal}`);
    assert.ok(provider.client?.client_id, 'dynamic registration gave no client id');
    assert.ok(provider.callback.searchParams.get('code'), `no code in ${provider.callback}`);
    await finish(transport, provider.callback);
    assert.ok(provider.tokenSets.at(-1)?.refresh_token, 'the client registered refresh_token and got none');
  });
  return check(`the second connection is accepted and speaks ${revision}`, async () => {
    const { client, transport } = connection();
    await client.connect(transport);
    assert.equal(client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion, revision);
    return { client, transport };
  });
}

async function usesTools(check, client) {
  await check('tools/list names the catalog tools, each with a schema', async () => {
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    for (const name of ['catalog_query-catalog-entities', 'catalog_get-catalog-entity'])
      assert.ok(names.includes(name), names.join(', '));
    for (const tool of tools) assert.equal(tool.inputSchema.type, 'object', tool.name);
  });
  const entity = await check('tools/call queries the catalog', async () => {
    const answer = await call(client, 'catalog_query-catalog-entities', { query: { kind: 'Component' }, limit: 1 });
    const [entity] = answer.items;
    assert.equal(answer.items.length, 1);
    assert.equal(entity.kind, 'Component');
    return entity;
  });
  await check('tools/call gets the entity that the query found', async () => {
    const { name, namespace } = entity.metadata;
    const answer = await call(client, 'catalog_get-catalog-entity', { kind: entity.kind, namespace, name });
    assert.equal(answer.metadata.name, name);
    assert.equal(answer.kind, entity.kind);
  });
}

async function stepsUp({ check, client, transport, finish, isUnauthorized, provider }) {
  const refresh = () => call(client, 'catalog_refresh-catalog-entity', { kind: 'Component', name: 'arrivals-service' });
  await check('a tool of another scope sends the person back once, for what is held and what is needed', async () => {
    const refusal = await refresh().then(() => undefined, error => error);
    assert.ok(isUnauthorized(refusal), `expected to be sent back, got ${refusal}`);
    assert.equal(provider.redirects, 2);
    for (const scope of ['catalog:read', 'catalog:write']) assert.ok(provider.asked.includes(scope), provider.asked.join(' '));
  });
  await check('with the scopes that were agreed to, the call goes through', async () => {
    await finish(transport, provider.callback);
    await refresh();
    assert.equal(provider.redirects, 2, 'the person was asked again');
  });
}

async function call(client, name, args) {
  const answer = await client.callTool({ name, arguments: args });
  assert.notEqual(answer.isError, true, JSON.stringify(answer.content));
  return answer.structuredContent;
}

async function refreshes(check, client, provider) {
  await check('a dead access token makes the client refresh, without a person', async () => {
    const [before, asked] = [provider.poison(), provider.redirects];
    await call(client, 'catalog_query-catalog-entities', { limit: 1 });
    const after = provider.tokenSets.at(-1);
    assert.notEqual(after.access_token, before.access_token);
    assert.notEqual(after.refresh_token, before.refresh_token, 'the refresh token did not rotate');
    assert.equal(provider.redirects, asked, 'the person was asked again');
  });
  await check('a second refresh, with the rotated token, works as well', async () => {
    const [before, asked] = [provider.poison(), provider.redirects];
    await call(client, 'catalog_query-catalog-entities', { limit: 1 });
    assert.notEqual(provider.tokenSets.at(-1).refresh_token, before.refresh_token);
    assert.equal(provider.redirects, asked, 'the person was asked again');
  });
}

async function isRevoked(check, client, provider, server) {
  await check('once the grant is revoked the next call sends the person back to sign in', async () => {
    const { refresh_token: token } = provider.tokenSets.at(-1);
    const asked = provider.redirects;
    const body = new URLSearchParams({ token, client_id: provider.client.client_id });
    assert.equal((await fetch(`${server.origin}/revoke`, { method: 'POST', body })).status, 200);
    await assert.rejects(client.callTool({ name: 'catalog_query-catalog-entities', arguments: { limit: 1 } }));
    assert.equal(provider.redirects, asked + 1, 'the client should have had to ask the person again');
  });
}

/** Keeps what the SDK asks it to keep, and answers its authorization link as a person would. */
class MemoryProvider {
  redirectUrl = REDIRECT_URI;
  tokenSets = [];
  redirects = 0;

  constructor(person) {
    this.person = person;
  }

  get clientMetadata() {
    return {
      client_name: 'postern-judge',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state = () => (this.lastState = crypto.randomUUID());
  clientInformation = () => this.client;
  saveClientInformation = client => void (this.client = client);
  tokens = () => this.current;
  saveTokens = tokens => void this.tokenSets.push((this.current = tokens));
  saveCodeVerifier = verifier => void (this.verifier = verifier);
  codeVerifier = () => this.verifier;
  discoveryState = () => this.discovery;
  saveDiscoveryState = state => void (this.discovery = state);
  invalidateCredentials = scope => void (['all', 'tokens'].includes(scope) && (this.current = undefined));

  async redirectToAuthorization(url) {
    this.redirects += 1;
    this.asked = url.searchParams.get('scope').split(' ');
    this.callback = await this.person.answer(url);
    assert.equal(this.callback.searchParams.get('state'), this.lastState);
    assert.equal(this.callback.searchParams.get('iss'), url.origin);
  }

  /** Breaks the access token in hand, as its expiry or a lost key would, and gives the tokens as they were. */
  poison() {
    const before = this.current;
    this.current = { ...before, access_token: `${before.access_token.slice(0, -8)}AAAAAAAA` };
    return before;
  }
}
