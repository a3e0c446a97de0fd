// Starts the Postern that a judge judges, and makes its users and clients as an operator would: by the command line.
//
// POSTERN_BIN           the binary; by default the debug one that `cargo test` has built
// POSTERN_JUDGE_PGURL   a Postgres server to make a fresh database in; unset, the server runs on SQLite
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const BINARY = process.env.POSTERN_BIN ?? join(REPOSITORY, 'target/debug/postern');
const READY_WITHIN_MS = 30_000;
const STOP_WITHIN_MS = 10_000;

/** Which store the server under test uses; for titles and messages. */
export const engine = process.env.POSTERN_JUDGE_PGURL ? 'postgres' : 'sqlite';

/** A port of the loopback address that was free a moment ago. */
export function freePort() {
  return new Promise((done, fail) => {
    const probe = createServer().once('error', fail).listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

/** Starts a server with an empty store and waits until it is ready. `settings` are further POSTERN_… variables. */
export async function startPostern(settings = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-judge-'));
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const env = {
    ...withoutPostern(process.env),
    POSTERN_DATA_DIR: dataDir,
    POSTERN_LISTEN: `127.0.0.1:${port}`,
    POSTERN_PUBLIC_URL: origin,
    ...freshDatabase(port),
    ...settings,
  };
  const server = new Postern({ origin, dataDir, env });
  await server.start();
  return server;
}

/** One running server: where it is, what it printed, and its command line. */
export class Postern {
  #child;

  constructor({ origin, dataDir, env }) {
    Object.assign(this, { origin, dataDir, env, resource: `${origin}/mcp`, logFile: join(dataDir, 'server.log') });
  }

  /** Everything the server has printed so far, its start banner included. */
  get printed() {
    return readFileSync(this.logFile, 'utf8');
  }

  async start() {
    const log = createWriteStream(this.logFile);
    await new Promise(opened => log.once('open', opened));
    this.#child = spawn(BINARY, ['serve'], { cwd: this.dataDir, env: this.env, stdio: ['ignore', log, log] });
    this.#child.once('error', error => (this.failure = error));
    // However this process ends, the server and its data go with it.
    process.once('exit', () => this.#child.kill('SIGKILL') && this.#forget());
    process.once('SIGTERM', () => process.exit(143));
    for (const deadline = Date.now() + READY_WITHIN_MS; ; ) {
      if (await isReady(this.origin)) return;
      const ended = this.failure ?? (this.#child.exitCode !== null && `it exited with ${this.#child.exitCode}`);
      if (ended || Date.now() > deadline)
        throw new Error(`the server did not become ready: ${ended || 'no answer in time'}\n${this.printed}`);
      await new Promise(later => setTimeout(later, 50));
    }
  }

  /** Ends the server and forgets its data; a server that does not leave by itself is a failure worth seeing. */
  async stop() {
    const gone = new Promise(done => this.#child.once('exit', done));
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_WITHIN_MS);
      await gone;
      clearTimeout(late);
    }
    this.#forget();
    if (this.#child.signalCode === 'SIGKILL') throw new Error('the server did not stop within ten seconds of SIGTERM');
  }

  #forget() {
    if (!process.env.POSTERN_JUDGE_KEEP) rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Runs a command of the binary against this server's store and gives what it printed. */
  command(args, input = '') {
    const done = spawnSync(BINARY, args, { cwd: this.dataDir, env: this.env, input, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`postern ${args.join(' ')} failed: ${done.error ?? done.stderr}`);
    return done.stdout;
  }

  addUser({ email, name, password, isAdmin = false }) {
    const flags = isAdmin ? ['--admin'] : [];
    this.command(['user', 'add', '--email', email, '--name', name, '--password-stdin', ...flags], `${password}\n`);
    return { email, name, password };
  }

  /** Pre-registers a client; the answer holds `client_id`, and `client_secret` for a confidential one. */
  addClient({ name, redirectUri, options = [] }) {
    const redirect = redirectUri ? ['--redirect-uri', redirectUri] : [];
    return JSON.parse(this.command(['client', 'add', '--name', name, ...redirect, ...options, '--json']));
  }
}

// A developer's own settings must not leak into the server under test.
function withoutPostern(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('POSTERN_')));
}

function freshDatabase(port) {
  if (engine === 'sqlite') return {};
  const url = new URL(process.env.POSTERN_JUDGE_PGURL);
  const name = `judge_${process.pid}_${port}`;
  const made = spawnSync('psql', ['-qX', '-c', `create database ${name}`, url.href], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`no database could be made: ${made.error ?? made.stderr}`);
  url.pathname = `/${name}`;
  return { POSTERN_DATABASE_URL: url.href };
}

async function isReady(origin) {
  try {
    return (await fetch(`${origin}/readyz`)).ok;
  } catch {
    return false;
  }
}
