import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const PYTHON = process.env.POSTERN_JUDGE_PYTHON ?? 'python3';

/**
 * A judge's `driver.py` in its own process, told what to do line by line: it says `{client}` when it is ready, then
 * `{result}` or `{error}` to each command. A page that it asks to have opened by `{open}` is answered by `person`.
 */
export class Driver {
  opened = 0;
  #child;
  #waiting = [];

  constructor(program, args, { person, env = {} } = {}) {
    const child = { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] };
    this.#child = spawn(PYTHON, [program, ...args], child);
    process.once('exit', () => this.#child.kill('SIGKILL'));
    this.gone = new Promise(done => this.#child.once('exit', code => done(code)));
    this.ready = this.#next().then(({ client }) => (this.client = client));
    createInterface({ input: this.#child.stdout }).on('line', line => this.#heard(JSON.parse(line), person));
    this.gone.then(code => this.#waiting.splice(0).forEach(([, fail]) => fail(new Error(`the driver ended with ${code}`))));
  }

  /** Sends one command and gives its result. */
  async ask(command) {
    const answer = this.#next();
    this.#tell(command);
    const { result, error } = await answer;
    if (error) throw new Error(error);
    return result;
  }

  /** Makes it begin anew with what it kept, where its program can. */
  async restart() {
    const again = this.#next();
    this.#tell({ do: 'restart' });
    this.client = (await again).client;
  }

  end() {
    if (this.#child.exitCode === null) this.#tell({ do: 'end' });
    return this.gone;
  }

  async #heard(line, person) {
    if (!line.open) return this.#waiting.shift()?.[0](line);
    this.opened += 1;
    this.#tell({ landed: String(await person.answer(line.open)) });
  }

  #tell(what) {
    this.#child.stdin.write(`${JSON.stringify(what)}\n`);
  }

  #next() {
    return new Promise((done, fail) => this.#waiting.push([done, fail]));
  }
}
