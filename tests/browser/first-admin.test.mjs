// The one-time link that the console prints where no administrator exists yet.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { engine, startPostern } from '../conformance/lib/server.mjs';
import { assertFits, assertGoodPage, assertLight, launch, openWindow } from './lib/browser.mjs';

const ROOT = { email: 'root@example.com', name: 'Root', password: 'the very first passphrase' };

describe(`the first-admin link on ${engine}`, () => {
  let server, browser, link;
  before(async () => {
    [server, browser] = await Promise.all([startPostern(), launch()]);
    [, link] = server.printed.match(/first admin[\s\S]*?(https?:\/\/\S+)/i) ?? [];
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function fillIn(page) {
    for (const [name, value] of Object.entries(ROOT)) {
      const field = page.locator(`input[name=${name}]`);
      if (await field.count()) await field.fill(value);
    }
  }

  test('the console prints a link on our own origin', () => {
    assert.ok(link, server.printed);
    assert.equal(new URL(link).origin, server.origin);
  });

  for (const width of [320, 1280])
    test(`the page is good and fits ${width} px`, async () => {
      const opened = await openWindow(browser, { viewport: { width, height: 700 } });
      await opened.page.goto(link);
      await assertGoodPage(opened, server.origin);
      await assertLight(opened);
      await assertFits(opened.page, 'first-admin', { width, scheme: 'light' });
      assert.equal(await opened.page.locator('input[name=password]').getAttribute('autocomplete'), 'new-password');
      await opened.context.close();
    });

  test('a link with one letter changed is refused', async () => {
    const { page, context } = await openWindow(browser);
    const answer = await page.goto(link.slice(0, -1) + (link.endsWith('A') ? 'B' : 'A'));
    assert.ok(answer.status() >= 400, String(answer.status()));
    assert.equal(await page.locator('input[name=password]').count(), 0);
    await context.close();
  });

  test('it makes an administrator, once', async () => {
    const first = await openWindow(browser);
    const late = await openWindow(browser);
    await first.page.goto(link);
    await late.page.goto(link);
    await fillIn(first.page);
    await fillIn(late.page);
    await first.page.locator('form:has(input[name=password]) button').first().click();
    await first.page.waitForLoadState();
    const made = server.command(['user', 'list']);
    assert.match(made, new RegExp(`${ROOT.email}.*admin`, 'i'), made);
    // The form that was already open elsewhere must not work either.
    await late.page.locator('input[name=email]').fill('second@example.com');
    await late.page.locator('form:has(input[name=password]) button').first().click();
    await late.page.waitForLoadState();
    assert.doesNotMatch(server.command(['user', 'list']), /second@example\.com/);
    const again = await openWindow(browser);
    const answer = await again.page.goto(link);
    assert.ok(answer.status() >= 400, `the used link answered ${answer.status()}`);
    assert.equal(await again.page.locator('input[name=password]').count(), 0);
    await assertGoodPage(again, server.origin);
    for (const { context } of [first, late, again]) await context.close();
  });
});
