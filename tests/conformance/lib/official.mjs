// `conformance server` of @modelcontextprotocol/conformance against a Postern in conformance mode, with its door shut:
// the tool has no way to send a token, so one is put into whatever it sends (bearer.mjs).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { judge } from './checks.mjs';
import { engine, startPostern } from './server.mjs';

const BEARER = pathToFileURL(join(import.meta.dirname, 'bearer.mjs'));
const PATIENCE_MS = 240_000;

/**
 * Judges with the tool in `folder`. Each of `runs` is `{title, args, expected}`; `expected` names every scenario that
 * must run, with how many of its checks must pass: most of them pass without looking where the server answers nothing
 * but 401, and a scenario that is skipped ends well too, so an exit code alone says little.
 */
export function judgeServer({ title, folder, runs }) {
  return judge(`${title} on ${engine}`, runs.length * 2, async ({ check, cleanup }) => {
    const server = await startPostern({ POSTERN_CONFORMANCE: '1' });
    cleanup(() => server.stop());
    const token = await tokenFor(server);
    for (const { title, args, expected } of runs) {
      const run = await check(`${title}: the tool ends with success`, async () => {
        const run = await runTool(folder, server, token, args);
        assert.equal(run.status, 0, run.output);
        return run;
      });
      await check(`${title}: every scenario makes its checks and none fails`, () => {
        const found = Object.fromEntries(Object.keys(expected).map(name => [name, run.scenarios[name]]));
        assert.deepEqual(found, expected, run.output);
      });
    }
  });
}

async function tokenFor(server) {
  const options = ['--confidential', '--grant', 'client_credentials', '--scope', 'catalog:read'];
  const client = server.addClient({ name: 'conformance', options });
  const answer = await fetch(`${server.origin}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: server.resource, scope: 'catalog:read' }),
  });
  const body = await answer.json();
  assert.ok(body.access_token, JSON.stringify(body));
  return body.access_token;
}

async function runTool(folder, server, token, args) {
  const tool = join(folder, 'node_modules/@modelcontextprotocol/conformance');
  const [script] = Object.values(JSON.parse(readFileSync(join(tool, 'package.json'))).bin);
  const child = spawn(
    process.execPath,
    ['--import', BEARER, join(tool, script), 'server', '--url', server.resource, ...args],
    { env: { ...process.env, MCP_BEARER: token, MCP_BEARER_ORIGIN: server.origin }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk));
  const status = await new Promise(done => child.once('close', done));
  clearTimeout(late);
  const lines = output.matchAll(/^[✓✗] (\S+): (\d+) passed, (\d+) failed/gmu);
  const scenarios = Object.fromEntries([...lines].map(([, name, passed, failed]) => [name, failed === '0' ? Number(passed) : `${failed} failed`]));
  return { status, output, scenarios };
}
