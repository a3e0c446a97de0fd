// Sign-in and consent in a real browser with script off, from a client's link to its loopback redirect.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { engine, startPostern } from '../conformance/lib/server.mjs';
import { assertGoodPage, assertLight, launch, listenForRedirect, openWindow } from './lib/browser.mjs';
import { newRequest, redeem } from './lib/oauth.mjs';

const MARY = { email: 'mary@example.com', name: 'Mary', password: 'a long and quiet passphrase' };

describe(`sign-in and consent on ${engine}`, () => {
  let server, browser, client;
  before(async () => {
    [server, browser, client] = await Promise.all([startPostern(), launch(), listenForRedirect()]);
    server.addUser(MARY);
  });
  after(async () => {
    await browser?.close();
    await client?.close();
    await server?.stop();
  });

  async function signIn(page, password = MARY.password) {
    await page.locator('input[name=email]').fill(MARY.email);
    await page.locator('input[name=password]').fill(password);
    await page.locator('form:has(input[name=password]) button').first().click();
  }

  /** Opens a fresh request and signs in, so that the consent page is shown. */
  async function consentPage() {
    client.seen.length = 0;
    const request = await newRequest(server, client.redirectUri);
    const opened = await openWindow(browser);
    await opened.page.goto(request.url);
    await signIn(opened.page);
    await opened.page.locator('button[name=decision][value=allow]').waitFor();
    return { request, ...opened };
  }

  test('Allow brings the client a code that buys a token', async () => {
    const { request, page, context } = await consentPage();
    await page.locator('button[name=decision][value=allow]').click();
    const sent = await client.arrived();
    assert.equal(sent.get('state'), request.state);
    assert.equal(sent.get('iss'), server.origin);
    assert.equal(sent.get('error'), null);
    const { status, body } = await redeem(server, request, sent.get('code'));
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok(body.access_token && body.refresh_token, JSON.stringify(Object.keys(body)));
    await context.close();
  });

  test('Cancel brings the client access_denied and nothing else', async () => {
    const { request, page, context } = await consentPage();
    await page.locator('button[name=decision][value=cancel]').click();
    const sent = await client.arrived();
    assert.equal(sent.get('error'), 'access_denied');
    assert.equal(sent.get('state'), request.state);
    assert.equal(sent.get('iss'), server.origin);
    assert.equal(sent.get('code'), null);
    await context.close();
  });

  test('a wrong password says so, keeps the request, and the right one goes on', async () => {
    const request = await newRequest(server, client.redirectUri);
    const opened = await openWindow(browser);
    await opened.page.goto(request.url);
    await signIn(opened.page, 'not the passphrase');
    await opened.page.locator('[role=alert]').waitFor();
    await assertGoodPage(opened, server.origin);
    assert.equal(await opened.page.locator('input[name=password]').inputValue(), '', 'a password is never sent back');
    assert.deepEqual(client.seen, []);
    await signIn(opened.page);
    await opened.page.locator('button[name=decision][value=allow]').click();
    assert.equal((await client.arrived()).get('state'), request.state);
    await opened.context.close();
  });

  test('the sign-in page is safe, light and fit for password managers', async () => {
    const request = await newRequest(server, client.redirectUri);
    const opened = await openWindow(browser);
    await opened.page.goto(request.url);
    await assertGoodPage(opened, server.origin);
    await assertLight(opened);
    const { page } = opened;
    assert.equal(await page.locator('input[name=password]').getAttribute('type'), 'password');
    assert.equal(await page.locator('input[name=password]').getAttribute('autocomplete'), 'current-password');
    assert.match(await page.locator('input[name=email]').getAttribute('autocomplete'), /username|email/);
    for (const name of ['email', 'password'])
      assert.ok(await page.locator(`input[name=${name}]`).evaluate(input => input.labels.length), `${name} has no label`);
    await opened.context.close();
  });

  test('the consent page says who asks and where the answer goes, and lets the redirect leave', async () => {
    const opened = await consentPage();
    const { policy } = await assertGoodPage(opened, server.origin);
    await assertLight(opened);
    const text = await opened.page.locator('main').innerText();
    assert.match(text, /Browser Test/);
    assert.ok(text.includes(MARY.email), 'it must say as whom one is signed in');
    assert.ok(text.includes(new URL(client.redirectUri).host), `it must say where the answer goes:\n${text}`);
    assert.equal(await opened.page.title(), (await opened.page.locator('h1').innerText()).trim());
    // Chromium applies form-action to the whole redirect chain: 'self' would make Allow do nothing at all.
    assert.doesNotMatch(policy, /form-action/);
    await opened.context.close();
  });

  test('Allow is never focused by itself, and Cancel comes before it', async () => {
    const { page, context } = await consentPage();
    const focused = await page.evaluate(() => document.activeElement?.getAttribute('value'));
    assert.notEqual(focused, 'allow');
    assert.equal(await page.locator('[autofocus]').count(), 0);
    const order = await page.locator('button[name=decision]').evaluateAll(all => all.map(button => button.value));
    assert.deepEqual(order, ['cancel', 'allow']);
    await context.close();
  });

  test('a request can be answered once: going back and pressing Allow again gives no second code', async () => {
    const { page, context } = await consentPage();
    await page.locator('button[name=decision][value=allow]').click();
    await client.arrived();
    await page.getByText('You can close this window.').waitFor(); // the client's own page, in a process of its own
    await page.goBack();
    const again = page.locator('button[name=decision][value=allow]');
    if (await again.count()) await again.click();
    await page.waitForLoadState();
    assert.deepEqual(client.seen.filter(sent => sent.get('code')), []);
    await context.close();
  });

  test('an unknown client, and a redirect it did not register, show a page and never redirect', async () => {
    const request = await newRequest(server, client.redirectUri);
    const elsewhere = 'http://127.0.0.1:9/elsewhere';
    for (const [name, value] of [['client_id', 'nobody'], ['redirect_uri', elsewhere]]) {
      const url = new URL(request.url);
      url.searchParams.set(name, value);
      const opened = await openWindow(browser);
      const answer = await opened.page.goto(url.href);
      assert.equal(answer.status(), 400);
      assert.equal(new URL(opened.page.url()).origin, server.origin);
      await assertGoodPage(opened, server.origin);
      assert.equal(await opened.page.locator(`a[href*="127.0.0.1"]`).count(), 0, 'no link to a redirect nobody vouches for');
      await opened.context.close();
    }
    assert.deepEqual(client.seen, []);
  });
});
