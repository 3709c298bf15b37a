-- Events of idempotency keys: a key is for one event, because the ids that it gives name their event.
--
-- On a single server a command that takes something brings its key, and is decided together with it. In a cluster the key
-- may be on another node, and is asked for before (onsale_key_events in 85_claim.lua).

local key_events = {}
do
  -- Reads the events of all keys that commands name. `named`: number of the command -> key.
  function key_events.load(u, named)
    local keys, events = {}, {}
    for _, key in pairs(named) do
      keys[#keys + 1] = key
    end
    local stored = read_many('MGET', nil, keys)
    for i = 1, #keys do
      events[keys[i]] = stored[i]
    end
    u.keyed, u.events_of_keys, u.kept_keys = named, events, {}
  end

  -- True if the command's key is of another event.
  function key_events.is_of_another(u, number, event)
    local key = u.keyed[number]
    local known = key and u.events_of_keys[key]
    return known and known ~= u.digits[event]
  end

  -- Keeps the event of the command's key from now on: there is what the key names.
  function key_events.keep(u, number, event)
    local key, kept = u.keyed[number], u.kept_keys
    local n, text = #kept, u.digits[event]
    kept[n + 1], kept[n + 2] = key, text
    u.events_of_keys[key] = text
  end
end
