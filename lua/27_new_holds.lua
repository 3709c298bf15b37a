-- New holds: most of what a drop asks for, so they have a way of their own from the decision to the write.
--
-- The record of a new hold is packed once, and is no table: it goes straight among the arguments of the writes. A command
-- of the same call that names it finds it as if it had been stored before; what that changes is written after.

-- Adds a hold that is decided. Its lines must not change any more, and others may share them. Returns its packed record.
local function unit_add_hold(u, key, rid, event, customer, details, digest, deadline_ms, lines)
  local new = u.new
  local record = record_text(u, 'held', event, customer, details, u.now_ms, deadline_ms, 0, digest, lines, ARRAY_OF_0)
  local marks, n = new.marks[deadline_ms], 2 * new.count
  local m = #marks
  marks[m + 1], marks[m + 2] = key, HELD_MARK
  new.ledger[n + 1], new.ledger[n + 2] = rid, record
  new.deadlines[n + 1], new.deadlines[n + 2] = u.digits[deadline_ms], rid
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
