"""Calls with thousands of commands: nothing in the library has a limit that a large batch meets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.alike import write_out
from engine.commands.bookings import Book, FindBooking, OnBooking
from engine.commands.command import Command, OnReservation
from engine.commands.events import PutEvent
from engine.commands.holds import Add, Cancel, Hold
from engine.commands.items import NamedSeats, items_text
from engine.commands.payments import BeginPayment
from engine.commands.reservations import Find
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.limits import Limits, LimitsInForce
from engine.results.any_result import ANY_RESULT
from engine.results.bookings import Booked, BookingFound
from engine.results.events import Published
from engine.results.holds import Cancelled, Held, SoldOut
from engine.results.limits import LimitExceeded
from engine.results.payments import Paying
from engine.results.reservations import Expired, Found
from engine.settings import Settings
from engine.stock import PoolCapacity, SectionMap
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus, State
from tests.support.engine.timed_slots import at, schedule_of
from tests.support.waiting import wait_until

EVENT, TIMED_EVENT = 1, 17
"""Both are of one partition."""

MANY = 8_100
"""More than Lua's stack has room for."""

SLOT = 4_000_000_000_000
DETAILS = '{"first_name":"Islom"}'


@pytest.fixture
async def large(engine_settings: Settings) -> AsyncIterator[Engine]:
    """An engine with all limits, which gives back as much as a call has."""
    settings = replace(
        engine_settings,
        customer_per_minute=600,
        address_per_minute=600_000,
        address_burst=100_000,
        live_holds=5,
        sweep_slice=2 * MANY,
        command_timeout_ms=60_000,
    )
    async with Engine(settings, limits=LimitsInForce(settings)) as engine:
        yield engine


async def publish(engine: Engine, capacity: int, hold_ms: int = 900_000) -> None:
    rows = "\n".join(["a" * 100] * 100)
    tickets = [TicketTerms(7, ["7"], 100), TicketTerms(8, ["s0"], 100, True)]
    terms = Terms(EventStatus.ON_SALE, 0, 0, hold_ms, 2, tickets, version=hold_ms)
    put = PutEvent(EVENT, terms, [PoolCapacity("7", capacity)], [SectionMap("s0", rows)])
    assert isinstance(await engine.submit(put), Published)
    timed = Terms(
        EventStatus.ON_SALE, 0, 0, 900_000, 2, [TicketTerms(9, [], 0, timed=True)], schedule=schedule_of(MANY)
    )
    assert isinstance(await engine.submit(PutEvent(TIMED_EVENT, timed, [])), Published)


async def at_once(engine: Engine, commands: Sequence[Command[Any]]) -> Counter[str]:
    """The results of commands that went in one call, past the queue and its limits."""
    keys, settings = engine.keys[EVENT % len(engine.keys)], engine.settings
    names = [keys.hold(command.reservation_id) for command in commands if isinstance(command, OnReservation)]
    names += [keys.unbooked(each.event_id, each.booking_id) for each in commands if isinstance(each, OnBooking)]
    limits = str(Limits.of(settings))
    arguments = (msgspec.msgpack.encode(commands), settings.sweep_slice, 86_400_000, 86_400_000, limits)
    reply = await engine.call("onsale_run", (*keys.fixed, *names), arguments)
    *results, _micros = msgspec.msgpack.decode(reply, type=list[ANY_RESULT | int])
    return Counter(type(result).__name__ for result in write_out(results, commands))


def holds(count: int, items: str = items_text([(7, 1)])) -> list[Hold]:
    return [
        Hold(new_reservation_id(EVENT), EVENT, str(number), DETAILS, "", items, address=f"10.0.{number % 250}.1")
        for number in range(count)
    ]


def booking_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


async def test_thousands_hold_look_pay_and_cancel_in_one_call_each(large: Engine) -> None:
    await publish(large, MANY - 1)
    taken = holds(MANY)
    assert await at_once(large, taken) == {Held.__name__: MANY - 1, SoldOut.__name__: 1}
    rids = [hold.reservation_id for hold in taken[:-1]]
    assert await at_once(large, [Find(rid) for rid in rids]) == {Found.__name__: MANY - 1}
    assert await at_once(large, taken[:-1]) == {Held.__name__: MANY - 1}, "a repeat is answered as the first"
    paid, kept = rids[::2], rids[1::2]
    assert await at_once(large, [BeginPayment(rid, "pay-a", 100, "") for rid in paid]) == {Paying.__name__: len(paid)}
    assert await at_once(large, [Cancel(rid) for rid in kept]) == {Cancelled.__name__: len(kept)}


async def test_thousands_expire_in_one_call(large: Engine) -> None:
    await publish(large, MANY, hold_ms=1)
    taken = holds(MANY)
    assert await at_once(large, taken) == {Held.__name__: MANY}
    began = await server_time_ms(large.redis)

    async def ran_out() -> bool:
        return await server_time_ms(large.redis) > began + 1

    await wait_until(ran_out)
    swept = await large.sweep(EVENT % len(large.keys))
    assert (swept.given_back, swept.more) == (MANY, False)
    found = await large.submit(Find(taken[0].reservation_id))
    assert isinstance(found, Found)
    assert found.record.state is State.EXPIRED
    assert await at_once(
        large, [Add(hold.reservation_id, EVENT, hold.customer_id, DETAILS, (7, 2)) for hold in taken]
    ) == {Expired.__name__: MANY}


async def test_thousands_name_seats_and_book_in_one_call(large: Engine) -> None:
    await publish(large, 0)
    seats = [row * 101 + seat for row in range(MANY // 100) for seat in range(1, 101)]
    named = [
        replace(hold, items=items_text([NamedSeats(8, 1, "s0", [seat])]))
        for hold, seat in zip(holds(MANY), seats, strict=True)
    ]
    assert await at_once(large, named) == {Held.__name__: MANY}
    books = [Book(TIMED_EVENT, booking_id(number), *at(SLOT), DETAILS, "") for number in range(MANY)]
    assert await at_once(large, books) == {Booked.__name__: MANY}
    looks = [FindBooking(TIMED_EVENT, booking_id(number)) for number in range(MANY)]
    assert await at_once(large, looks) == {BookingFound.__name__: MANY}


async def test_alike_holds_are_stored_as_they_are_returned(engine: Engine) -> None:
    """The library returns them in short; the engine writes them out."""
    await publish(engine, 1000)
    first = holds(40)
    asked = [
        *first,
        *(replace(hold, reservation_id=new_reservation_id(EVENT), digest=f"d{n}") for n, hold in enumerate(first)),
        *(replace(hold, reservation_id=new_reservation_id(EVENT), details="{}") for hold in first[:5]),
        *(
            replace(hold, reservation_id=new_reservation_id(EVENT), hold_ms=600_000, customer_id="short")
            for hold in first[:2]
        ),
        first[3],
    ]
    results = await asyncio.gather(*map(engine.submit, asked))
    told = [result for result in results if isinstance(result, Held)]
    assert Counter(map(type, results)) == {Held: 83, LimitExceeded: 5}
    assert [result.replayed for result in told] == [False] * 82 + [True]
    for hold, result in zip(asked, results, strict=True):
        if isinstance(result, Held):
            found = await engine.submit(Find(hold.reservation_id))
            assert isinstance(found, Found)
            assert found.record == result.record
            record = result.record
            assert (record.customer_id, record.details, record.digest) == (hold.customer_id, hold.details, hold.digest)
            assert record.deadline_ms - record.created_ms == (hold.hold_ms or 900_000)
