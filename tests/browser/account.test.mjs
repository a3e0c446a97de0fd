// What a person sees of their own account, and an administrator of everybody's: whole, narrow, dark, without script.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { engine, startPostern } from '../conformance/lib/server.mjs';
import { assertAccessible, assertFits, assertGoodPage, assertLight, launch, listenForRedirect, openWindow, signedInWindow } from './lib/browser.mjs';
import { newRequest, redeem } from './lib/oauth.mjs';

const ROOT = { email: 'root@example.com', name: 'Root', password: 'the very first passphrase' };
const DANA = { email: 'dana@example.com', name: 'Dana Ruiz', password: 'a long and quiet passphrase' };

describe(`account and administration on ${engine}`, () => {
  let server, browser, client;
  before(async () => {
    [server, browser, client] = await Promise.all([startPostern(), launch(), listenForRedirect()]);
    server.addUser(DANA);
    server.addUser({ ...ROOT, isAdmin: true });
  });
  after(async () => {
    await browser?.close();
    await client?.close();
    await server?.stop();
  });

  const signedIn = (account, options) => signedInWindow(browser, server, account, options);

  /** An app that `page`'s person lets in, leaving out what `untick` names; its tokens. */
  async function connected(page, { scope, untick = [] } = {}) {
    const request = await newRequest(server, client.redirectUri, { scope });
    await page.goto(request.url);
    for (const name of untick) await page.locator(`input[name=scope][value="${name}"]`).uncheck();
    await page.locator('button[value=allow]').click();
    const { body } = await redeem(server, request, (await client.arrived()).get('code'));
    return { request, tokens: body };
  }

  const call = token =>
    fetch(server.resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
    }).then(answer => answer.status);

  /** Every page of this kind, by what it is called and how it is reached. */
  async function walk(opened, see) {
    const { page } = opened;
    const go = async (name, path) => {
      await page.goto(`${server.origin}${path}`);
      await see(name);
    };
    await go('account', '/account');
    await go('apps', '/account/apps');
    await page.locator('a[href*="apps?client="]').first().click();
    await see('apps-question');
    await go('activity', '/account/activity');
    await go('sessions', '/account/sessions');
    await go('password', '/account/password');
    await go('catalog', '/catalog?q=crossing');
    await go('catalog-entity', '/catalog/component/default/fares-service');
    await go('catalog-api', '/catalog/api/default/bookings');
    for (const fold of await page.locator('details').all()) await fold.evaluate(it => (it.open = true));
    await see('catalog-api-unfolded');
    await go('catalog-team', '/catalog/group/default/passage');
    await go('catalog-nothing', '/catalog/component/default/nothing');
    await go('scorecards', '/catalog/scorecards');
    await go('scorecard', '/catalog/scorecards/production-ready');
    await go('admin-clients', '/admin?state=active');
    await page.locator('a[href^="/admin/clients/"]').first().click();
    await see('admin-client');
    await go('admin-users', '/admin/users');
    await page.locator('a[href*="ask=suspend"]').first().click();
    await see('admin-users-question');
    await go('audit', '/admin/audit');
    await page.goto((await newRequest(server, client.redirectUri, { scope: 'openid email profile catalog:read' })).url);
    await see('consent-choices');
  }

  for (const [width, colorScheme] of [[320, 'dark'], [360, 'light'], [1280, 'light'], [1280, 'dark']])
    test(`every page fits ${width} px in ${colorScheme} and loads nothing from elsewhere`, async () => {
      const opened = await signedIn(ROOT, { viewport: { width, height: 800 }, colorScheme });
      await connected(opened.page);
      opened.answers.length = 0; // the client's own page was among them
      await walk(opened, async name => {
        await assertGoodPage(opened, server.origin);
        await assertLight(opened);
        await assertFits(opened.page, name, { width, scheme: colorScheme });
      });
      await opened.context.close();
    });

  for (const colorScheme of ['light', 'dark'])
    test(`axe finds no fault in ${colorScheme}`, async () => {
      const opened = await signedIn(ROOT, { colorScheme, javaScriptEnabled: true, bypassCSP: true });
      await connected(opened.page);
      await walk(opened, name => assertAccessible(opened.page, `${name} in ${colorScheme}`));
      await opened.context.close();
    });

  test('what is unticked is not given, and what is disconnected is refused at the next call', async () => {
    const { page, context } = await signedIn(DANA);
    const { tokens } = await connected(page, { scope: 'openid email profile catalog:read', untick: ['email'] });
    assert.equal(tokens.scope, 'catalog:read openid profile');
    assert.equal(await call(tokens.access_token), 200);
    await page.goto(`${server.origin}/account`);
    await page.getByRole('link', { name: 'Connected apps' }).click();
    await page.locator('a[href*="apps?client="]').click();
    assert.match(await page.locator('h1').innerText(), /^Disconnect Browser Test\?$/);
    await page.getByRole('button', { name: 'Disconnect' }).click();
    assert.match(await page.locator('main').innerText(), /No app acts in your name here/);
    assert.equal(await call(tokens.access_token), 401);
    await context.close();
  });

  test('a second question names what is new', async () => {
    const { page, context } = await signedIn(DANA);
    const { request } = await connected(page, { scope: 'openid catalog:read' });
    const url = new URL(request.url);
    url.searchParams.set('scope', 'openid email catalog:read');
    await page.goto(url.href);
    assert.match(await page.locator('h2').first().innerText(), /^New: Browser Test will also be able to:/);
    assert.ok(await page.getByText('See your e-mail address').isVisible());
    assert.ok(!(await page.getByText('Look up components').isVisible()), 'folded');
    await assertFits(page, 'consent-new', { width: 1280, scheme: 'light' });
    await context.close();
  });

  test('an administrator hands out a link, and its person sets a password', async () => {
    const { page, context } = await signedIn(ROOT);
    await page.goto(`${server.origin}/admin/users?text=dana`);
    await page.locator('a[href*="ask=link"]').click();
    await page.getByRole('button', { name: 'Make the link' }).click();
    const link = await page.locator('pre code').innerText();
    await assertFits(page, 'admin-users-link', { width: 1280, scheme: 'light' });
    const dana = await openWindow(browser, { viewport: { width: 360, height: 740 } });
    await dana.page.goto(link);
    await assertFits(dana.page, 'new-password', { width: 360, scheme: 'light' });
    await dana.page.fill('input[name=password]', 'one that only dana knows');
    await dana.page.locator('button.primary').click();
    assert.equal(new URL(dana.page.url()).pathname, '/login');
    const again = await signedIn({ ...DANA, password: 'one that only dana knows' });
    assert.equal(new URL(again.page.url()).pathname, '/account');
    for (const { context: one } of [{ context }, dana, again]) await one.close();
  });
});
