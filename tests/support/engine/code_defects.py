"""Defects of codes in the library, for the plays that are to find them: a name, a text, and what it is replaced by."""

DEFECTS_OF_CODES: list[tuple[str, str, str]] = [
    (
        "a code has a use too many",
        "entry.uses >= terms.max_uses\n      or terms.budget_minor > 0 and off > had",
        "entry.uses > terms.max_uses\n      or terms.budget_minor > 0 and off > had",
    ),
    ("a use is not counted", "    entry.uses = entry.uses + 1\n", ""),
    (
        "a use is not given back",
        "  if r.code then\n    codes.count_use(u, r, -1)\n  end\n  unit_add_customer",
        "  unit_add_customer",
    ),
    ("a refund keeps the use", "    elseif r.code then\n      codes.count_use(u, r, -1)\n", ""),
    (
        "a budget is exceeded by a cent",
        "entry.spent - had_off + off > terms.budget_minor",
        "entry.spent - had_off + off > terms.budget_minor + 1",
    ),
    ("a budget is not given back", "- (OWNED[from] and off * quantity or 0)", ""),
    ("an allotment sells a place too many", "wanted > entry.free + places)", "wanted > entry.free + places + 1)"),
    ("an allotment does not end", "      codes.end_due(u)\n", ""),
    ("what is given back of an allotment is on sale", "own and to == 'available' and 'kept' or to", "to"),
    (
        "who is late has the code",
        "u.now_ms >= terms.until_ms\n      or terms.customer",
        "false\n      or terms.customer",
    ),
    ("others have the customer's code", "or terms.customer ~= '' and terms.customer ~= customer", ""),
    ("a withdrawn code is good", "not entry or terms.withdrawn or", "not entry or"),
    ("a hidden ticket stays hidden", "own.hidden and not codes.shows(entry, ticket_id)", "own.hidden"),
    (
        "any code opens what is hidden",
        "entry.terms.kind == 'access' and codes.covers(entry, ticket_id)\n  end\n\n  -- The price",
        "codes.covers(entry, ticket_id)\n  end\n\n  -- The price",
    ),
    (
        "a code opens the sale of all tickets",
        "if entry and u.now_ms < codes.opens_ms(entry, item[1], terms.opens_ms) then",
        "if false then",
    ),
    ("a code makes all tickets cheaper", "      if codes.covers(entry, line[LINE_TICKET]) then", "      if true then"),
    (
        "what stays becomes cheaper",
        "priced[#priced + 1] = line_like(old, same)",
        "priced[#priced + 1] = line_like(line, same)",
    ),
    ("a code is named that nothing is under", "    if r.code and not codes.any(lines) then", "    if false then"),
    ("kept places stay in a code that is left", "      entry.kept = entry.kept - places_under(r.kept)\n", ""),
    ("late money is counted under another code", "      codes.unname_former(u, r)\n", ""),
    ("late money forgets the use", "      if r.code then\n        codes.count_use(u, r, 1)\n      end\n", ""),
]
