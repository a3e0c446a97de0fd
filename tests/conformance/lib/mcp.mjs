// One MCP call as bare HTTP, in the stateless era (2026-07-28): for judges that are about OAuth and not about MCP.
const VERSION = '2026-07-28';

/** Calls a tool with a bearer token and gives `{status, challenge, body}`, `body` being the JSON-RPC answer. */
export async function callTool(server, token, name = 'catalog_query-catalog-entities', args = { limit: 1 }) {
  const answer = await fetch(server.resource, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'mcp-method': 'tools/call',
      'mcp-name': name,
      'mcp-protocol-version': VERSION,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name,
        arguments: args,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': VERSION,
          'io.modelcontextprotocol/clientInfo': { name: 'postern-judge', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    }),
  });
  return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: parsed(await answer.text()) };
}

// A JSON body, or the last event of an event stream, which is the answer.
function parsed(text) {
  const data = text.split('\n').filter(line => line.startsWith('data:')).map(line => line.slice(5).trim()).filter(Boolean);
  try {
    return JSON.parse(data.at(-1) ?? text);
  } catch {
    return text;
  }
}
