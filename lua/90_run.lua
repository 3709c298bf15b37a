-- onsale_run: runs a batch of commands on a partition as one unit of work.
--
-- Keys      meta, events, pools, ledger, deadlines, unsettled, customers, outbox, bookings, slots, purges, then hold:<rid>
--           for each command that names a reservation, then unbooked:<event>:<booking_id> for each that names a booking,
--           both in order
-- Arguments the batch (msgpack array of commands), how many due holds to give back at most, archive_ms, booking_ms
-- Promise   All commands' effects are written, or the call raises and nothing is.
-- Replies   msgpack array of results, one for each command, in order

-- By word: the function, and whether the command's first value is a reservation's id, or its second a booking's.
local COMMANDS = {
  put_event = { run = put_event },
  hold = { run = hold, names_reservation = true },
  add = { run = add, names_reservation = true },
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
  book = { run = book, names_booking = true },
  move = { run = move, names_booking = true },
  unbook = { run = unbook, names_booking = true },
  find_booking = { run = find_booking, names_booking = true },
  count_slots = { run = count_slots },
  purge_slots = { run = purge_slots },
}

-- Reads at once what the commands name: their records, the customers of new holds, and bookings.
local function load_named(u, commands)
  local rids, named, customers, bookings, keys, prefix = {}, 0, {}, {}, u.keys, u.prefix
  for i = 1, #commands do
    local command = commands[i]
    local word, rid = command[1], command[2]
    local kind = COMMANDS[word]
    if not kind then
      error('unknown command ' .. tostring(word), 0)
    end
    if kind.names_reservation then
      named = named + 1
      rids[named] = rid
      if keys[FIXED_KEYS + named] ~= prefix .. rid then
        error('KEYS do not name ' .. rid, 0)
      end
    end
    if kind.names_booking then
      bookings[#bookings + 1] = { command }
    end
    if word == 'hold' or word == 'add' then
      customers[#customers + 1] = event_field(u, command[3], command[4])
    end
  end
  unit_load_records(u, rids)
  unit_load_customers(u, customers)
  for i, booking in ipairs(bookings) do
    local command, key = booking[1], keys[FIXED_KEYS + named + i]
    if key ~= u.unbooked_prefix .. u.digits[command[2]] .. ':' .. command[3] then
      error('KEYS do not name ' .. command[3], 0)
    end
    booking[2] = key
  end
  if #bookings > 0 then
    unit_load_bookings(u, bookings)
  end
end

local function run(keys, args)
  local commands = cmsgpack.unpack(args[1])
  local u = unit_open(keys, tonumber(args[2]), tonumber(args[3]), tonumber(args[4]))
  u.given_back = unit_give_back_due(u)
  load_named(u, commands)
  local parts = { array_head(#commands) }
  for i = 1, #commands do
    local command = commands[i]
    local result, record = COMMANDS[command[1]].run(u, command)
    local n = #parts
    parts[n + 1], parts[n + 2] = result, record
  end
  unit_write(u)
  return table.concat(parts)
end

redis.register_function('onsale_init', init)
redis.register_function('onsale_publish', publish)
redis.register_function('onsale_cart', cart)
redis.register_function('onsale_restore', restore)
redis.register_function('onsale_run', run)
