import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('node_modules/mcp-remote/dist/proxy.js', import.meta.url));
const BROWSER = fileURLToPath(new URL('../lib/browser.mjs', import.meta.url));
const PATIENCE_MS = 30_000;

/** mcp-remote in its own process, spoken to over stdio as an editor would. `account` is who its browser signs in as. */
export class Bridge {
  #child;
  #asked = new Map();
  #log = '';

  constructor(resource, home, account) {
    this.#child = spawn(process.execPath, [PROGRAM, resource, '--transport', 'http-only'], {
      env: { ...process.env, BROWSER, MCP_REMOTE_CONFIG_DIR: home, POSTERN_JUDGE_PERSON: JSON.stringify(account) },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stderr.setEncoding('utf8').on('data', text => (this.#log += text));
    createInterface({ input: this.#child.stdout }).on('line', line => this.#heard(JSON.parse(line)));
    this.gone = new Promise(done => this.#child.once('exit', done));
    process.once('exit', () => this.#child.kill('SIGKILL'));
  }

  async initialize() {
    const clientInfo = { name: 'postern-judge', version: '1' };
    const result = await this.request('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
    this.#tell({ method: 'notifications/initialized' });
    return result;
  }

  /** One request, and its result. */
  request(method, params) {
    const id = this.#asked.size + 1;
    return new Promise((done, fail) => {
      const late = setTimeout(() => fail(new Error(`no answer to ${method}:\n${this.#log}`)), PATIENCE_MS);
      this.#asked.set(id, ({ result, error }) => {
        clearTimeout(late);
        if (error) fail(new Error(`${JSON.stringify(error)}\n${this.#log}`));
        else done(result);
      });
      this.#tell({ id, method, params });
    });
  }

  async end() {
    if (this.#child.exitCode === null) this.#child.stdin.end();
    const late = setTimeout(() => this.#child.kill('SIGTERM'), 2_000);
    await this.gone;
    clearTimeout(late);
  }

  #heard(message) {
    this.#asked.get(message.id)?.(message);
  }

  #tell(message) {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }
}

/** A file in which mcp-remote keeps what it was given: `tokens` or `client_info`. */
export function kept(home, name) {
  const found = readdirSync(home, { recursive: true }).find(file => String(file).endsWith(`_${name}.json`));
  if (!found) throw new Error(`nothing like ${name} in ${readdirSync(home, { recursive: true })}`);
  const file = join(home, String(found));
  const read = () => JSON.parse(readFileSync(file, 'utf8'));
  return { read, change: how => writeFileSync(file, JSON.stringify(how(read()))) };
}
