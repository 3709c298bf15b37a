-- New holds: most of what a drop asks for, so they have a way of their own from the decision to the write.
--
-- The record of a new hold is packed once, and is no table: it goes straight among the arguments of the writes. A command
-- of the same call that names it finds it as if it had been stored before; what that changes is written after.

-- The pieces of the records of new holds that most of them share.
local function new_hold_pieces(u, event, deadline_ms, lines)
  local new, packed = u.new, u.packed
  new.state_event[event] = ARRAY_OF_10 .. packed.held .. packed[event]
  new.until_ms[deadline_ms] = new.until_ms[deadline_ms] or {
    times = packed[u.now_ms] .. packed[deadline_ms] .. packed[0], digits = u.digits[deadline_ms], marks = {},
  }
  new.lines_attempts[lines] = packed[lines] .. ARRAY_OF_0
  return new.state_event[event], new.until_ms[deadline_ms], new.lines_attempts[lines]
end

-- Adds a hold that is decided. Its lines must not change any more, and others may share them. Returns its packed record.
local function unit_add_hold(u, key, rid, event, customer, details, digest, deadline_ms, lines)
  local new, n = u.new, 2 * u.new.count
  local state_event, ending, lines_attempts = new.state_event[event], new.until_ms[deadline_ms], new.lines_attempts[lines]
  if not (state_event and ending and lines_attempts) then
    state_event, ending, lines_attempts = new_hold_pieces(u, event, deadline_ms, lines)
  end
  local record = record_text(u, state_event, customer, details, ending.times, digest, lines_attempts)
  local marks = ending.marks
  local m = #marks
  marks[m + 1], marks[m + 2] = key, HELD_MARK
  new.ledger[n + 1], new.ledger[n + 2] = rid, record
  new.deadlines[n + 1], new.deadlines[n + 2] = ending.digits, rid
  new.count = new.count + 1
  u.records[rid] = record
  add_fact(u, 'held', rid, record)
  if u.limits then
    limits.hold_began(u, event, customer, deadline_ms)
  end
  return record
end

-- The record of that id, which a command names; false if there is none.
local function unit_record(u, rid)
  local r = u.records[rid]
  if type(r) == 'string' then
    r = record_decode(rid, r)
    r.stored = 'held'
    u.records[rid] = r
  end
  return r
end
