// schemathesis reads /openapi.json, sends each endpoint what the document allows and what it does not, and holds every
// answer against the document: status, type, shape, headers, the methods that are refused. Twice: as anybody, and as a
// confidential client that may introspect.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from '../lib/checks.mjs';
import { engine, startPostern } from '../lib/server.mjs';

const PYTHON = process.env.POSTERN_JUDGE_PYTHON ?? 'python3';
// Many at once from one address are this judge's trade; how often one may ask is tested elsewhere.
const UNPACED = Object.fromEntries(
  ['TOKEN', 'INTROSPECT', 'REGISTER', 'AUTHORIZE', 'SIGN_IN'].map(name => [`POSTERN_RATES_${name}`, '1000000']));
// What it holds against the document. Not `positive_data_acceptance`: a code or a token that somebody made up is refused,
// however well it is spelt. Not `negative_data_rejection`: RFC 6749 section 3.2 has unknown and empty parameters ignored.
const CHECKS = [
  'not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance',
  'response_schema_conformance', 'unsupported_method', 'allow_header_conformance', 'ignored_auth', 'missing_required_header',
];
const CASES_MIN = 300;

await judge(`schemathesis on ${engine}`, 5, async ({ check, cleanup }) => {
  const server = await startPostern(UNPACED);
  cleanup(() => server.stop());
  const document = await (await fetch(`${server.origin}/openapi.json`)).json();
  const operations = Object.values(document.paths).flatMap(Object.keys).length;
  for (const [who, more] of [['anybody', []], ['a confidential client', credentials(server)]]) {
    const report = await check(`asked as ${who}, nothing that it holds against the document is wrong`, () => run(server, more));
    await check(`asked as ${who}, it went through all ${operations} operations with enough cases`, async () => {
      assert.equal(report.operations, operations);
      assert.ok(report.cases >= CASES_MIN, `${report.cases} cases`);
    });
  }
  await check('the server is still well', async () => {
    assert.equal((await fetch(`${server.origin}/readyz`)).status, 200);
    assert.doesNotMatch(server.printed, /panicked|the token side failed/);
  });
});

function credentials(server) {
  const { client_id: id, client_secret: secret } = server.addClient({
    name: 'schemathesis', redirectUri: 'http://127.0.0.1:39930/', options: ['--confidential', '--guards', server.resource] });
  return ['--auth', `${id}:${secret}`];
}

/** Runs it once; its own words are the failure. */
async function run(server, more) {
  const report = join(tmpdir(), `schemathesis-${process.pid}-${Date.now()}.ndjson`);
  const args = ['-m', 'schemathesis.cli', 'run', `${server.origin}/openapi.json`, '--checks', CHECKS.join(','),
    '--phases', 'examples,coverage,fuzzing', '--max-examples', '8', '--seed', '7', '--workers', '2', '--no-color',
    '--generation-database', 'none', '--suppress-health-check', 'all', '--report', 'ndjson', '--report-ndjson-path', report, ...more];
  const { code, output } = await spawned(PYTHON, args);
  try {
    assert.equal(code, 0, output);
    return counted(readFileSync(report, 'utf8'));
  } finally {
    rmSync(report, { force: true });
  }
}

function spawned(command, args) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text));
    child.once('error', fail);
    child.once('close', code => done({ code, output }));
  });
}

/** How many operations were asked, and how often in all, by the events that it wrote down. */
function counted(text) {
  const names = new Set();
  let cases = 0;
  for (const line of text.split('\n').filter(Boolean)) {
    const event = JSON.parse(line).ScenarioFinished;
    if (!event) continue;
    for (const one of Object.values(event.recorder?.cases ?? {})) {
      const { method, path } = one.value ?? one;
      if (document_path(path)) names.add(`${event.recorder.label}`);
      cases += 1;
      void method;
    }
  }
  return { operations: names.size, cases };
}

function document_path(path) {
  return typeof path === 'string' && path.startsWith('/');
}
