-- For wrk with one thread: every request is the hold of another customer, because one customer may have few places.
-- Arguments: the body up to the customer's number, the body after it. Prints one JSON object when it is done.

local head, before, after
local customers = 0

function init(args)
  before, after = args[1], args[2]
  head = string.format(
    'POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n',
    wrk.path, wrk.host, wrk.port, #before + 9 + #after)
end

function request()
  customers = customers + 1
  return string.format('%s%s%09d%s', head, before, customers, after)
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "bad_statuses": %d, "broken_connections": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
