// A person with a browser that runs no script: keeps cookies, follows redirects, fills in the forms it is shown.
// It goes through node:http because fetch adds headers of its own (`Sec-Fetch-Mode: cors`) that no form post carries.
import { request } from 'node:http';

const PATIENCE_HOPS = 20;

/** Signs in as one account and answers consent pages. */
export class Person {
  #cookies = new Map();

  constructor({ email, password }) {
    Object.assign(this, { email, password, visited: [] });
  }

  /**
   * Opens an authorization URL, signs in where asked, presses Allow or Cancel, and gives the URL at the client
   * that the server redirects to. It is not fetched: that is the client's to do.
   */
  async answer(authorizeUrl, decision = 'allow') {
    const home = new URL(authorizeUrl).origin;
    let page = await this.#send('GET', new URL(authorizeUrl));
    for (let hop = 0; hop < PATIENCE_HOPS; hop++) {
      if (page.location) {
        if (page.location.origin !== home) return page.location;
        page = await this.#send('GET', page.location, { from: page.url });
        continue;
      }
      page = await this.#submit(page, decision);
    }
    throw new Error(`no redirect to the client after ${PATIENCE_HOPS} steps: ${this.visited.join(' -> ')}`);
  }

  /** One request without following anything: `{status, headers, body, url, location}`. */
  open(url) {
    return this.#send('GET', new URL(url));
  }

  #submit(page, decision) {
    const form = formsOf(page.body).find(form => form.asks('password') || form.offers('decision', decision));
    if (!form || page.status >= 500)
      throw new Error(`no form to answer at ${page.url} (HTTP ${page.status}):\n${page.body.slice(0, 2000)}`);
    const fields = new URLSearchParams(form.preset);
    if (form.asks('password')) {
      if (this.signedIn === page.url.href) throw new Error(`the sign-in was refused at ${page.url}:\n${page.body}`);
      this.signedIn = page.url.href;
      fields.set('email', this.email);
      fields.set('password', this.password);
    } else {
      fields.append('decision', decision);
    }
    return this.#send(form.method, new URL(form.action || page.url.href, page.url), { from: page.url, fields });
  }

  #send(method, url, { from, fields } = {}) {
    this.visited.push(`${method} ${url.pathname}`);
    const headers = {
      accept: 'text/html,application/xhtml+xml',
      'sec-fetch-dest': 'document',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': from ? 'same-origin' : 'cross-site',
    };
    if (this.#cookies.size) headers.cookie = [...this.#cookies].map(pair => pair.join('=')).join('; ');
    if (from) headers.referer = from.href;
    if (method === 'POST') {
      headers.origin = url.origin;
      headers['content-type'] = 'application/x-www-form-urlencoded';
    }
    return new Promise((done, fail) => {
      const sent = request(url, { method, headers }, response => {
        let body = '';
        response.setEncoding('utf8').on('data', text => (body += text)).once('error', fail).once('end', () => {
          this.#keep(response.headers['set-cookie'] ?? []);
          const { location } = response.headers;
          const target = location && response.statusCode >= 300 && response.statusCode < 400 && new URL(location, url);
          done({ status: response.statusCode, headers: response.headers, body, url, location: target || undefined });
        });
      });
      sent.once('error', fail).end(fields?.toString());
    });
  }

  #keep(setCookies) {
    for (const line of setCookies) {
      const [pair, ...attributes] = line.split(';');
      const [name, value] = [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()];
      const dropped = attributes.some(text => /^\s*max-age=(0|-\d+)\s*$/i.test(text));
      if (dropped) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}

/** The forms of a page: where they go, what they hold already, and what they ask. Enough HTML for server-made forms. */
export function formsOf(html) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head, inner]) => {
    const { action = '', method = 'get' } = attributesOf(head);
    const inputs = [...inner.matchAll(/<(input|button)\b([^>]*)>/gi)].map(([, tag, rest]) => ({
      type: tag.toLowerCase() === 'button' ? 'submit' : 'text',
      ...attributesOf(rest),
    }));
    const sends = input => input.name !== undefined && input.disabled === undefined && input.type !== 'submit';
    const ticked = input => !['checkbox', 'radio'].includes(input.type) || input.checked !== undefined;
    return {
      action,
      method: method.toUpperCase(),
      preset: inputs.filter(input => sends(input) && ticked(input)).map(input => [input.name, input.value ?? 'on'])
        .filter(([name]) => !['email', 'password'].includes(name)),
      asks: name => inputs.some(input => input.name === name && input.type !== 'hidden'),
      offers: (name, value) => inputs.some(input => input.name === name && input.value === value),
    };
  });
}

function attributesOf(text) {
  const found = text.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>/]+)))?/g);
  return Object.fromEntries([...found].map(([, name, a, b, c]) => [name.toLowerCase(), unescape(a ?? b ?? c ?? '')]));
}

function unescape(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex || decimal) return String.fromCodePoint(hex ? parseInt(hex, 16) : Number(decimal));
    return named[name] ?? whole;
  });
}
