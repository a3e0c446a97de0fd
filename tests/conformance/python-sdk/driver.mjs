import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PYTHON = process.env.POSTERN_JUDGE_PYTHON ?? 'python3';
const DRIVER = fileURLToPath(new URL('driver.py', import.meta.url));

/** driver.py in its own process, and the person who answers the pages it opens. */
export class Driver {
  opened = 0;
  #child;
  #waiting = [];

  constructor(args, person) {
    this.#child = spawn(PYTHON, [DRIVER, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
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
