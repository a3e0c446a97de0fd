// Templates as forms, and runs: without script, with it, narrow and dark.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { engine, startPostern } from '../conformance/lib/server.mjs';
import { assertAccessible, assertFits, assertGoodPage, assertLight, launch, signedInWindow } from './lib/browser.mjs';

const ADA = { email: 'ada@example.com', name: 'Ada', password: 'the very first passphrase' };

describe(`the pages of templates on ${engine}`, () => {
  let server, browser;
  before(async () => {
    [server, browser] = await Promise.all([startPostern(), launch()]);
    server.addUser(ADA);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const signedIn = options => signedInWindow(browser, server, ADA, options);

  async function begin(page, code) {
    await page.goto(`${server.origin}/scaffolder/templates/default/harbour-page`);
    await page.fill('input[name="p.code"]', code);
    await page.fill('input[name="p.harbour"]', 'Bergen');
    await page.locator('main button.primary').click();
  }

  for (const [width, colorScheme] of [[320, 'dark'], [360, 'light'], [1280, 'light'], [1280, 'dark']])
    test(`the pages fit ${width} px in ${colorScheme} and load nothing from elsewhere`, async () => {
      const opened = await signedIn({ viewport: { width, height: 800 }, colorScheme });
      const look = { width, scheme: colorScheme };
      await opened.page.goto(`${server.origin}/scaffolder`);
      await assertGoodPage(opened, server.origin);
      await assertLight(opened);
      await assertFits(opened.page, 'scaffolder', look);
      await opened.page.goto(`${server.origin}/scaffolder/templates/default/quay-service`);
      await assertGoodPage(opened, server.origin);
      await assertFits(opened.page, 'template', look);
      // A code that does not fit is said beside its field, and what was typed is still there.
      await begin(opened.page, 'bgo');
      assert.match(await opened.page.locator('.alert').innerText(), /did not begin/);
      assert.match(await opened.page.locator('.wrong').innerText(), /does not match/);
      assert.equal(await opened.page.inputValue('input[name="p.code"]'), 'bgo');
      await assertFits(opened.page, 'template-wrong', look);
      await begin(opened.page, 'BGO');
      // Without script the page reloads itself until the run has ended.
      await opened.page.locator('.badge.completed').waitFor();
      assert.match(await opened.page.locator('#log').innerText(), /Finished step Copy the page/);
      await assertFits(opened.page, 'task', look);
      await opened.context.close();
    });

  test('axe finds no fault with any of them', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const opened = await signedIn({ colorScheme, javaScriptEnabled: true, bypassCSP: true });
      for (const path of ['/scaffolder', '/scaffolder/templates/default/quay-service']) {
        await opened.page.goto(server.origin + path);
        await assertAccessible(opened.page, `${path} in ${colorScheme}`);
      }
      await begin(opened.page, 'OSL');
      await opened.page.locator('.badge.completed').waitFor();
      await assertAccessible(opened.page, `a run in ${colorScheme}`);
      await opened.context.close();
    }
  });

  test('with script the log grows by itself and the policy stays strict', async () => {
    const opened = await signedIn({ javaScriptEnabled: true });
    const faults = [];
    opened.page.on('console', message => message.type() === 'error' && faults.push(message.text()));
    await begin(opened.page, 'TRD');
    await opened.page.locator('.badge.completed').waitFor();
    assert.match(await opened.page.locator('#log').innerText(), /completed/);
    assert.deepEqual(faults, []);
    await opened.context.close();
  });
});
