// A client's side of the flow in plain fetch, so that a browser test reads like what the person does.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

const random = () => randomBytes(32).toString('base64url');

/** Registers a public client and prepares one authorization request of it. */
export async function newRequest(server, redirectUri, { scope = 'openid offline_access catalog:read' } = {}) {
  const answer = await fetch(`${server.origin}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Browser Test',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    }),
  });
  const client = await answer.json();
  assert.equal(answer.status, 201, JSON.stringify(client));
  const [state, verifier] = [random(), random()];
  const parameters = {
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope,
    state,
    resource: server.resource,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  return { client, state, verifier, redirectUri, url: `${server.origin}/authorize?${new URLSearchParams(parameters)}` };
}

/** Redeems a code; gives the status and the parsed answer. */
export async function redeem(server, request, code) {
  const answer = await fetch(`${server.origin}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      client_id: request.client.client_id,
      redirect_uri: request.redirectUri,
      code_verifier: request.verifier,
      resource: server.resource,
    }),
  });
  return { status: answer.status, body: await answer.json() };
}
