// A strict OAuth client library walks the whole way: discovery, registration, PKCE, sign-in, token, RFC 9068 validation,
// userinfo, a guarded call, refresh with rotation, introspection, revocation, and the refusal that follows.
// Every `process…` function of the library throws on an answer that is not to the letter of its RFC.
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { judge } from '../lib/checks.mjs';
import { callTool } from '../lib/mcp.mjs';
import { Person } from '../lib/person.mjs';
import { engine, startPostern } from '../lib/server.mjs';

const REDIRECT_URI = 'http://127.0.0.1:39917/callback'; // nothing listens there: the redirect is read, not followed
const SCOPE = 'openid profile email offline_access catalog:read';
const insecure = { [oauth.allowInsecureRequests]: true }; // the library refuses http, which loopback tests need

await judge(`oauth4webapi on ${engine}`, 17, async ({ check, cleanup }) => {
  const server = await startPostern();
  cleanup(() => server.stop());
  const ada = server.addUser({ email: 'ada@example.com', name: 'Ada Lovelace', password: 'correct horse battery staple' });
  const as = await discovers(check, server);
  const client = await registers(check, as);
  const tokens = await signsIn(check, { as, client, server, person: new Person(ada) });
  await usesTheToken(check, { as, client, server, tokens });
  const fresh = await refreshes(check, { as, client, server, tokens });
  await revokes(check, { as, client, server, tokens: fresh });
});

async function discovers(check, server) {
  const challenge = await check('a call without a token is challenged and names the resource metadata', async () => {
    const refused = await oauth.protectedResourceRequest('not-a-token', 'POST', new URL(server.resource), undefined, undefined, insecure)
      .catch(error => error);
    assert.equal(refused.code, oauth.WWW_AUTHENTICATE_CHALLENGE, String(refused));
    const [{ scheme, parameters }] = refused.cause;
    assert.equal(scheme, 'bearer');
    assert.equal(parameters.error, 'invalid_token');
    return parameters;
  });
  const resource = await check('protected resource metadata (RFC 9728)', async () => {
    const url = new URL(server.resource);
    const answer = await oauth.resourceDiscoveryRequest(url, insecure);
    assert.equal(answer.url, challenge.resource_metadata);
    return oauth.processResourceDiscoveryResponse(url, answer);
  });
  for (const algorithm of ['oidc', 'oauth2'])
    await check(`authorization server metadata by ${algorithm} discovery`, () => metadata(resource, algorithm));
  return metadata(resource, 'oauth2');
}

async function metadata(resource, algorithm) {
  const issuer = new URL(resource.authorization_servers[0]);
  const answer = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
  const as = await oauth.processDiscoveryResponse(issuer, answer);
  assert.equal(as.issuer, resource.authorization_servers[0], 'byte for byte');
  assert.ok(as.code_challenge_methods_supported.includes('S256'));
  assert.equal(as.authorization_response_iss_parameter_supported, true);
  return as;
}

function registers(check, as) {
  return check('dynamic registration of a public client (RFC 7591)', async () => {
    const answer = await oauth.dynamicClientRegistrationRequest(as, {
      client_name: 'oauth4webapi',
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: SCOPE,
    }, insecure);
    const client = await oauth.processDynamicClientRegistrationResponse(answer);
    assert.equal(client.token_endpoint_auth_method, 'none');
    assert.equal(client.client_secret, undefined, 'a public client gets no secret');
    return client;
  });
}

async function signsIn(check, { as, client, server, person }) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: SCOPE,
    state,
    nonce,
    resource: server.resource,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  const callback = await check('sign-in and consent come back with the state and the issuer (RFC 9207)', async () => {
    const landed = await person.answer(url);
    assert.equal(landed.origin + landed.pathname, REDIRECT_URI);
    assert.equal(landed.searchParams.get('iss'), as.issuer);
    return oauth.validateAuthResponse(as, client, landed, state);
  });
  const redeem = secret => oauth.authorizationCodeGrantRequest(
    as, client, oauth.None(), callback, REDIRECT_URI, secret, { additionalParameters: { resource: server.resource }, ...insecure });
  return check('the code and its verifier give an access token, a refresh token and an ID token', async () => {
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, await redeem(verifier), {
      expectedNonce: nonce, requireIdToken: true });
    assert.ok(tokens.refresh_token, 'offline_access was allowed');
    assert.equal(tokens.token_type, 'bearer');
    assert.ok(tokens.expires_in > 300, 'some clients loop on five minutes or less');
    return tokens;
  });
}

async function usesTheToken(check, { as, client, server, tokens }) {
  const claims = await check('the access token is an RFC 9068 JWT for exactly this resource', async () => {
    const request = new Request(server.resource, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(as, request, server.resource, insecure);
    assert.equal(claims.client_id, client.client_id);
    assert.ok(claims.scope.split(' ').includes('catalog:read'), claims.scope);
    assert.equal(claims.sub, oauth.getValidatedIdTokenClaims(tokens).sub);
    return claims;
  });
  await check('userinfo speaks of the same subject', async () => {
    const answer = await oauth.userInfoRequest(as, client, tokens.access_token, insecure);
    const info = await oauth.processUserInfoResponse(as, client, claims.sub, answer);
    assert.equal(info.email, 'ada@example.com');
    assert.equal(info.name, 'Ada Lovelace');
  });
  await check('a guarded call is answered', async () => {
    const { status, body } = await callTool(server, tokens.access_token);
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok(body.result?.content?.length > 0, JSON.stringify(body));
    assert.notEqual(body.result.isError, true, JSON.stringify(body));
  });
}

async function refreshes(check, { as, client, server, tokens }) {
  const refresh = token => oauth.refreshTokenGrantRequest(
    as, client, oauth.None(), token, { additionalParameters: { resource: server.resource }, ...insecure });
  const fresh = await check('a refresh rotates the refresh token', async () => {
    const fresh = await oauth.processRefreshTokenResponse(as, client, await refresh(tokens.refresh_token));
    assert.ok(fresh.refresh_token);
    assert.notEqual(fresh.refresh_token, tokens.refresh_token);
    assert.notEqual(fresh.access_token, tokens.access_token);
    return fresh;
  });
  await check('the fresh access token is answered', async () => {
    assert.equal((await callTool(server, fresh.access_token)).status, 200);
  });
  return fresh;
}

async function revokes(check, { as, client, server, tokens }) {
  const registered = server.addClient({
    name: 'introspection', redirectUri: REDIRECT_URI, options: ['--confidential', '--guards', server.resource] });
  const api = { client_id: registered.client_id };
  const secret = oauth.ClientSecretBasic(registered.client_secret);
  const introspect = async token => oauth.processIntrospectionResponse(
    as, api, await oauth.introspectionRequest(as, api, secret, token, insecure));
  await check('introspection by a confidential client says what the token is (RFC 7662)', async () => {
    const seen = await introspect(tokens.access_token);
    assert.equal(seen.active, true);
    assert.equal(seen.client_id, client.client_id);
    assert.ok(seen.scope.split(' ').includes('catalog:read'), seen.scope);
  });
  await check('revocation of the refresh token is accepted (RFC 7009)', async () => {
    const answer = await oauth.revocationRequest(as, client, oauth.None(), tokens.refresh_token, insecure);
    await oauth.processRevocationResponse(answer);
  });
  await check('the revoked refresh token is refused', async () => {
    const answer = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token, insecure);
    const refused = await oauth.processRefreshTokenResponse(as, client, answer).catch(error => error);
    assert.equal(refused.error, 'invalid_grant', String(refused));
  });
  await check('the access token of the revoked grant is refused on its next call', async () => {
    assert.equal((await callTool(server, tokens.access_token)).status, 401);
  });
  await check('introspection calls the revoked token inactive', async () => {
    assert.equal((await introspect(tokens.access_token)).active, false);
  });
}
