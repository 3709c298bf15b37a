"""A word is written once: Lua, the structs of Python and the enums are held against one another."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from engine import commands, results
from engine.client import Redis
from engine.commands.bookings import OnBooking
from engine.commands.command import Command, OnReservation
from engine.results import any_result
from engine.results.any_result import ANY_RESULT
from engine.results.internal import Again, Alike, MemoryFull
from engine.words import (
    AttemptState,
    BookingFactWord,
    BookingState,
    Direction,
    EticketFactWord,
    EticketState,
    FactWord,
    QueueFactWord,
    ScanResult,
    State,
    WaitingFactWord,
    WaitingState,
)

LUA = Path(__file__).resolve().parents[3] / "lua"
FILES = [path for path in sorted(LUA.glob("*.lua")) if "\n  commands." in path.read_text(encoding="utf-8")]
"""The files of the commands, each with its row of the table `commands`."""

LIBRARY = "".join(path.read_text(encoding="utf-8") for path in sorted(LUA.glob("*.lua")))
CODE = re.sub(r"--.*", "", LIBRARY)

CARTS = re.sub(r"--.*", "", (LUA / "82_cart.lua").read_text(encoding="utf-8"))
"""Carts have states of their own."""

BOOKINGS = [
    re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    for path in sorted(LUA.glob("*.lua"))
    if "names_booking = true" in path.read_text(encoding="utf-8") or path.stem in ("26_slots", "28_bookings")
]
"""So have bookings."""

WAITING = [
    re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
    for path in sorted(LUA.glob("*.lua"))
    if path.stem.startswith(("37_waiting", "59_"))
]
"""So have entries of waiting lists."""


def below(kind: type[Command[Any]]) -> Iterator[type[Command[Any]]]:
    """The commands among a class of commands: those that are no class of others. Tests may have added to them."""
    children = [child for child in kind.__subclasses__() if child.__module__.startswith(f"{commands.__name__}.")]
    if not children:
        yield kind
    for child in children:
        yield from below(child)


def answers_of(command: type[Command[Any]]) -> Any:
    """The results that a command may have: the argument of its class of commands."""
    (parent,) = command.__orig_bases__  # type: ignore[attr-defined]  # typing gives it to each child of a generic class
    (answers,) = get_args(parent)
    return answers


def tag_of(struct: type[msgspec.Struct]) -> str:
    """The word that stands for a struct."""
    tag = struct.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


for _module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
    importlib.import_module(_module.name)

COMMANDS: dict[str, type[Command[Any]]] = {tag_of(command): command for command in below(Command)}
ANSWERS: dict[str, Any] = {word: answers_of(command) for word, command in COMMANDS.items()}
"""The possible answers of a command of this name, by the types in engine/commands/."""


INTERNAL = {tag_of(Again), tag_of(Alike), tag_of(MemoryFull)}
"""Results that the engine does not pass on."""


def words_of(union: Any) -> set[str]:
    """The words of a union of results, or of one result."""
    return {tag_of(struct) for struct in get_args(union) or (union,)}


def section(text: str, name: str) -> str:
    """A part of a file's header, such as Results, without its dashes."""
    header = "".join(line[2:] for line in text.splitlines(keepends=True) if line.startswith("--"))
    match = re.search(rf"^ {name}\s(.*?)(?=^ [A-Z][a-z]+ |\Z)", header, re.MULTILINE | re.DOTALL)
    return match[1] if match else ""


def command_of(path: Path) -> str:
    """`40_hold.lua` has the command `hold`."""
    return path.stem.partition("_")[2]


def strings(code: str) -> Iterator[str]:
    return (match[1] for match in re.finditer(r"'([a-z_]+)'", code))


def rows() -> dict[str, str]:
    """The rows of the table `commands` in Lua, by word."""
    return dict(re.findall(r"^  commands\.(\w+) = \{(.*?)\}$", CODE, re.MULTILINE | re.DOTALL))


def test_each_command_has_its_file_and_its_struct() -> None:
    assert len(COMMANDS) > 20
    assert set(rows()) == {command_of(path) for path in FILES} == set(COMMANDS)
    for path in FILES:
        assert f"\n  commands.{command_of(path)} = " in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("row", "kind"), [("names_reservation", OnReservation), ("names_booking", OnBooking)])
def test_commands_name_the_same_in_lua_and_in_python(row: str, kind: type[Command[Any]]) -> None:
    in_lua = {word for word, text in rows().items() if f"{row} = true" in text}
    assert in_lua == {word for word, command in COMMANDS.items() if issubclass(command, kind)}


@pytest.mark.parametrize("word", [word for word, text in rows().items() if "asks = " in text])
def test_lua_finds_the_caller_where_python_puts_it(word: str) -> None:
    places = {field: place for place, field in enumerate(COMMANDS[word].__struct_fields__, 2)}
    customer, address = re.findall(r"asks = \{ customer = (\d+), address = (\d+) \}", rows()[word])[0]
    assert (int(customer), int(address)) == (places["customer_id"], places["address"])


@pytest.mark.parametrize("word", [word for word, command in COMMANDS.items() if command.takes])
def test_commands_that_take_are_refused_at_full_memory(word: str) -> None:
    (path,) = (path for path in FILES if command_of(path) == word)
    assert "u.memory_full then\n      return reply('out_of_memory')" in path.read_text(encoding="utf-8")
    assert "takes = takes" in rows()[word]


def test_all_functions_run_where_memory_is_full_but_the_one_that_fills_it() -> None:
    registered = re.findall(r"redis\.register_function(.*)", CODE)
    unflagged = [function for function in registered if "flags = { 'allow-oom' }" not in function]
    assert len(registered) == 11
    assert unflagged == ["('onsale_restore', restore)"]


def test_every_write_that_needs_memory_is_a_function() -> None:
    """Others are refused at maxmemory, whatever they are for."""
    without_memory = {"delete", "xtrim", "zrem"}
    writing = {"append", "expire", "hset", "incr", "lpush", "rpush", "sadd", "set", "setex", "xadd", "zadd"}
    methods = {name for name in vars(Redis) if not name.startswith("_")}
    assert without_memory <= methods
    assert not writing & methods


@pytest.mark.parametrize("path", FILES, ids=command_of)
def test_header_tells_what_the_types_allow(path: Path) -> None:
    told = set(re.findall(r'\{"(\w+)"', section(path.read_text(encoding="utf-8"), "Results")))
    # Some are between the library and the engine: nobody else sees them.
    assert told - INTERNAL == words_of(ANSWERS[command_of(path)])


@pytest.mark.parametrize("path", FILES, ids=command_of)
def test_header_tells_the_command_as_python_sends_it(path: Path) -> None:
    struct = COMMANDS[command_of(path)]
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
    known = words_of(ANY_RESULT)
    written = set(re.findall(r"\breply\('(\w+)'", CODE)) | set(
        re.findall(r"\b(?:reply_record|bookings\.reply|waitlists\.reply)\(u, '(\w+)'", CODE)
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
    assert of_commands | INTERNAL == words_of(ANY_RESULT)


def test_every_file_of_results_is_decoded() -> None:
    files = {module.name for module in pkgutil.iter_modules(results.__path__)}
    assert files - {"any_result", "result"} <= set(vars(any_result))


def test_states_are_the_same() -> None:
    """Every state of Python is written somewhere in Lua, and Lua enters no other."""
    code = CODE
    for others in (CARTS, *BOOKINGS, *WAITING):
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


def test_states_and_facts_of_waiting_lists_are_the_same() -> None:
    code = "".join(WAITING)
    ends = set(re.findall(r"finish\(u, .*, '(\w+)'\)", code))
    ends |= set(chain.from_iterable(strings(line) for line in re.findall(r"waitlists\.offer_ended\(u, r, (.*)", CODE)))
    entered = set(re.findall(r"entry\.state(?:, [\w.]+)* = .*?'(\w+)'", code)) | (ends - {"expired"})
    assert entered == set(WaitingState)
    compared = set(re.findall(r"\.state [=~]= '(\w+)'", code))
    assert compared <= set(WaitingState) | set(State)
    told = set(re.findall(r"change\(u, .*, '(\w+)'\)", code)) | (ends - {"expired"})
    assert told == set(WaitingFactWord)


def test_facts_of_waiting_rooms_are_the_same() -> None:
    library = (LUA / "34_rooms.lua").read_text(encoding="utf-8")
    assert set(re.findall(r"tell\(u, '(\w+)'", library)) == set(QueueFactWord)


def test_states_of_attempts_are_the_same() -> None:
    entered = set(re.findall(r"\[ATTEMPT_STATE\] = '(\w+)'", CODE)) | {"pending"}
    assert entered == set(AttemptState)
    compared = set(re.findall(r"\[ATTEMPT_STATE\] [=~]= '(\w+)'", CODE))
    compared |= set(re.findall(r"record_has_attempt\(r, '(\w+)'\)", CODE))
    assert compared <= set(AttemptState)


TABLES: dict[str, str] = dict(re.findall(r"local NOT_(\w+) = \{(.*?)\}", CODE, re.DOTALL))
"""By state, what a reservation answers that cannot be cancelled, paid for, or changed."""


def test_every_state_answers_where_a_table_decides() -> None:
    """The tables name no state that there is not."""
    assert len(TABLES) == CODE.count("local NOT_")
    for table in TABLES.values():
        assert set(re.findall(r"(\w+) =", table)) <= set(State)
        assert set(strings(table)) <= words_of(ANY_RESULT)


@pytest.mark.parametrize(
    ("name", "no_answer"),
    [
        ("CANCELLED", {State.HELD, State.CANCELLED}),
        ("PAYABLE", {State.HELD, State.PAYING, State.PAID}),
        ("CHANGEABLE", {State.HELD}),
    ],
)
def test_tables_of_states_are_complete(name: str, no_answer: set[State]) -> None:
    """A state that is not held has an answer to a cancellation or change; one without places has one to a payment."""
    assert set(re.findall(r"(\w+) =", TABLES[name])) == set(State) - no_answer


def test_words_of_the_doors_are_the_same() -> None:
    files = ("38_etickets.lua", "38_etickets_writes.lua", "38_scans.lua")
    code = re.sub(r"--.*", "", "".join((LUA / name).read_text(encoding="utf-8") for name in files))
    assert set(re.findall(r"\be\[STATE\] [=~]= '(\w+)'", code)) <= set(EticketState)
    in_order = re.findall(r"VOID_FIRST = \{(.*?)\}", code)[0]
    assert set(re.findall(r"(\w+)(?:'\])? = \d", in_order)) == set(EticketState) - {EticketState.VOID}
    told = set(re.findall(r"change\(u, doors, .*?'(\w+)'\)", code)) | {"entered", "left"}
    assert "'entered' or 'left'" in code
    assert told == set(EticketFactWord)
    header = section((LUA / "57_check_in.lua").read_text(encoding="utf-8"), "Results")
    assert set(re.findall(r"`(\w+)`", header)) == set(ScanResult)
    assert set(re.findall(r"return '(\w+)'", code)) | {"not_yet"} <= set(ScanResult)
    assert set(re.findall(r"scan\.direction [=~]= '(\w+)'", code)) <= set(Direction)
