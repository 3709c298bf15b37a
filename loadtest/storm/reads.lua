-- For wrk with one thread: each connection sends the next of some requests, waits for the answer, and then for a while.
-- Arguments: the wait in ms; then the requests. Prints one JSON object when it is done.

local wait_ms, requests, sent = 0, {}, 0

function init(args)
  wait_ms = tonumber(args[1])
  for i = 2, #args do
    requests[i - 1] = args[i]
  end
end

-- Of the same length in the mean, so that not all connections send at once.
function delay()
  return math.random(0, 2 * wait_ms)
end

function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, '
      .. '"bad_statuses": %d, "broken_connections": %d, "late": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.status, failed.connect + failed.read + failed.write, failed.timeout))
end
