// A judge's checks: one line each, in order, and a count that must come out. A check that silently does not run
// (a skipped scenario, an early return) is as bad as one that fails, so every judge states how many it makes.
import assert from 'node:assert/strict';
import { test } from 'node:test';

/**
 * Runs a judge: `body` gets `check(name, fn)`, which reports one line and gives what `fn` gave, and `cleanup(fn)`,
 * run at the end whatever happened. The first failed check ends the judge: what follows would only be noise.
 */
export function judge(title, expected, body) {
  return test(title, async context => {
    const cleanups = [];
    let passed = 0;
    const check = async (name, fn) => {
      let gave;
      let fault;
      await context.test(name, async () => {
        try {
          gave = await fn();
        } catch (error) {
          fault = error;
          throw error;
        }
      });
      if (fault) throw new Error(`"${name}" failed; what follows was not judged`);
      passed += 1;
      return gave;
    };
    try {
      await body({ check, cleanup: fn => cleanups.unshift(fn) });
      assert.equal(passed, expected, `${passed} checks passed, ${expected} are expected`);
    } finally {
      for (const clean of cleanups) await clean();
    }
  });
}
