-- One tools/call of the modern era, again and again.
local tool, token = os.getenv("TOOL"), os.getenv("TOKEN")
local meta = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},'
  .. '"io.modelcontextprotocol/clientInfo":{"name":"wrk","version":"1"}}'
wrk.method = "POST"
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' .. tool .. '","arguments":'
  .. (os.getenv("ARGUMENTS") or "{}") .. ',"_meta":' .. meta .. '}}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["Authorization"] = "Bearer " .. token
wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
wrk.headers["Mcp-Method"] = "tools/call"
wrk.headers["Mcp-Name"] = tool

-- A refusal is not a call: the run fails if anything but 200 came back.
local threads = {}
function setup(thread)
  table.insert(threads, thread)
end
function init()
  refused = 0
end
function response(status)
  if status ~= 200 then
    refused = refused + 1
  end
end
function done(summary, latency)
  local refusals = 0
  for _, thread in ipairs(threads) do
    refusals = refusals + thread:get("refused")
  end
  io.write(string.format("rps=%.0f p50=%.0f p99=%.0f refused=%d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99), refusals + summary.errors.connect + summary.errors.timeout))
end
