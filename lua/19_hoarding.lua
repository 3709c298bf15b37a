-- Hoarding: places that are held and not bought.
--
-- What hurts others is counted, whatever ended a hold: idle time, which is places times the ms that they were held and not
-- bought. A hold is charged for all of its time when it begins. The unused time is subtracted when the hold ends. A hold
-- that a payment pinned beyond its deadline is charged for that time, too. A hold that is bought gets all of its time back.
--
-- Customers have accounts, and so have the addresses from which their holds came. An IPv6 address counts as two networks
-- (18_limits.lua); the wider one has WIDER times as much of everything. Each time the idle time has grown to the allowance,
-- 3, 7 and 15 times the allowance, the account is a level higher. Each level halves the places that it may have at once, and
-- the time of new holds. One place is always left, and the shortest hold of the limits. Carts without a customer have one
-- account together. It has no levels, only a number of places at once.
--
-- Of each event, in the hash hoards:<event>, which goes KEEP_MS after the last change, so a sale remembers it all:
--   c <customer>, a <address>, nobody    an account: `idle_ms places until_ms`; places: held or being paid for now;
--                                        until_ms: by when all of its holds have expired
--   h <rid>                              the address of a live hold, where there is one
local hoarding = {}
do
  local KEEP_MS = 31 * 86400000
  local HIGHEST_LEVEL = 4
  local NOBODY = 'nobody'
  local WIDER = limits.WIDER

  -- The customer of the holds of a cart without a customer (engine/carts.py).
  local NOBODYS = '^cart%-%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$'

  -- Returns what this call knows of an event.
  local function known_of(u, event)
    local hoards = u.hoards
    local known = hoards.events[event]
    if not known then
      known = {
        key = hoards.prefix .. u.digits[event],
        accounts = {}, -- field -> account
        changed = {}, -- field -> account
        addresses = {}, -- rid -> the address of a hold, or false
        told = {}, -- rid -> its address to store, or false: delete it
      }
      hoards.events[event] = known
    end
    return known
  end

  -- Takes the limits of a call (18_limits.lua); nothing is counted where none of them is about hoarding.
  function hoarding.open(u, prefix, a)
    if a.idle_ms == 0 and a.address_idle_ms == 0 and a.address_places == 0 and a.nobodys_places == 0 then
      return
    end
    u.hoards = {
      limits = a, by_address = a.address_idle_ms > 0 or a.address_places > 0,
      prefix = prefix .. 'hoards:', events = {}, holders = {},
    }
  end

  -- The fields of the accounts that a hold of this customer from this address counts for. `address` may be empty.
  local function fields_of(u, customer, address)
    local asked, fields = u.hoards.limits, {}
    if asked.nobodys_places > 0 and string.find(customer, NOBODYS) then
      fields[1] = NOBODY
    end
    if asked.idle_ms > 0 then
      fields[#fields + 1] = 'c ' .. customer
    end
    if u.hoards.by_address and address and address ~= '' then
      local space = string.find(address, ' ', 1, true)
      if space then
        fields[#fields + 1] = 'a ' .. string.sub(address, 1, space - 1)
        fields[#fields + 1] = 'a ' .. string.sub(address, space + 1)
      else
        fields[#fields + 1] = 'a ' .. address
      end
    end
    return fields
  end

  -- An account, from its text or none: whose it is, its allowance, and how many places it may have at once; 0: any.
  local function account_of(u, field, text)
    local known, idle_ms, places, until_ms = u.hoards.limits, nil, nil, nil
    if text then
      idle_ms, places, until_ms = string.match(text, '^(%d+) (%d+) (%d+)$')
    end
    local account = {
      field = field, idle_ms = tonumber(idle_ms or 0), places = tonumber(places or 0), until_ms = tonumber(until_ms or 0),
      who = NOBODY, allowance = 0, most = known.nobodys_places,
    }
    local kind = string.sub(field, 1, 2)
    if kind == 'c ' then
      account.who, account.allowance, account.most = 'customer', known.idle_ms, 0
    elseif kind == 'a ' then
      local width = string.sub(field, -3) == '/48' and WIDER or 1
      account.who = 'address'
      account.allowance, account.most = known.address_idle_ms * width, known.address_places * width
    end
    return account
  end

  -- Reads accounts of an event that were not read before, at once.
  local function read_accounts(u, known, fields)
    local wanted = {}
    for i = 1, #fields do
      if known.accounts[fields[i]] == nil then
        known.accounts[fields[i]] = false
        wanted[#wanted + 1] = fields[i]
      end
    end
    if #wanted == 0 then
      return
    end
    local stored = read_many('HMGET', known.key, wanted)
    for i = 1, #wanted do
      known.accounts[wanted[i]] = account_of(u, wanted[i], stored[i])
    end
  end

  -- The accounts of these fields.
  local function accounts_of(u, known, fields)
    read_accounts(u, known, fields)
    local accounts = {}
    for i = 1, #fields do
      accounts[i] = known.accounts[fields[i]]
    end
    return accounts
  end

  -- Prepares the commands of a call that may make holds: {number, event, customer, address}...
  function hoarding.load(u, asked)
    local fields_by_event = {}
    local fields_of_number = {}
    for i = 1, #asked do
      local one = asked[i]
      local fields = fields_of(u, one[3], one[4])
      fields_of_number[i] = fields
      local all = fields_by_event[one[2]] or {}
      fields_by_event[one[2]] = all
      for j = 1, #fields do
        all[#all + 1] = fields[j]
      end
    end
    for event, fields in pairs(fields_by_event) do
      read_accounts(u, known_of(u, event), fields)
    end
    for i = 1, #asked do
      local one = asked[i]
      local known, fields, accounts = known_of(u, one[2]).accounts, fields_of_number[i], {}
      for j = 1, #fields do
        accounts[j] = known[fields[j]]
      end
      u.hoards.holders[one[1]] = { event = one[2], address = one[4], accounts = accounts }
    end
  end

  -- Reads at once the addresses and the accounts of records, by id, that are about to end.
  function hoarding.load_records(u, rids)
    local by_event = {}
    for i = 1, #rids do
      local r = u.records[rids[i]]
      local list = by_event[r.event] or {}
      by_event[r.event] = list
      list[#list + 1] = r
    end
    for event, list in pairs(by_event) do
      local known, wanted = known_of(u, event), {}
      if u.hoards.by_address then
        for i = 1, #list do
          wanted[i] = 'h ' .. list[i].rid
        end
        local stored = read_many('HMGET', known.key, wanted)
        for i = 1, #list do
          known.addresses[list[i].rid] = stored[i] or false
        end
      end
      local fields = {}
      for i = 1, #list do
        for _, field in ipairs(fields_of(u, list[i].customer, known.addresses[list[i].rid])) do
          fields[#fields + 1] = field
        end
      end
      read_accounts(u, known, fields)
    end
  end

  -- The accounts that a record counts for. The offer of a waiting list counts for none: nobody asked for it just then.
  local function accounts_of_record(u, r)
    local known = known_of(u, r.event)
    if r.digest == OFFER_DIGEST then
      return {}, known
    end
    local address = known.addresses[r.rid]
    if address == nil and u.hoards.by_address then
      address = redis.call('HGET', known.key, 'h ' .. r.rid)
      known.addresses[r.rid] = address
    end
    return accounts_of(u, known, fields_of(u, r.customer, address)), known
  end

  -- The level of an account, 0 to HIGHEST_LEVEL.
  local function level_of(account)
    local allowance, level = account.allowance, 0
    local bound = allowance
    while allowance > 0 and level < HIGHEST_LEVEL and account.idle_ms >= bound do
      level = level + 1
      bound = 2 * bound + allowance
    end
    return level
  end

  -- The places that an account may have at once, nil: as many as there are.
  local function most_places(account, max_per_customer)
    local level, most = level_of(account), account.most
    if account.who == 'customer' and level > 0 then
      most = max_per_customer
    end
    return most > 0 and math.max(1, math.floor(most / 2 ^ level)) or nil
  end

  -- The duration of a new hold of these accounts that would be hold_ms: `longest_ms` is the event's.
  local function granted_ms(u, accounts, longest_ms, hold_ms)
    local level = 0
    for i = 1, #accounts do
      level = math.max(level, level_of(accounts[i]))
    end
    return level == 0 and hold_ms
      or math.min(hold_ms, math.max(math.floor(longest_ms / 2 ^ level), u.hoards.limits.shortest_hold_ms))
  end

  -- The refusal of that many more places for these accounts, or nil.
  --   {"held_unbought", who, most, places, hold_ms, retry_ms}
  --       who: the customer, the address or nobody, whose account refuses
  --       most, hold_ms: the places that it may have at once, and for how long; places: those that it has
  --       retry_ms: until those have expired; 0: it has none, but more than `most` are asked for
  local function refusal(u, accounts, places, terms)
    for i = 1, #accounts do
      local account = accounts[i]
      local most = most_places(account, terms.max_per_customer)
      if most and account.places + places > most then
        local retry_ms = account.places > 0 and math.max(1, account.until_ms - u.now_ms) or 0
        return u.backlog and reply('again') or reply('held_unbought', account.who, most, account.places,
          granted_ms(u, accounts, terms.hold_ms, terms.hold_ms), retry_ms)
      end
    end
    return nil
  end

  -- The refusal of a new hold, which the command of that number asks for, or nil.
  function hoarding.refusal(u, number, places, terms)
    return refusal(u, u.hoards.holders[number].accounts, places, terms)
  end

  -- The refusal of more places in a live hold, or nil.
  function hoarding.refusal_of_more(u, r, places, terms)
    local accounts = accounts_of_record(u, r)
    return refusal(u, accounts, places, terms)
  end

  -- The refusal of places that a customer takes over with a live hold, or nil.
  function hoarding.refusal_of_claim(u, r, customer, places, terms)
    local accounts = accounts_of(u, known_of(u, r.event), fields_of(u, customer, ''))
    return refusal(u, accounts, places, terms)
  end

  -- True if a new hold of the command of that number is as any other: no account restrains it.
  function hoarding.is_free(u, number, places)
    local accounts = u.hoards.holders[number].accounts
    for i = 1, #accounts do
      local account = accounts[i]
      local restrained = account.allowance > 0 and account.idle_ms >= account.allowance
      if restrained or account.most > 0 and account.places + places > account.most then
        return false
      end
    end
    return true
  end

  -- The duration of a new hold that would be hold_ms: `longest_ms` is the event's.
  function hoarding.hold_ms(u, number, longest_ms, hold_ms)
    return granted_ms(u, u.hoards.holders[number].accounts, longest_ms, hold_ms)
  end

  -- Adds to accounts; none falls below 0, which one may that began when nothing was counted.
  local function add(known, accounts, idle_ms, places, until_ms)
    for i = 1, #accounts do
      local account = accounts[i]
      account.idle_ms = math.max(0, account.idle_ms + idle_ms)
      account.places = math.max(0, account.places + places)
      account.until_ms = math.max(account.until_ms, until_ms)
      known.changed[account.field] = account
    end
  end

  -- Counts a new hold, of the command of that number, with its places.
  function hoarding.hold_began(u, number, rid, places, deadline_ms)
    local holder = u.hoards.holders[number]
    local known = known_of(u, holder.event)
    add(known, holder.accounts, places * (deadline_ms - u.now_ms), places, deadline_ms)
    if u.hoards.by_address and holder.address ~= '' then
      known.addresses[rid], known.told[rid] = holder.address, holder.address
    end
  end

  -- A live hold has that many places more, or fewer.
  function hoarding.places_changed(u, r, places)
    local accounts, known = accounts_of_record(u, r)
    add(known, accounts, places * math.max(0, r.deadline_ms - u.now_ms), places, r.deadline_ms)
  end

  -- A live hold is to end at this earlier deadline.
  function hoarding.hold_moved(u, r, deadline_ms)
    local accounts, known = accounts_of_record(u, r)
    add(known, accounts, record_places(r) * (deadline_ms - r.deadline_ms), 0, 0)
  end

  -- A live hold has another customer: it counts for that one from its beginning.
  function hoarding.holder_changed(u, r, customer)
    local places = record_places(r)
    local idle_ms = places * (r.deadline_ms - r.created_ms)
    local accounts, known = accounts_of_record(u, r)
    add(known, accounts, -idle_ms, -places, 0)
    add(known, accounts_of(u, known, fields_of(u, customer, known.addresses[r.rid])), idle_ms, places, r.deadline_ms)
  end

  -- A hold is over, with nothing bought: at the end of a payment that had pinned it (r.pinned), before its deadline, or at it.
  -- A hold may be given back later than it expired; the customer is not charged for that.
  function hoarding.hold_ended(u, r)
    local accounts, known = accounts_of_record(u, r)
    local places, ended_ms = record_places(r), r.pinned and u.now_ms or math.min(u.now_ms, r.deadline_ms)
    add(known, accounts, places * (ended_ms - r.deadline_ms), -places, 0)
    known.told[r.rid] = known.addresses[r.rid] and false
  end

  -- A hold was bought, or its event is cancelled: nothing of it was idle. `ended_ms`: when its places had gone back, if
  -- they had; its address is not known then.
  function hoarding.forgive(u, r, ended_ms)
    local accounts, known = accounts_of_record(u, r)
    local places = record_places(r)
    if ended_ms then
      add(known, accounts, places * (r.created_ms - ended_ms), 0, 0)
      return
    end
    add(known, accounts, places * (r.created_ms - r.deadline_ms), -places, 0)
    known.told[r.rid] = known.addresses[r.rid] and false
  end

  function hoarding.write(u)
    local digits = u.digits
    for _, known in pairs(u.hoards.events) do
      local stored, gone, n = {}, {}, 0
      for field, account in pairs(known.changed) do
        if account.idle_ms == 0 and account.places == 0 then
          gone[#gone + 1] = field
        else
          stored[n + 1] = field
          stored[n + 2] = digits[account.idle_ms] .. ' ' .. digits[account.places] .. ' ' .. digits[account.until_ms]
          n = n + 2
        end
      end
      for rid, address in pairs(known.told) do
        if address then
          stored[n + 1], stored[n + 2] = 'h ' .. rid, address
          n = n + 2
        else
          gone[#gone + 1] = 'h ' .. rid
        end
      end
      call_with('HSET', known.key, stored)
      call_with('HDEL', known.key, gone)
      if n > 0 then
        redis.call('PEXPIRE', known.key, u.digits[KEEP_MS])
      end
    end
  end
end
