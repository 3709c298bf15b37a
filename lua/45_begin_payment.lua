-- begin_payment: pins a hold for one payment attempt, before the gateway is asked for the money.
--
-- Command   {"begin_payment", rid, attempt_id, amount_minor, digest, archived}
--           archived: the record as Postgres has it, for a reservation that is no longer kept here; or nil
--           digest: of the request, to know a repeat from a misuse of the attempt's id
-- Keys      pools, ledger, deadlines, unsettled, hold:<rid>
-- Promise   A paying reservation has no deadline and gives nothing back until the attempt is confirmed or failed.
--           The same attempt again has no further effect and answers its outcome.
-- Results   {"not_found"}
--           {"key_reused"}                  the attempt's id was used for another request
--           {"payment_failed", now_ms, replayed, record}   this attempt failed before; see its reason in the record
--           {"refund_due", now_ms, replayed, record}       this attempt's money came too late, and goes or went back
--           {"sale_closed"}                                the event is cancelled
--           {"expired"}, {"already_cancelled"}             the places were given back
--           {"not_held"}                    refunded, or a refund is due
--           {"amount_mismatch", total_minor, currency}
--           {"payment_in_progress"}         another attempt is under way
--           {"too_many_attempts", limit}, {"rate_limited", "payments", retry_ms}   see 29_payment_pauses.lua
--           {"paid", now_ms, replayed, record}             paid before, by this attempt or another
--           {"paying", now_ms, replayed, record}
-- Facts     paying
do
  -- The outcome of an attempt that was begun before.
  local function repeated_attempt(u, r, attempt, digest)
    if attempt[ATTEMPT_DIGEST] ~= digest then
      return reply('key_reused')
    end
    local state = attempt[ATTEMPT_STATE]
    if state == 'failed' then
      return reply_record(u, 'payment_failed', r, true)
    end
    if attempt[ATTEMPT_REASON] == LATE then
      return reply_record(u, 'refund_due', r, true)
    end
    return reply_record(u, state == 'pending' and 'paying' or 'paid', r, true)
  end

  -- The answer of a reservation whose places are gone.
  local NOT_PAYABLE = {
    expired = 'expired',
    cancelled = 'already_cancelled',
    refund_due = 'not_held',
    refunded = 'not_held',
  }

  -- States of which nothing was paid, and nothing is being paid.
  local SALEABLE = { held = true, expired = true, cancelled = true }

  -- The number of attempts kept per reservation; the oldest failed one is dropped first.
  local ATTEMPTS_KEPT = 8

  local function begin_payment(u, command)
    local rid, attempt_id, amount_minor, digest, archived = command[2], command[3], command[4], command[5], command[6]
    local r = unit_record(u, rid) or record_archived(rid, archived)
    if not r then
      return reply('not_found')
    end
    local attempt = record_attempt(r, attempt_id)
    if attempt then
      return repeated_attempt(u, r, attempt, digest)
    end
    if SALEABLE[r.state] and event_cancelled(u, r.event) then
      return reply('sale_closed')
    end
    if NOT_PAYABLE[r.state] then
      return reply(NOT_PAYABLE[r.state])
    end
    local total_minor = record_total(r)
    if amount_minor ~= total_minor then
      return reply('amount_mismatch', total_minor, r.currency)
    end
    if r.state == 'paid' then
      return reply_record(u, 'paid', r, true)
    end
    if r.state == 'paying' then
      return reply('payment_in_progress')
    end
    local refusal = pauses.refusal(u, r, attempt_id, amount_minor)
    if refusal then
      return refusal
    end
    if #r.attempts == ATTEMPTS_KEPT then
      table.remove(r.attempts, pauses.oldest(r))
    end
    pauses.begun(u, r, attempt_id, amount_minor)
    table.insert(r.attempts, { attempt_id, 'pending', amount_minor, u.now_ms, 0, '', digest, {}, {}, {} })
    r.state = 'paying'
    record_move(u, r, r.lines, 'held', 'paying')
    unit_change(u, r)
    unit_fact(u, 'paying', r)
    return reply_record(u, 'paying', r, false)
  end

  commands.begin_payment = { run = begin_payment, names_reservation = true }
end
