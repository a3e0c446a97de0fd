import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PROGRAM = join(import.meta.dirname, 'node_modules/.bin/mcp-inspector');
const BROWSER = join(import.meta.dirname, '../lib/browser.mjs');
const PATIENCE_MS = 60_000;

/** The command line, with a home of its own and a browser in which `account` signs in. */
export class Inspector {
  constructor(resource, home, account) {
    Object.assign(this, { resource, home });
    this.env = {
      ...process.env,
      HOME: home,
      BROWSER,
      MCP_AUTO_OPEN_ENABLED: 'true',
      MCP_INSPECTOR_SECRET_STORE: 'file',
      POSTERN_JUDGE_PERSON: JSON.stringify(account),
      POSTERN_JUDGE_VISITS: join(home, 'visits'),
    };
  }

  /** How often its person was asked. */
  get visits() {
    return readFileSync(this.env.POSTERN_JUDGE_VISITS, 'utf8').trim().split('\n').length;
  }

  /** Runs one method and gives its result; a code other than 0 is a failure. */
  run(method, ...options) {
    const args = [PROGRAM, '--cli', this.resource, '--method', method, '--format', 'json', ...options];
    const child = spawn(process.execPath, args, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'], timeout: PATIENCE_MS });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', text => (said[name] += text));
    return new Promise((done, fail) =>
      child.once('close', code =>
        code === 0 ? done(JSON.parse(said.stdout).result) : fail(new Error(`${method} ended with ${code}:\n${said.stderr}`))));
  }

  /** The tokens it keeps. */
  tokens() {
    const { secrets } = JSON.parse(readFileSync(this.#secrets, 'utf8'));
    return JSON.parse(Object.entries(secrets).find(([name]) => name.includes(':tokens:'))[1]);
  }

  /** The client that it registered as, which its access token names (RFC 9068 section 2.2). */
  get clientId() {
    return JSON.parse(Buffer.from(this.tokens().access_token.split('.')[1], 'base64url')).client_id;
  }

  /** Breaks the access token that it keeps, as its expiry would. */
  breakToken() {
    const kept = JSON.parse(readFileSync(this.#secrets, 'utf8'));
    const name = Object.keys(kept.secrets).find(name => name.includes(':tokens:'));
    const tokens = JSON.parse(kept.secrets[name]);
    kept.secrets[name] = JSON.stringify({ ...tokens, access_token: `${tokens.access_token.slice(0, -8)}AAAAAAAA` });
    writeFileSync(this.#secrets, JSON.stringify(kept));
  }

  get #secrets() {
    return join(this.home, '.mcp-inspector/secrets.json');
  }
}
