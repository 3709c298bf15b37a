-- count_codes: what has been used of codes of an event.
--
-- Command   {"count_codes", event_id, codes}
-- Keys      codes:<event>
-- Results   {"codes_counted", now_ms, {{code, uses, spent_minor, held, paying, sold, kept, free}...}}   in the order asked for;
--           zeros of one that is not there
-- Facts     none
do
  local function count_codes(u, command)
    local counts = {}
    for i, code in ipairs(command[3]) do
      local entry = codes.at(u, command[2], code)
      counts[i] = entry
          and { code, entry.uses, entry.spent, entry.held, entry.paying, entry.sold, entry.kept, entry.free }
        or { code, 0, 0, 0, 0, 0, 0, 0 }
    end
    return reply('codes_counted', u.now_ms, counts)
  end

  commands.count_codes = { run = count_codes }
end
