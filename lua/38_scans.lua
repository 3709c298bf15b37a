-- Scans of e-tickets at the gates of an event: who is admitted, and what a gate is answered.

do
  local POOL, ISSUE, STATE, HOLDER = etickets.POOL, etickets.ISSUE, etickets.STATE, etickets.HOLDER
  local FIRST_IN_MS, PASSES = etickets.FIRST_IN_MS, etickets.PASSES
  local doors_of, at, change, shown = etickets.doors_of, etickets.at, etickets.change, etickets.shown

  -- Passes that an e-ticket remembers; the oldest are forgotten.
  local PASSES_KEPT = 16

  -- True if the e-ticket no longer admits: it was refunded, or its code was replaced by a transfer.
  local function is_void(u, event, e, issue)
    return e[STATE] == 'void' or issue < e[ISSUE] or event_cancelled(u, event)
  end

  -- Why the e-ticket does not admit at this instant, or nil. Of a timed one the slot's start decides.
  local function wrong_time(u, event, e, scan)
    if u.now_ms < scan.opens_ms then
      return 'not_yet'
    end
    if string.sub(e[POOL], 1, 5) ~= 'slot:' then
      return nil
    end
    local pool = unit_pool(u, event, e[POOL])
    if not pool or u.now_ms >= pool.start_ms + scan.late_ms then
      return 'other_event'
    end
    return u.now_ms < pool.start_ms - scan.early_ms and 'not_yet' or nil
  end

  -- Adds the pass of a scan in order of time. Returns the entry that it doubles, if there is one. Nobody went out between
  -- the two, by the known passes and by the exits of the same upload.
  local function add_pass(e, scan)
    local at_ms, direction, passes, place = scan.at_ms, scan.direction, e[PASSES], #e[PASSES] + 1
    while place > 1 and passes[place - 1][1] > at_ms do
      place = place - 1
    end
    local before, after = passes[place - 1], passes[place]
    table.insert(passes, place, { at_ms, direction, scan.gate })
    if #passes > PASSES_KEPT then
      table.remove(passes, 1)
    end
    e[STATE] = passes[#passes][2]
    if direction ~= 'in' then
      return nil
    end
    e[FIRST_IN_MS] = e[FIRST_IN_MS] == 0 and at_ms or math.min(e[FIRST_IN_MS], at_ms)
    if before and scan.exit_before_ms >= before[1] then
      before = nil
    end
    if after and scan.exit_after_ms > 0 and scan.exit_after_ms < after[1] then
      after = nil
    end
    return before and before[2] == 'in' and before or after and after[2] == 'in' and after or nil
  end

  -- Decides a scan, and changes the e-ticket where it admits. Returns the result; of a double entry also the other entry.
  local function decide(u, doors, e, scan)
    if not e or scan.issue > e[ISSUE] then
      return 'unknown'
    end
    if is_void(u, doors.event, e, scan.issue) then
      return 'void'
    end
    if not scan.offline then
      local wrong = scan.direction == 'in' and wrong_time(u, doors.event, e, scan)
      if wrong then
        return wrong
      end
      if scan.direction == 'in' and e[STATE] == 'in' then
        return 'already_in'
      end
      if scan.direction == 'out' and e[STATE] ~= 'in' then
        return 'not_yet'
      end
    end
    local double = add_pass(e, scan)
    change(u, doors, scan.number, e, scan.direction == 'in' and 'entered' or 'left')
    return 'admitted', double
  end

  -- The answer with the holder's name, which is not stored with it: names are erased in one place.
  local function with_holder(u, doors, answer)
    local e = answer[4][1]
    if e then
      e[HOLDER] = at(u, doors, answer[2])[HOLDER]
    end
    return answer
  end

  -- Answers a scan and tells it. {result, number (-1: of no e-ticket here), issue, e-ticket or {}, gate and instant of
  -- the entry that it doubles}, and whether that was answered before. The same gate and nonce are the same scan.
  function etickets.scan(u, event, scan)
    local doors = doors_of(u, event)
    local name = scan.gate .. '\n' .. scan.nonce
    local raw = doors.scans[name] or redis.call('HGET', doors.key .. ':scans', name)
    if raw then
      return with_holder(u, doors, cmsgpack.unpack(raw)), true
    end
    local e, result, double = nil, scan.verdict, nil
    if result == '' then
      e = at(u, doors, scan.number)
      result, double = decide(u, doors, e, scan)
    end
    local known = e and result ~= 'unknown'
    local number = known and scan.number or -1
    local double_gate, double_ms = double and double[3] or '', double and double[1] or 0
    local answer = { result, number, scan.issue, known and { shown(e) } or {}, double_gate, double_ms }
    raw = cmsgpack.pack(answer)
    doors.scans[name], doors.changed_scans[name] = raw, true
    u.scan_facts = u.scan_facts or {}
    table.insert(u.scan_facts, cmsgpack.pack({
      event, scan.gate, scan.nonce, number, scan.issue, scan.direction, result, scan.offline, scan.at_ms, u.now_ms,
      double_gate, double_ms,
    }))
    return with_holder(u, doors, answer), false
  end
end
