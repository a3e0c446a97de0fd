// The authorization scenarios of @modelcontextprotocol/conformance, with a person at the browser's end.
// The tool prints the authorization URL and waits at a loopback callback; we sign in, press Allow and go there.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { judge } from '../lib/checks.mjs';
import { Person } from '../lib/person.mjs';
import { engine, freePort, startPostern } from '../lib/server.mjs';

const TOOL = join(import.meta.dirname, 'node_modules/.bin/conformance');
const REVISIONS = ['2025-11-25', '2026-07-28'];
// How many checks each scenario makes: one that skips reports success with none.
const SCENARIOS = { 'authorization-server-metadata-endpoint': 2, 'authorization-code-grant': 1 };
const EXPECTED = REVISIONS.length * (Object.keys(SCENARIOS).length + 1);

await judge(`conformance authorization on ${engine}`, EXPECTED, async ({ check, cleanup }) => {
  const server = await startPostern();
  cleanup(() => server.stop());
  const ada = server.addUser({ email: 'ada@example.com', name: 'Ada', password: 'correct horse battery staple' });
  for (const revision of REVISIONS) {
    const run = await check(`${revision}: the tool ends with success`, async () => {
      const run = await runTool(server, new Person(ada), revision);
      assert.equal(run.status, 0, run.output);
      assert.doesNotMatch(run.output, /skipped/i, 'a skipped scenario looks like a passed one');
      return run;
    });
    for (const [scenario, count] of Object.entries(SCENARIOS))
      await check(`${revision}: ${scenario} passes with no warning`, () => {
        const checks = run.checksOf(scenario);
        const statuses = checks.map(({ status }) => status);
        assert.deepEqual(statuses, Array(count).fill('SUCCESS'), JSON.stringify(checks, null, 2));
      });
  }
});

async function runTool(server, person, revision) {
  const port = await freePort();
  const redirectUri = `http://127.0.0.1:${port}/callback`;
  const client = server.addClient({ name: 'conformance', redirectUri });
  const results = mkdtempSync(join(server.dataDir, 'conformance-'));
  const tool = spawn(process.execPath, [
    TOOL, 'authorization', '--url', server.origin, '--client-id', client.client_id, '--resource', server.resource,
    '-p', String(port), '--spec-version', revision, '-o', results,
  ], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const answering = [];
  for (const stream of [tool.stdout, tool.stderr])
    createInterface({ input: stream }).on('line', line => {
      output += `${line}\n`;
      const [link] = line.match(/https?:\/\/\S*\/authorize\?\S+/) ?? [];
      if (link) answering.push(consent(person, link, redirectUri, tool));
    });
  const status = await new Promise(done => tool.once('close', done));
  await Promise.all(answering);
  const files = globSync(join(results, '**/checks.json'));
  return {
    status, output,
    checksOf: scenario => files.filter(file => file.includes(scenario)).flatMap(file => JSON.parse(readFileSync(file))),
  };
}

async function consent(person, link, redirectUri, tool) {
  try {
    const callback = await person.answer(link);
    assert.equal(callback.origin + callback.pathname, redirectUri);
    await fetch(callback);
  } catch (error) {
    tool.kill(); // it would wait five minutes for a callback that never comes
    throw error;
  }
}
