-- Each thread has one connection and one grant, and spends the refresh token that the answer before gave it.
-- TOKENS names a file with one refresh token a line, CLIENT the public client they were issued to.
local threads, count = {}, 0
function setup(thread)
  count = count + 1
  thread:set("number", count)
  table.insert(threads, thread)
end
function init()
  refused, line = 0, 0
  for token in io.lines(os.getenv("TOKENS")) do
    line = line + 1
    if line == number then current = token end
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
end
function request()
  local body = "grant_type=refresh_token&client_id=" .. os.getenv("CLIENT") .. "&refresh_token=" .. current
  return wrk.format(nil, "/token", nil, body)
end
function response(status, headers, body)
  local token = body:match('"refresh_token":"([^"]+)"')
  if status == 200 and token then
    current = token
  else
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
