// The pages at the widths of a phone, an editor's pop-up and a desk, in light and dark.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { engine, startPostern } from '../conformance/lib/server.mjs';
import { assertAccessible, assertFits, launch, listenForRedirect, openWindow, signIn } from './lib/browser.mjs';
import { newRequest } from './lib/oauth.mjs';

const WIDTHS = [320, 360, 1280];
const SCHEMES = ['light', 'dark'];
const POPUP = { width: 450, height: 730 };
const LIN = { email: 'lin.with.a.rather.long.name@a-company-of-some-size.example.com', name: 'Lin', password: 'a long and quiet passphrase' };

describe(`layout on ${engine}`, () => {
  let server, browser, client;
  const backgrounds = {};
  before(async () => {
    [server, browser, client] = await Promise.all([startPostern(), launch(), listenForRedirect()]);
    server.addUser(LIN);
  });
  after(async () => {
    await browser?.close();
    await client?.close();
    await server?.stop();
  });

  async function walk({ viewport, scheme, see, ...options }) {
    const request = await newRequest(server, client.redirectUri);
    const { page, context } = await openWindow(browser, { viewport, colorScheme: scheme, ...options });
    await page.goto(request.url);
    await see(page, 'sign-in');
    await signIn(page, LIN);
    await page.locator('button[name=decision][value=allow]').waitFor();
    await see(page, 'consent');
    await page.goto(`${server.origin}/authorize?client_id=nobody&redirect_uri=http://127.0.0.1:9/`);
    await see(page, 'error');
    await context.close();
  }

  for (const scheme of SCHEMES)
    for (const width of WIDTHS)
      test(`sign-in, consent and error fit ${width} px in ${scheme}`, () =>
        walk({
          viewport: { width, height: 800 },
          scheme,
          see: async (page, name) => {
            await assertFits(page, name, { width, scheme });
            backgrounds[scheme] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
          },
        }));

  for (const scheme of SCHEMES)
    test(`axe finds no fault in ${scheme}`, () =>
      walk({ viewport: POPUP, scheme, javaScriptEnabled: true, see: assertAccessible }));

  test('dark is really dark', () => {
    const brightness = scheme => backgrounds[scheme].match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
    assert.ok(brightness('dark') < 200, backgrounds.dark);
    assert.ok(brightness('light') > 550, backgrounds.light);
  });

  test('in an editor\'s pop-up, Allow is in sight without scrolling and big enough to hit', () =>
    walk({
      viewport: POPUP,
      scheme: 'light',
      see: async (page, name) => {
        await assertFits(page, name, { width: POPUP.width, scheme: 'light' });
        if (name !== 'consent') return;
        const box = await page.locator('button[name=decision][value=allow]').boundingBox();
        assert.ok(box.y + box.height <= POPUP.height, `Allow ends at ${box.y + box.height} px`);
        assert.ok(box.height >= 24 && box.width >= 24, JSON.stringify(box));
      },
    }));
});
