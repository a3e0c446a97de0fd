// A client's metadata document on a host of its own: real TLS on loopback, under an authority made for the run, which
// the server under test is told of. `client.example` is never asked for on any network.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const HOST = 'client.example';

/** Serves `document` with its own URL as `client_id`: `{url, settings, fetch, close}`, `settings` being the server's. */
export async function hostDocument(document) {
  const url = `https://${HOST}/client.json`;
  const body = JSON.stringify({ client_id: url, ...document });
  const folder = mkdtempSync(join(tmpdir(), 'postern-documents-'));
  const { key, cert, authority } = certificate(folder);
  const host = createServer({ key, cert }, (request, response) => {
    const found = request.url === new URL(url).pathname;
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(found ? body : '{}');
  });
  await new Promise(done => host.listen(0, '127.0.0.1', done));
  return {
    url,
    settings: {
      POSTERN_OUTBOUND_RESOLVE: `${HOST}=127.0.0.1:${host.address().port}`,
      POSTERN_OUTBOUND_EXTRA_CA: authority,
    },
    // Judges that look at the document themselves would not find the host.
    fetch: (target, options) => String(target?.url ?? target) === url
      ? Promise.resolve(new Response(body, { headers: { 'content-type': 'application/json' } }))
      : fetch(target, options),
    close() {
      host.closeAllConnections();
      host.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function certificate(folder) {
  const at = name => join(folder, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...fresh, '-subj', '/CN=authority of the test', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  openssl('req', ...fresh.slice(0, -2), '-subj', `/CN=${HOST}`, '-keyout', at('host.key'), '-out', at('host.csr'));
  writeFileSync(at('names'), `subjectAltName=DNS:${HOST}\nbasicConstraints=CA:FALSE\n`);
  openssl('x509', '-req', '-in', at('host.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-days', '2',
    '-extfile', at('names'), '-out', at('host.pem'));
  return { key: readFileSync(at('host.key')), cert: readFileSync(at('host.pem')), authority: at('ca.pem') };
}
