-- For wrk with one thread: every request is the hold of another customer, because one customer may have few places.
-- Arguments: the body with %d where numbers go, then first, step and among of each number (loadtest/bench/posting.py).
-- Prints one JSON object when it is done.

local whole
local counters, numbers = {}, {}
local sent = 0

local function body_numbers()
  for i = 1, #counters do
    local counter = counters[i]
    numbers[i] = counter.first + sent * counter.step % counter.among
  end
  return unpack(numbers)
end

function init(args)
  local body = args[1]
  for i = 2, #args, 3 do
    counters[#counters + 1] =
      { first = tonumber(args[i]), step = tonumber(args[i + 1]), among = tonumber(args[i + 2]) }
  end
  whole = string.format(
    'POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n',
    wrk.path, wrk.host, wrk.port, #string.format(body, body_numbers())) .. body
end

function request()
  local text = string.format(whole, body_numbers())
  sent = sent + 1
  return text
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "bad_statuses": %d, "broken_connections": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.status, failed.connect + failed.read + failed.write + failed.timeout))
end
