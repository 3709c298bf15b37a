-- For wrk with one thread: every request is another one, because one customer may have few places.
-- Arguments: the request, with %s where the customer's token goes, if it needs one, and then %d where numbers go, the last of
-- which is the customer's; how often each customer asks; a file with a token in each line, or nothing; then first, step and
-- among of each of the other numbers (loadtest/bench/request_spec.py).
-- Prints one JSON object when it is done.

-- So many customers ask at the same time, one after another.
local PRESENT = 1000

local template, times_each
local tokens
local counters, values = {}, {}
local sent = 0

function init(args)
  template, times_each = args[1], tonumber(args[2])
  if args[3] ~= '' then
    tokens = {}
    for token in io.lines(args[3]) do
      tokens[#tokens + 1] = token
    end
  end
  for i = 4, #args, 3 do
    counters[#counters + 1] =
      { first = tonumber(args[i]), step = tonumber(args[i + 1]), among = tonumber(args[i + 2]) }
  end
end

function request()
  local customer = math.floor(sent / (PRESENT * times_each)) * PRESENT + sent % PRESENT
  local n = 0
  if tokens then
    n = 1
    values[n] = tokens[customer + 1] or error('there are too few tokens')
  end
  for i = 1, #counters do
    local counter = counters[i]
    values[n + i] = counter.first + sent * counter.step % counter.among
  end
  values[n + #counters + 1] = customer
  sent = sent + 1
  return string.format(template, unpack(values))
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, '
      .. '"bad_statuses": %d, "broken_connections": %d, "late": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.status, failed.connect + failed.read + failed.write, failed.timeout))
end
