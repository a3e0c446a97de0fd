// Debian's Chromium without script, and what every page of ours must be whatever it shows.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const SCREENSHOTS = join(REPOSITORY, '.cache/screenshots');
const AXE = readFileSync(join(import.meta.dirname, '../node_modules/axe-core/axe.min.js'), 'utf8');
const PAGE_BYTES_MAX = 60 * 1024; // a page must come over a slow VPN
const PATIENCE_MS = 10_000;

export async function launch() {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const root = process.getuid() === 0;
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: !root, // Chromium refuses to sandbox itself for root
    args: [
      '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
}

/** A person's own window: no cookies from before, no script, and a record of all that was loaded. */
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const answers = [];
  page.on('response', answer => answers.push(answer));
  return { context, page, answers };
}

/** Types an account into the sign-in page that is shown. */
export async function signIn(page, { email, password }) {
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await page.locator('form:has(input[name=password]) button').first().click();
}

/** A window in which `account` is signed in at `server`. */
export async function signedInWindow(browser, server, account, options) {
  const opened = await openWindow(browser, options);
  await opened.page.goto(`${server.origin}/login`);
  await signIn(opened.page, account);
  return opened;
}

/** A client's loopback redirect: `arrived()` gives the parameters it was sent. */
export async function listenForRedirect() {
  const seen = [];
  const waiting = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    response.end('You can close this window.');
    if (url.pathname !== '/callback') return;
    seen.push(url.searchParams);
    for (const tell of waiting.splice(0)) tell();
  });
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  return {
    redirectUri: `http://127.0.0.1:${server.address().port}/callback`,
    seen,
    close: () => new Promise(done => server.close(done)),
    async arrived() {
      if (!seen.length)
        await new Promise((done, fail) => {
          const late = setTimeout(fail, PATIENCE_MS, new Error('no redirect arrived'));
          waiting.push(() => done(clearTimeout(late)));
        });
      return seen.shift();
    },
  };
}

/** What holds for every page for people: headers, one question, no stranger's content, little weight. */
export async function assertGoodPage({ page, answers }, origin) {
  const shown = answers.findLast(answer => answer.request().isNavigationRequest() && answer.frame() === page.mainFrame());
  const headers = await shown.allHeaders();
  const policy = headers['content-security-policy'] ?? '';
  assert.match(headers['content-type'], /^text\/html; ?charset=utf-8/i);
  assert.match(policy, /frame-ancestors 'none'/, 'a page that can be framed can be clickjacked');
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval/);
  assert.equal(headers['x-frame-options'], 'DENY');
  assert.match(headers['cache-control'] ?? '', /no-store/);
  assert.notEqual(headers['referrer-policy'], 'no-referrer', 'form posts would carry `Origin: null`');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  const strangers = answers.map(answer => new URL(answer.url())).filter(url => url.origin !== origin);
  assert.deepEqual(strangers.map(String), [], 'a page must load nothing from elsewhere');
  assert.equal(await page.locator('h1').count(), 1);
  assert.equal(await page.locator('main').count(), 1);
  assert.ok(await page.locator('html').getAttribute('lang'));
  assert.ok((await page.title()).length > 0);
  assert.equal(await page.locator('script').count(), 0, 'these pages need no script');
  return { policy, shown };
}

/** The bytes of everything the last page needed, itself included. */
export async function assertLight({ page, answers }) {
  const last = answers.findLastIndex(answer => answer.request().isNavigationRequest() && answer.frame() === page.mainFrame());
  let bytes = 0;
  for (const answer of answers.slice(last)) bytes += (await answer.body()).length;
  assert.ok(bytes <= PAGE_BYTES_MAX, `${page.url()} weighs ${bytes} bytes`);
}

/** No sideways scroll, and a picture for people to look at. */
export async function assertFits(page, name, { width, scheme }) {
  const { wanted, given } = await page.evaluate(() => ({
    wanted: document.documentElement.scrollWidth,
    given: document.documentElement.clientWidth,
  }));
  await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}-${scheme}.png`), fullPage: true });
  assert.ok(wanted <= given, `${name} is ${wanted} px wide in a window of ${given}`);
}

/** No fault that axe knows of WCAG 2.2 A and AA: contrast, labels, names, order. It needs script, which the page does not. */
export async function assertAccessible(page, name) {
  await page.evaluate(AXE);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const { violations, passes } = await page.evaluate(values => globalThis.axe.run({ runOnly: { type: 'tag', values } }), tags);
  const faults = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(node => node.html).join(' | ')}`);
  assert.deepEqual(faults, [], name);
  assert.ok(passes.length > 0, `${name}: axe found nothing to judge`);
}
