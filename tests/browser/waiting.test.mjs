// A client that nobody knows: the page that says so, the administrator's answer, and the picture on the consent page.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { hostDocument } from '../conformance/lib/documents.mjs';
import { engine, startPostern } from '../conformance/lib/server.mjs';
import {
  assertAccessible, assertFits, assertGoodPage, assertLight, launch, listenForRedirect, openWindow, signIn,
} from './lib/browser.mjs';

const ROOT = { email: 'root@example.com', name: 'Root', password: 'the very first passphrase' };
const DANA = { email: 'dana@example.com', name: 'Dana Ruiz', password: 'correct horse battery' };
const ERIN = { email: 'erin@example.com', name: 'Erin Ode', password: 'battery horse staple' };

describe(`a client that nobody knows on ${engine}`, () => {
  let server, browser, host, client;
  before(async () => {
    client = await listenForRedirect();
    host = await hostDocument(
      {
        client_name: 'Example Editor',
        redirect_uris: [client.redirectUri, 'https://client.example/callback'],
        logo_uri: 'https://client.example/logo.png',
      },
      { '/logo.png': png(256, 256) },
    );
    const settings = { ...host.settings, POSTERN_CLIENTS_DESCRIBED: 'ask' };
    [server, browser] = await Promise.all([startPostern(settings), launch()]);
    for (const person of [{ ...ROOT, isAdmin: true }, DANA, ERIN]) server.addUser(person);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await client?.close();
    host?.close();
  });

  function authorize() {
    const parameters = {
      client_id: host.url,
      redirect_uri: client.redirectUri,
      response_type: 'code',
      scope: 'catalog:read offline_access',
      state: randomBytes(16).toString('base64url'),
      resource: server.resource,
      code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
      code_challenge_method: 'S256',
    };
    return `${server.origin}/authorize?${new URLSearchParams(parameters)}`;
  }

  async function fits(opened, name) {
    for (const [width, scheme] of [[360, 'light'], [360, 'dark'], [1280, 'light'], [1280, 'dark']]) {
      await opened.page.setViewportSize({ width, height: 800 });
      await opened.page.emulateMedia({ colorScheme: scheme });
      await assertFits(opened.page, name, { width, scheme });
    }
  }

  test('axe finds no fault with the wait or the list', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const options = { colorScheme, javaScriptEnabled: true, bypassCSP: true };
      const erin = await openWindow(browser, options);
      await erin.page.goto(authorize());
      await signIn(erin.page, ERIN);
      await assertAccessible(erin.page, `approval in ${colorScheme}`);
      if (await erin.page.locator('button[value=ask]').count()) await erin.page.locator('button[value=ask]').click();
      await assertAccessible(erin.page, `approval asked in ${colorScheme}`);
      const root = await openWindow(browser, options);
      await root.page.goto(`${server.origin}/login`);
      await signIn(root.page, ROOT);
      await root.page.goto(`${server.origin}/admin`);
      assert.equal(await root.page.locator('button[value=approve]').count(), 1);
      await assertAccessible(root.page, `the list in ${colorScheme}`);
      await erin.context.close();
      await root.context.close();
    }
  });

  test('waits for an administrator, and the same page goes on', async () => {
    const dana = await openWindow(browser);
    await dana.page.goto(authorize());
    await signIn(dana.page, DANA);
    assert.match(await dana.page.locator('h1').innerText(), /has to be let in first/);
    await assertGoodPage(dana, server.origin);
    await fits(dana, 'approval');
    await dana.page.locator('button[value=ask]').click();
    assert.match(await dana.page.locator('h1').innerText(), /waits for an administrator/);
    await fits(dana, 'approval-asked');

    const root = await openWindow(browser);
    await root.page.goto(`${server.origin}/login`);
    await signIn(root.page, ROOT);
    await root.page.goto(`${server.origin}/admin`);
    await assertGoodPage(root, server.origin);
    await assertLight(root);
    assert.match(await root.page.locator('main').innerText(), /Dana Ruiz dana@example.com/);
    await fits(root, 'admin-waiting');
    await root.page.locator('button[value=approve]').click();
    assert.equal(await root.page.locator('button[value=approve]').count(), 0);
    await fits(root, 'admin-approved');

    await dana.page.locator('a.button').click();
    assert.match(await dana.page.locator('h1').innerText(), /^Allow Example Editor/);
    await assertGoodPage(dana, server.origin);
    await assertLight(dana);
    const shown = await dana.page.locator('img.logo').evaluate(picture => [picture.naturalWidth, picture.complete]);
    assert.deepEqual(shown, [96, true], 'our picture of the client');
    await fits(dana, 'consent-described');
    await dana.page.locator('button[value=allow]').click();
    assert.ok((await client.arrived()).get('code'));
    await dana.context.close();
    await root.context.close();
  });

  test('is told so once it is refused', async () => {
    server.command(['client', 'refuse', host.url]);
    const opened = await openWindow(browser, { javaScriptEnabled: true, bypassCSP: true });
    const blocked = await opened.page.goto(authorize());
    assert.equal(blocked.status(), 403);
    assert.match(await opened.page.locator('h1').innerText(), /blocked by your organisation/);
    await assertAccessible(opened.page, 'blocked');
    await opened.context.close();
  });
});

/** A picture of one colour. */
function png(width, height) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    size.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc(body));
    return Buffer.concat([size, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // eight bits, red green blue
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from([0x2d, 0x6c, 0xdf]))]);
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}
