"""Records, attempts, lines and terms have one layout in Lua and in Python."""

import re
from pathlib import Path

import msgspec

from engine.facts import Fact, decode_facts
from engine.records import OFFER_DIGEST, Attempt, Line, Record, WaitingEntry
from engine.redis_keys import PartitionKeys
from engine.terms import OwnTerms, Terms, TicketTerms
from engine.words import AttemptState, EventStatus, FactWord, State

LUA = Path(__file__).resolve().parents[3] / "lua"
CODEC = (LUA / "10_codec.lua").read_text(encoding="utf-8")
UNIT = (LUA / "20_unit.lua").read_text(encoding="utf-8")

# Lua says `event` where Python says `event_id`: an event there is nothing but its id.
IN_LUA = {"event_id": "event", "customer_id": "customer"}

RECORD = Record(
    state=State.PAID,
    event_id=2**31 - 1,
    customer_id="Зося",
    details='{"first_name":"Islom"}',
    created_ms=1_795_226_000_000,
    deadline_ms=1_795_226_900_000,
    ended_ms=1_795_226_100_000,
    digest="AAAABBBBCCCC",
    lines=[Line(7, "7", 2, 30_000), Line(8, "8", 100, 0)],
    attempts=[Attempt("pay-a", AttemptState.COMPLETED, 60_000, 1_795_226_050_000, 1_795_226_100_000, "", "digest")],
    currency="KWD",
)


def test_the_digest_of_an_offer_is_one_word() -> None:
    assert f"local OFFER_DIGEST = '{OFFER_DIGEST}'" in CODEC


def in_lua(fields: tuple[str, ...]) -> list[str]:
    return [IN_LUA.get(field, field) for field in fields]


def test_record_is_read_and_packed_in_the_order_of_its_fields() -> None:
    fields = in_lua(Record.__struct_fields__)
    body = CODEC[CODEC.index("local function record_decode") : CODEC.index("local function record_text")]
    read = dict(re.findall(r"^    (\w+) = a\[(\d+)\],$", body, re.MULTILINE))
    assert read == {field: str(place) for place, field in enumerate(fields, 1)}
    (taken, joined) = re.findall(r"local function record_text\(u, ([\w, ]+)\).*?return (.*?)\nend", CODEC, re.DOTALL)[0]
    pieces = taken.split(", ")
    assert list(dict.fromkeys(re.findall("|".join(pieces), joined))) == pieces
    (packed,) = re.findall(r"r\.packed = (record_text\(.*?)\n  end", CODEC, re.DOTALL)
    assert list(dict.fromkeys(re.findall(r"\br\.(\w+)", packed))) == fields
    assert f"#a ~= {len(fields)}" in CODEC


def test_a_new_hold_is_packed_in_the_order_of_its_fields() -> None:
    new_holds = (LUA / "27_new_holds.lua").read_text(encoding="utf-8")
    pieces = re.findall(r"= (ARRAY_OF_12.*|packed\[u\.now_ms\].*?,|packed\[lines\].*)", new_holds)
    assert [re.findall(r"packed[.\[]([\w.]+)|ARRAY_OF_0", piece) for piece in pieces] == [
        ["held", "event"],
        ["u.now_ms", "deadline_ms", "0"],
        ["lines", "", "", "unit_terms"],
    ]


def test_positions_in_a_line_and_in_an_attempt() -> None:
    places: dict[str, int] = {}
    for names, numbers in re.findall(r"^local ((?:LINE|ATTEMPT)_[\w, ]+) = ([\d, ]+)$", CODEC, re.MULTILINE):
        places.update(zip(names.split(", "), map(int, numbers.split(", ")), strict=True))
    short = {"ticket_id": "TICKET", "attempt_id": "ID", "amount_minor": "AMOUNT"}
    for prefix, struct in (("LINE", Line), ("ATTEMPT", Attempt)):
        for place, field in enumerate(struct.__struct_fields__, 1):
            assert places.pop(f"{prefix}_{short.get(field, field.upper())}") == place
    assert not places


def test_an_entry_of_a_waiting_list_is_packed_in_the_order_of_its_fields() -> None:
    code = (LUA / "37_waiting_entries.lua").read_text(encoding="utf-8")
    (listed,) = re.findall(r"local ENTRY = \{(.*?)\}", code, re.DOTALL)
    names = {"waiting_id": "id", "ticket_id": "ticket", "event_id": "event", "customer_id": "customer"}
    assert re.findall(r"'(\w+)'", listed) == [names.get(field, field) for field in WaitingEntry.__struct_fields__]


def test_terms_are_read_in_the_order_of_their_fields() -> None:
    body = CODEC[CODEC.index("local terms_decode") :]
    read = {field: int(place) for field, place in re.findall(r"(\w+) = a\[(\d+)\]", body)}
    fields = Terms.__struct_fields__
    assert read == {field: place for place, field in enumerate(fields, 1) if field != "tickets"}
    assert f"ipairs(a[{fields.index('tickets') + 1}])" in body
    assert f"#a > {len(fields)}" in body
    ticket = {field: int(place) for field, place in re.findall(r"(\w+) = ticket\[(\d)\]", body)}
    assert ticket == {"pools": 2, "unit_minor": 3, "assigned": 4, "timed": 5, "own": 6}
    assert TicketTerms.__struct_fields__ == ("ticket_id", "pools", "unit_minor", "assigned", "timed", "own")
    own = {field: int(place) for field, place in re.findall(r"(\w+) = own\[(\d)\]", body)}
    assert own == {field: place for place, field in enumerate(OwnTerms.__struct_fields__, 1)}


def test_keys_come_in_the_order_that_lua_numbers_them() -> None:
    (names,) = re.findall(r"^local (KEY_META[\w,\s]+) =", UNIT, re.MULTILINE)
    keys = PartitionKeys(3)
    assert [name.removeprefix("KEY_").lower() for name in re.split(r",\s+", names)] == [
        key.removeprefix("{p03}:") for key in keys.fixed
    ]
    assert f"local FIXED_KEYS = {len(keys.fixed)}" in UNIT


def test_python_reads_what_it_packs() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(RECORD), type=Record) == RECORD
    terms = Terms(EventStatus.ON_SALE, 0, 1, 900_000, 10, [TicketTerms(7, ["7"], 30_000)])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(terms), type=Terms) == terms
    fact = Fact(FactWord.PAID, "1-reservation00000", 1, RECORD)
    assert decode_facts(msgspec.msgpack.encode([fact])) == [fact]


def test_totals_are_of_all_lines() -> None:
    assert RECORD.total_minor == 60_000
    assert RECORD.places == 102
