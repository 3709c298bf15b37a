"""A word is written once: Lua, the structs of Python and the enums are held against one another."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from engine import commands as c
from engine import results as r
from engine.words import AttemptState, BookingFactWord, BookingState, FactWord, State

LUA = Path(__file__).resolve().parents[3] / "lua"
FILES = sorted(LUA.glob("[456]*_*.lua"))
LIBRARY = "".join(path.read_text(encoding="utf-8") for path in sorted(LUA.glob("*.lua")))
CODE = re.sub(r"--.*", "", LIBRARY)

CARTS = re.sub(r"--.*", "", (LUA / "82_cart.lua").read_text(encoding="utf-8"))
"""Carts have states of their own."""

BOOKINGS = [
    re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    for path in sorted([*LUA.glob("5[6-9]_*.lua"), LUA / "26_slots.lua"])
]
"""So have bookings."""

COMMANDS: list[type[c.Command[Any]]] = [
    c.PutEvent,
    c.Hold,
    c.Add,
    c.Remove,
    c.Cancel,
    c.BeginPayment,
    c.ConfirmPayment,
    c.FailPayment,
    c.Refund,
    c.SettleRefund,
    c.BlockSeats,
    c.Find,
    c.Count,
    c.ReadSeatMap,
    c.Sweep,
    c.Book,
    c.Move,
    c.Unbook,
    c.FindBooking,
    c.CountSlots,
    c.PurgeSlots,
]

ANSWERS: dict[str, Any] = {
    "put_event": r.Published | r.BelowTaken,
    "hold": c.HoldResult,
    "add": c.AddResult,
    "remove": c.RemoveResult,
    "cancel": c.CancelResult,
    "begin_payment": c.BeginPaymentResult,
    "confirm_payment": c.ConfirmPaymentResult,
    "fail_payment": c.FailPaymentResult,
    "refund": c.RefundResult,
    "settle_refund": c.SettleRefundResult,
    "block_seats": r.Published | r.SeatTaken | r.UnknownPool,
    "find": r.Found | r.NotFound,
    "count": r.Counts | r.UnknownPool,
    "seat_map": r.SeatMap | r.UnknownPool,
    "sweep": r.Swept,
    "book": c.BookResult,
    "move": c.MoveResult,
    "unbook": c.UnbookResult,
    "find_booking": r.BookingFound | r.NotFound,
    "count_slots": r.SlotsCounted | r.UnknownPool,
    "purge_slots": r.Purged,
}
"""What a command of this name may answer, by the types of engine/commands.py."""


def tag_of(struct: type[msgspec.Struct]) -> str:
    """The word that stands for a struct."""
    tag = struct.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def words_of(union: Any) -> set[str]:
    """The words of a union of results, or of one result."""
    return {tag_of(struct) for struct in get_args(union) or (union,)}


def section(text: str, name: str) -> str:
    """A part of a file's header, such as Results, without its dashes."""
    header = "".join(line[2:] for line in text.splitlines(keepends=True) if line.startswith("--"))
    match = re.search(rf"^ {name}\s(.*?)(?=^ [A-Z][a-z]+ |\Z)", header, re.MULTILINE | re.DOTALL)
    return match[1] if match else ""


def command_of(path: Path) -> str:
    """`41_hold.lua` has the command `hold`."""
    return path.stem.partition("_")[2]


def strings(code: str) -> Iterator[str]:
    return (match[1] for match in re.finditer(r"'([a-z_]+)'", code))


def test_each_command_has_its_file_and_its_struct() -> None:
    in_run = set(re.findall(r"^  (\w+) = \{ run = \1", CODE, re.MULTILINE))
    assert in_run == {command_of(path) for path in FILES} == {tag_of(command) for command in COMMANDS} == set(ANSWERS)


def test_commands_that_name_a_reservation_are_the_same() -> None:
    in_lua = set(re.findall(r"(\w+) = \{ run = \w+, names_reservation = true", CODE))
    assert in_lua == {tag_of(command) for command in COMMANDS if issubclass(command, c.OnReservation)}


@pytest.mark.parametrize("path", FILES, ids=command_of)
def test_header_tells_what_the_types_allow(path: Path) -> None:
    told = set(re.findall(r'\{"(\w+)"', section(path.read_text(encoding="utf-8"), "Results")))
    # `again` is between the library and the engine: nobody else sees it.
    assert told - {tag_of(r.Again)} == words_of(ANSWERS[command_of(path)])


@pytest.mark.parametrize("path", FILES, ids=command_of)
def test_header_tells_the_command_as_python_sends_it(path: Path) -> None:
    struct = next(command for command in COMMANDS if tag_of(command) == command_of(path))
    told = section(path.read_text(encoding="utf-8"), "Command").strip().split("\n")[0]
    parts = re.sub(r"\{\{.*?\}\.\.\.\}|\{\w+\.\.\.\}", "list", told.split(";")[0]).strip(" {}").split(", ")
    assert parts[0].strip('"') == tag_of(struct)
    assert len(parts) - 1 == len(struct.__struct_fields__)


@pytest.mark.parametrize("path", FILES, ids=command_of)
def test_header_tells_the_facts_that_the_code_writes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    code = re.sub(r"--.*", "", text)
    written = set(chain.from_iterable(strings(found[1]) for found in re.finditer(r"unit_fact\(u, ('\w+')", code)))
    written |= {found[1] for found in re.finditer(r"unit_give_back\(u, r, '\w+', '(\w+)'\)", code)}
    bookings = set(re.findall(r"unit_change_booking\(u, '(\w+)'", code))
    assert bookings <= set(BookingFactWord)
    if "unit_fact(u, word, r)" in code:
        written |= set(strings(re.findall(r"local word = (.*)", code)[0]))
    told = section(text, "Facts")
    assert written <= set(FactWord)
    for word in written | bookings:
        assert re.search(rf"\b{word}\b", told), f"{path.name} does not tell of {word}"


def test_every_word_of_a_reply_is_a_result() -> None:
    known = words_of(r.AnyResult)
    written = set(re.findall(r"\breply\('(\w+)'", CODE)) | set(
        re.findall(r"\breply_(?:record|booking)\(u, '(\w+)'", CODE)
    )
    assert written <= known
    in_headers = {
        word
        for path in FILES
        for word in re.findall(r'\{"(\w+)"', section(path.read_text(encoding="utf-8"), "Results"))
    }
    assert in_headers == known


def test_every_result_is_of_a_command() -> None:
    of_commands = set().union(*map(words_of, ANSWERS.values()))
    assert of_commands | {tag_of(r.Again)} == words_of(r.AnyResult)


def test_states_are_the_same() -> None:
    """Every state of Python is written somewhere in Lua, and Lua enters no other."""
    code = CODE
    for others in (CARTS, *BOOKINGS):
        assert others in CODE
        code = code.replace(others, "")
    entered = set(re.findall(r"\br\.state = '(\w+)'", code)) | set(re.findall(r"\bstate = '(\w+)'", code))
    entered |= set(re.findall(r"unit_give_back\(u, r, '\w+', '(\w+)'\)", CODE))
    assert entered == set(State)
    compared = set(re.findall(r"\.state [=~]= '(\w+)'", code))
    assert compared <= set(State) | set(BookingState)


def test_states_of_bookings_are_the_same() -> None:
    code = "".join(BOOKINGS)
    entered = set(re.findall(r"\bb\.state(?:, [\w.]+)? = '(\w+)'", code)) | set(re.findall(r"\bstate = '(\w+)'", code))
    assert entered == set(BookingState)
    compared = set(re.findall(r"\.state [=~]= '(\w+)'", code))
    assert compared <= set(BookingState)


def test_states_of_attempts_are_the_same() -> None:
    entered = set(re.findall(r"\[ATTEMPT_STATE\] = '(\w+)'", CODE)) | {"pending"}
    assert entered == set(AttemptState)
    compared = set(re.findall(r"\[ATTEMPT_STATE\] [=~]= '(\w+)'", CODE))
    compared |= set(re.findall(r"record_has_attempt\(r, '(\w+)'\)", CODE))
    assert compared <= set(AttemptState)


def test_every_state_answers_where_a_table_decides() -> None:
    """The tables NOT_CANCELLED, NOT_PAYABLE and NOT_CHANGEABLE name no state that there is not."""
    tables = re.findall(r"local NOT_\w+ = \{(.*?)\}", CODE, re.DOTALL)
    assert len(tables) == 3
    for table in tables:
        assert set(re.findall(r"(\w+) =", table)) <= set(State)
        assert set(strings(table)) <= words_of(r.AnyResult)


def test_tables_of_states_are_complete() -> None:
    """Whoever is not held has an answer when cancelled or changed; whoever has no places has one when paid for."""
    cancelled, payable, changeable = (
        set(re.findall(r"(\w+) =", table)) for table in re.findall(r"local NOT_\w+ = \{(.*?)\}", CODE, re.DOTALL)
    )
    assert cancelled == set(State) - {State.HELD, State.CANCELLED}
    assert payable == set(State) - {State.HELD, State.PAYING, State.PAID}
    assert changeable == set(State) - {State.HELD}
