"""Many want the last places of a slot at once, from two processes' worth of engines.

Each race has its negative control beside it: without the guard in the library, it ends otherwise.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.commands.bookings import Book, CountSlots, FindBooking, Move
from engine.commands.command import Command
from engine.commands.events import PutEvent
from engine.engine import Engine
from engine.library import library_text
from engine.results.bookings import Booked, BookingFound, Moved, SlotFull, SlotsCounted
from engine.results.result import Result
from engine.settings import Settings
from engine.stock import SlotCounts
from engine.terms import Terms
from engine.words import EventStatus
from tests.support.engine.timed_slots import at, schedule_of, slot_of

EVENT = 3
CAPACITY = 20
SLOT, OTHER_SLOT = 4_000_000_000_000, 4_000_003_600_000
"""Two slots in the far future."""


def booking_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


async def everyone(engines: list[Engine], commands: list[Command[Any]]) -> list[Result]:
    """Sends commands at once, each through the next engine."""
    results: list[Result] = await asyncio.gather(
        *(engines[number % len(engines)].submit(command) for number, command in enumerate(commands))
    )
    return results


async def publish(engine: Engine, capacity: int, version: int = 1) -> None:
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, 10, [], version, schedule_of(capacity))
    await engine.submit(PutEvent(EVENT, terms, []))


async def count(engine: Engine) -> list[SlotCounts]:
    counted = await engine.submit(CountSlots(EVENT, [slot_of(SLOT), slot_of(OTHER_SLOT)]))
    assert isinstance(counted, SlotsCounted)
    return counted.slots


async def hundred_book(engines: list[Engine]) -> Counter[type[Result]]:
    """100 want one slot; how many were answered what."""
    await publish(engines[0], CAPACITY)
    commands: list[Command[Any]] = [Book(EVENT, booking_id(number), *at(SLOT), "{}", "") for number in range(100)]
    return Counter(map(type, await everyone(engines, commands)))


async def fifty_move(engines: list[Engine]) -> list[int]:
    """50 want to move into a slot with 5 free places; where each of them is then."""
    await publish(engines[0], 50)
    await everyone(engines, [Book(EVENT, booking_id(number), *at(SLOT), "{}", "") for number in range(50)])
    taken = range(100, 145)
    await everyone(engines, [Book(EVENT, booking_id(number), *at(OTHER_SLOT), "{}", "") for number in taken])
    answers = await everyone(engines, [Move(EVENT, booking_id(number), *at(OTHER_SLOT)) for number in range(50)])
    assert Counter(map(type, answers)) == {Moved: 5, SlotFull: 45}
    found = await everyone(engines, [FindBooking(EVENT, booking_id(number)) for number in range(50)])
    return [answer.booking.start_ms for answer in found if isinstance(answer, BookingFound)]


@pytest.fixture
async def engines(engine_settings: Settings) -> AsyncIterator[list[Engine]]:
    async with Engine(engine_settings) as first, Engine(engine_settings) as second:
        yield [first, second]


async def test_hundred_want_twenty_places(engines: list[Engine]) -> None:
    assert await hundred_book(engines) == {Booked: CAPACITY, SlotFull: 80}
    assert (await count(engines[0]))[0] == SlotCounts(slot_of(SLOT), CAPACITY, 0, 0, 0, CAPACITY, 0)


async def test_fifty_want_to_move_to_five_places(engines: list[Engine]) -> None:
    starts = Counter(await fifty_move(engines))
    assert starts == {OTHER_SLOT: 5, SLOT: 45}
    assert await count(engines[0]) == [
        SlotCounts(slot_of(SLOT), 50, 5, 0, 0, 45, 0),
        SlotCounts(slot_of(OTHER_SLOT), 50, 0, 0, 0, 50, 0),
    ]


def without(monkeypatch: pytest.MonkeyPatch, *guards: tuple[str, str]) -> None:
    """Lets engines install a library without these guards."""
    text = library_text()
    for guard, instead in guards:
        assert text.count(guard) == 1, "the library changed; take out another line"
        text = text.replace(guard, instead)
    monkeypatch.setattr("engine.library.library_text", lambda: text)


NO_LIMIT = (
    ("if pool.available == 0 then", "if false then"),
    ("if pool.available < 0 or pool.held < 0", "if pool.held < 0"),
)
FREED_TOO_EARLY = (
    (
        "    local moves = slot ~= b.slot\n",
        "    local moves = slot ~= b.slot\n    if moves then\n      slots.free(u, b)\n    end\n",
    ),
    ("    if moves then\n      slots.free(u, b)\n      b.slot", "    if moves then\n      b.slot"),
)


@pytest.mark.damages_keys
async def test_without_a_limit_all_hundred_are_booked(
    engine_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the rush."""
    without(monkeypatch, *NO_LIMIT)
    async with Engine(engine_settings) as engine:
        assert await hundred_book([engine]) == {Booked: 100}


@pytest.mark.damages_keys
async def test_a_place_freed_too_early_is_lost(engine_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of the moves: those that were refused are booked still, and their places are for sale."""
    without(monkeypatch, *FREED_TOO_EARLY)
    async with Engine(engine_settings) as engine:
        assert Counter(await fifty_move([engine])) == {OTHER_SLOT: 5, SLOT: 45}
        assert (await count(engine))[0].available > 5


async def test_two_full_slots_cannot_swap(engines: list[Engine]) -> None:
    """Each move wants the place that the other has: both are refused, and with a place more both are done."""
    await publish(engines[0], 1)
    here, there = Book(EVENT, booking_id(1), *at(SLOT), "{}", ""), Book(EVENT, booking_id(2), *at(OTHER_SLOT), "{}", "")
    await everyone(engines, [here, there])
    swap: list[Command[Any]] = [Move(EVENT, booking_id(1), *at(OTHER_SLOT)), Move(EVENT, booking_id(2), *at(SLOT))]
    assert await everyone(engines, swap) == [SlotFull(1), SlotFull(1)]
    assert [slot.sold for slot in await count(engines[0])] == [1, 1]
    await publish(engines[0], 2, version=2)
    assert [type(answer) for answer in await everyone(engines, swap)] == [Moved, Moved]
    assert [slot.sold for slot in await count(engines[0])] == [1, 1]
