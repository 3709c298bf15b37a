-- sweep: gives back what is due. Every call does that first (25_expire_and_load.lua), so this command has nothing left to do but tell.
--
-- Command   {"sweep"}
-- Keys      deadlines, ledger, pools, customers, hold:<rid> of what fell due
-- Results   {"swept", given_back, more}    more: call again, a slice was not enough
-- Facts     expired, one for each
do
  local function sweep(u)
    return reply('swept', u.given_back, u.backlog)
  end

  commands.sweep = { run = sweep }
end
