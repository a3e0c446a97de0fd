// Who may do what: an administrator writes a draft, sees what it would change, and publishes it; without script.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { engine, startPostern } from '../conformance/lib/server.mjs';
import { assertFits, assertGoodPage, assertLight, launch, signedInWindow } from './lib/browser.mjs';

const ROOT = { email: 'root@example.com', name: 'Root', password: 'the very first passphrase' };
const POLICY = `roles:
- name: role:default/readers
  description: Everyone looks things up
  members: ['*']
  permissions:
  - permission: catalog.entity.read
- name: role:default/fleet-owners-with-a-name-that-is-rather-long
  members: ['group:default/fleet', 'user:somebody.with.a.long.name@example.com']
  permissions:
  - permission: catalog-entity
    action: update
    when: {rule: IS_ENTITY_OWNER, params: {claims: [$ownerRefs]}}
`;

describe(`the page of roles on ${engine}`, () => {
  let server, browser;
  before(async () => {
    [server, browser] = await Promise.all([startPostern(), launch()]);
    server.addUser({ ...ROOT, isAdmin: true });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function signedIn(options) {
    const opened = await signedInWindow(browser, server, ROOT, options);
    await opened.page.goto(`${server.origin}/admin/access`);
    return opened;
  }

  test('a draft is written, looked at and published', async () => {
    const { page } = await signedIn();
    await page.fill('textarea[name=policy]', POLICY);
    await page.fill('input[name=note]', 'Owners look after what is theirs');
    await page.getByRole('button', { name: 'Keep the draft' }).click();
    await page.getByRole('heading', { level: 1, name: 'What this draft would change' }).waitFor();
    assert.match(await page.content(), /loses/);
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('Version 1 counts at every call').waitFor();
    await page.fill('input[name=who]', 'fleet');
    await page.getByRole('button', { name: 'Find out' }).click();
    await page.getByText('IS_ENTITY_OWNER').first().waitFor();
    await page.fill('textarea[name=policy]', 'roles: []');
    await page.getByRole('button', { name: 'Keep the draft' }).click();
    await page.getByRole('button', { name: 'Publish' }).waitFor();
  });

  for (const [width, colorScheme] of [[320, 'dark'], [360, 'light'], [360, 'dark'], [1280, 'light'], [1280, 'dark']])
    test(`it fits ${width} px in ${colorScheme}, with a draft and an answer`, async () => {
      const opened = await signedIn({ viewport: { width, height: 800 }, colorScheme });
      const link = await opened.page.getByRole('link', { name: 'What it would change' }).first().getAttribute('href');
      await opened.page.goto(`${server.origin}${link}&who=fleet`);
      await assertGoodPage(opened, server.origin);
      await assertLight(opened);
      await assertFits(opened.page, 'access', { width, scheme: colorScheme });
      await opened.context.close();
    });
});
