// Preloaded into a tool that cannot be given a token: adds one to whatever it sends to one origin, by `fetch`, by
// undici and by node:http, unless the tool sends an Authorization header of its own.
//
// MCP_BEARER          the token
// MCP_BEARER_ORIGIN   the only origin that gets it
import http from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { realpathSync } from 'node:fs';

const origin = new URL(process.env.MCP_BEARER_ORIGIN).origin;
const value = `Bearer ${process.env.MCP_BEARER}`;
// The tool's own undici: another copy would have another dispatcher.
const { getGlobalDispatcher, setGlobalDispatcher } = createRequire(realpathSync(process.argv[1]))('undici');

setGlobalDispatcher(
  getGlobalDispatcher().compose(dispatch => (options, handler) => {
    if (new URL(String(options.origin)).origin !== origin) return dispatch(options, handler);
    return dispatch({ ...options, headers: withBearer(options.headers ?? {}) }, handler);
  }),
);

function withBearer(headers) {
  const isList = Array.isArray(headers);
  const names = isList ? headers.filter((_, index) => index % 2 === 0) : Object.keys(headers);
  if (names.some(name => String(name).toLowerCase() === 'authorization')) return headers;
  return isList ? [...headers, 'authorization', value] : { ...headers, authorization: value };
}

const request = http.request;
http.request = function (...args) {
  const made = request.apply(this, args);
  try {
    if (`http://${made.getHeader('host')}` === origin && !made.hasHeader('authorization'))
      made.setHeader('authorization', value);
  } catch {
    // Headers that are sent already cannot be changed; the server will say so.
  }
  return made;
};
syncBuiltinESMExports();
