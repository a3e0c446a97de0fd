// The administrator's list of clients, and the page that a custom-scheme client is left with.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { engine, startPostern } from '../conformance/lib/server.mjs';
import { assertAccessible, assertFits, assertGoodPage, assertLight, launch, signedInWindow } from './lib/browser.mjs';
import { newRequest } from './lib/oauth.mjs';

const ROOT = { email: 'root@example.com', name: 'Root', password: 'the very first passphrase' };

describe(`the administrator's pages on ${engine}`, () => {
  let server, browser;
  before(async () => {
    [server, browser] = await Promise.all([startPostern(), launch()]);
    server.addUser({ ...ROOT, isAdmin: true });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const signedIn = options => signedInWindow(browser, server, ROOT, options);

  for (const [width, colorScheme] of [[320, 'dark'], [360, 'light'], [1280, 'light'], [1280, 'dark']])
    test(`the list fits ${width} px in ${colorScheme} and loads nothing from elsewhere`, async () => {
      await newRequest(server, 'http://127.0.0.1:33418/');
      const opened = await signedIn({ viewport: { width, height: 800 }, colorScheme });
      await opened.page.goto(`${server.origin}/admin`);
      await assertGoodPage(opened, server.origin);
      await assertLight(opened);
      await assertFits(opened.page, 'admin', { width, scheme: colorScheme });
      await opened.context.close();
    });

  test('axe finds no fault with the list or the question', async () => {
    await newRequest(server, 'http://127.0.0.1:33418/');
    for (const colorScheme of ['light', 'dark']) {
      const opened = await signedIn({ colorScheme, javaScriptEnabled: true, bypassCSP: true });
      await opened.page.goto(`${server.origin}/admin`);
      await assertAccessible(opened.page, `admin in ${colorScheme}`);
      await opened.page.locator('a[href*="revoke="]').first().click();
      await assertAccessible(opened.page, `admin question in ${colorScheme}`);
      await opened.context.close();
    }
  });

  test('a client is ended after one question, and only then', async () => {
    const { client } = await newRequest(server, 'http://127.0.0.1:33418/');
    const { page, context } = await signedIn();
    await page.goto(`${server.origin}/admin`);
    await page.locator(`a[href*="${client.client_id}"]`).click();
    assert.match(await page.locator('h1').first().innerText(), /for everyone\?/);
    const state = () => JSON.parse(server.command(['client', 'list', '--json'])).find(c => c.client_id === client.client_id).state;
    assert.equal(state(), 'active');
    await page.locator('form[action="/admin/revoke"] button').click();
    assert.equal(new URL(page.url()).pathname, '/admin');
    assert.equal(state(), 'revoked');
    await context.close();
  });

  test('a client with a scheme of its own leaves a page behind that says what to do', async () => {
    for (const width of [320, 1280]) {
      const request = await newRequest(server, 'cursor://anysphere.cursor-mcp/oauth/callback');
      const opened = await signedIn({ viewport: { width, height: 700 } });
      await opened.page.goto(request.url);
      await opened.page.locator('button[value=allow]').click();
      await opened.page.locator('a[href^="cursor://"]').waitFor();
      assert.equal(await opened.page.locator('a[href^="cursor://"]').innerText(), 'Return to Browser Test');
      await assertFits(opened.page, 'finished', { width, scheme: 'light' });
      await opened.context.close();
    }
  });
});
