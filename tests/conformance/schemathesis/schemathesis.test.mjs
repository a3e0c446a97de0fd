// schemathesis reads /openapi.json, sends each endpoint what the document allows and what it does not, and holds every
// answer against the document: status, type, shape, headers, the methods that are refused. Twice: as anybody, and as a
// confidential client that may introspect.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge } from '../lib/checks.mjs';
import { engine, startPostern } from '../lib/server.mjs';

const PYTHON = process.env.POSTERN_JUDGE_PYTHON ?? 'python3';
// Many at once from one address are this judge's trade; how often one may ask is tested elsewhere.
const UNPACED = Object.fromEntries(['TOKEN', 'INTROSPECT', 'REGISTER', 'AUTHORIZE', 'SIGN_IN'].map(name => [`POSTERN_RATES_${name}`, '0']));
// What it holds against the document. Not `positive_data_acceptance`: a code or a token that somebody made up is refused,
// however well it is spelt. Not `negative_data_rejection`: RFC 6749 section 3.2 has unknown and empty parameters ignored.
const CHECKS = [
  'not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance',
  'response_schema_conformance', 'unsupported_method', 'allow_header_conformance', 'ignored_auth', 'missing_required_header',
];
const CASES_MIN = 500;

await judge(`schemathesis on ${engine}`, 5, async ({ check, cleanup }) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-schemathesis-'));
  cleanup(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startPostern(UNPACED);
  cleanup(() => server.stop());
  const document = await (await fetch(`${server.origin}/openapi.json`)).json();
  // It leaves out the document that it reads.
  const { '/openapi.json': _, ...paths } = document.paths;
  const operations = Object.values(paths).flatMap(Object.keys).length;
  for (const [who, more] of [['anybody', []], ['a confidential client', credentials(server)]]) {
    const report = await check(`as ${who}: no answer is other than the document says`, () => run(server, folder, more));
    await check(`as ${who}: it went through all ${operations} operations, with enough cases`, () => {
      assert.ok(report.complete, report.stop_reason);
      const { total, tested, errored, skipped } = report.operations;
      assert.deepEqual({ total, tested, errored, skipped }, { total: operations, tested: operations, errored: 0, skipped: 0 });
      assert.deepEqual([report.phases.coverage.status, report.phases.fuzzing.status], ['success', 'success']);
      assert.ok(report.test_cases.generated >= CASES_MIN, `${report.test_cases.generated} cases`);
      assert.equal(report.test_cases.without_checks, 0);
    });
  }
  await check('the server is still well', async () => {
    assert.equal((await fetch(`${server.origin}/readyz`)).status, 200);
    assert.doesNotMatch(server.printed, /panicked/);
  });
});

function credentials(server) {
  const { client_id: id, client_secret: secret } = server.addClient({
    name: 'schemathesis', redirectUri: 'http://127.0.0.1:39930/', options: ['--confidential', '--guards', server.resource] });
  return ['--auth', `${id}:${secret}`];
}

/** Runs it once and gives its report; where it finds anything, its own words are the failure. */
async function run(server, folder, more) {
  const report = join(folder, 'report.json');
  const { code, output } = await spawned(PYTHON, ['-m', 'schemathesis.cli', 'run', `${server.origin}/openapi.json`,
    '--checks', CHECKS.join(','), '--phases', 'coverage,fuzzing', '--max-examples', '12', '--seed', '7',
    '--no-color', '--warnings', 'off', '--generation-database', 'none', '--suppress-health-check', 'all',
    '--report', 'json', '--report-json-path', report, ...more], folder);
  assert.equal(code, 0, output);
  return JSON.parse(readFileSync(report, 'utf8'));
}

function spawned(command, args, cwd) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (output += text));
    child.once('error', fail);
    child.once('close', code => done({ code, output }));
  });
}
