-- onsale_run: runs a batch of commands on a partition as one unit of work.
--
-- Keys      meta, events, pools, ledger, deadlines, unsettled, customers, outbox, bookings, slots, purges, then hold:<rid>
--           for each command that names a reservation, then unbooked:<event>:<booking_id> for each that names a booking,
--           both in order
-- Arguments the batch (msgpack array of commands), how many due holds to give back at most, archive_ms, booking_ms, limits
--           (18_limits.lua)
-- Promise   All commands' effects are written, or the call raises and nothing is.
-- Replies   msgpack array of results, one for each command, in order; of what is limited with what that leaves

-- By word: the function, and whether the command's first value is a reservation's id, or its second a booking's; and
-- whether its second and third are an event and a customer.
-- `asks`: which of its values are the customer who asks and the address that it comes from, each empty where it is not
-- known; only what takes something has it, and is limited.
local COMMANDS = {
  put_event = { run = put_event },
  hold = { run = hold, names_reservation = true, names_customer = true, asks = { customer = 4, address = 9 } },
  add = { run = add, names_reservation = true, names_customer = true, asks = { customer = 4, address = 8 } },
  remove = { run = remove, names_reservation = true },
  cancel = { run = cancel, names_reservation = true },
  begin_payment = { run = begin_payment, names_reservation = true },
  confirm_payment = { run = confirm_payment, names_reservation = true },
  fail_payment = { run = fail_payment, names_reservation = true },
  refund = { run = refund, names_reservation = true },
  settle_refund = { run = settle_refund, names_reservation = true },
  block_seats = { run = block_seats },
  find = { run = find, names_reservation = true },
  count = { run = count },
  seat_map = { run = seat_map },
  sweep = { run = sweep },
  book = { run = book, names_booking = true, asks = { customer = 7, address = 8 } },
  move = { run = move, names_booking = true, asks = { customer = 6, address = 7 } },
  unbook = { run = unbook, names_booking = true },
  find_booking = { run = find_booking, names_booking = true },
  count_slots = { run = count_slots },
  purge_slots = { run = purge_slots },
}

-- Adds to `rids` and `keys` the reservation that a command names, unless it is there. Returns its hold key.
-- KEYS has the key, in its place: no key is made of what comes from outside.
local function add_named(u, rid, place, rids, keys)
  local key = u.keys[FIXED_KEYS + place]
  if key ~= u.prefix .. rid then
    error('KEYS do not name ' .. rid, 0)
  end
  if u.records[rid] == nil then
    u.records[rid] = false
    local n = #rids + 1
    rids[n], keys[n] = rid, key
  end
  return key
end

-- Reads at once what the commands name: their records, the customers of new holds, and bookings.
local function load_named(u, commands)
  local rids, keys, named, fields, bookings = {}, {}, 0, {}, {}
  for i = 1, #commands do
    local command = commands[i]
    local word = command[1]
    local kind = COMMANDS[word]
    if not kind then
      error('unknown command ' .. tostring(word), 0)
    end
    if kind.names_reservation then
      named = named + 1
      u.named_keys[i] = add_named(u, command[2], named, rids, keys)
    end
    if kind.names_booking then
      bookings[#bookings + 1] = { command }
    end
    if kind.names_customer then
      u.named_customers[i] = add_customer(u, command[3], command[4], fields)
    end
  end
  unit_load_customers(u, fields) -- before the records: of those that ran out, places go back to customers
  unit_load_records(u, rids, keys)
  for i, booking in ipairs(bookings) do
    local command, key = booking[1], u.keys[FIXED_KEYS + named + i]
    if key ~= u.unbooked_prefix .. u.digits[command[2]] .. ':' .. command[3] then
      error('KEYS do not name ' .. command[3], 0)
    end
    booking[2] = key
  end
  if #bookings > 0 then
    unit_load_bookings(u, bookings)
  end
end

-- The functions of `limits` that need to know the commands.

-- Reads at once the paces of all who want to take something, and remembers whose they are.
function limits.load_askers(u, commands)
  local known, fields, seen = u.limits, {}, setmetatable({}, { __index = u.limits.paces })
  local function want(field)
    if field and not seen[field] then
      seen[field] = true
      fields[#fields + 1] = field
    end
  end
  for i = 1, #commands do
    local command = commands[i]
    local asks = COMMANDS[command[1]].asks
    if asks then
      local customer, address = command[asks.customer], command[asks.address]
      known.customers[i] = u.named_customers[i] or customer ~= '' and event_field(u, command[2], customer)
      known.addresses[i] = address ~= '' and 'a:' .. address
      want(known.customers[i])
      want(known.addresses[i])
    end
  end
  limits.load(u, fields)
end

-- Whether they concern a command: it takes something, and is no repeat of what was taken, which is only answered.
function limits.concern(u, command)
  local word = command[1]
  if word == 'hold' then
    return not u.records[command[2]]
  elseif word == 'add' then
    local r = unit_record(u, command[2])
    return not r or r.state == 'held'
  elseif word == 'book' then
    return not u.bookings[event_field(u, command[2], command[3])]
  end
  return COMMANDS[word].asks
end

local function run_one(u, command, number)
  local kind = COMMANDS[command[1]]
  if u.limits and limits.concern(u, command) then
    return limits.run(u, kind, command, number)
  end
  return kind.run(u, command, number)
end

local function run(keys, args)
  local commands = cmsgpack.unpack(args[1])
  local u = unit_open(keys, tonumber(args[2]), tonumber(args[3]), tonumber(args[4]))
  limits.open(u, string.sub(keys[KEY_LEDGER], 1, -7), args[5])
  u.given_back = unit_give_back_due(u)
  load_named(u, commands)
  if u.limits then
    limits.load_askers(u, commands)
  end
  local parts, n = { array_head(#commands) }, 1
  for i = 1, #commands do
    local result, record = run_one(u, commands[i], i)
    parts[n + 1], parts[n + 2] = result, record
    n = record and n + 2 or n + 1
  end
  unit_write(u)
  if u.limits then
    limits.write(u)
  end
  return table.concat(parts)
end

redis.register_function('onsale_init', init)
redis.register_function('onsale_publish', publish)
redis.register_function('onsale_cart', cart)
redis.register_function('onsale_restore', restore)
redis.register_function('onsale_run', run)
