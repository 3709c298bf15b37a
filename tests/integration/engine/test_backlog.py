"""Places of expired holds are available at once, even if more of them are due than one call gives back."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from engine.commands.bookings import Book
from engine.commands.events import PutEvent
from engine.commands.holds import Add, Claim, Hold, Replace
from engine.commands.items import TimedPlaces, items_text
from engine.engine import Engine
from engine.ids import new_booking_id, new_reservation_id
from engine.inspection import server_time_ms
from engine.results.bookings import Booked
from engine.results.holds import Held
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import ScheduleTerms, Terms, TicketTerms
from engine.words import EventStatus
from tests.support.engine.timed_slots import at, schedule_of
from tests.support.waiting import wait_until

EVENT, TIMED_EVENT, TICKET, TIMED_TICKET = 1, 2, 7, 8
CAPACITY = 10
DUE = 3
"""That many holds of three places each expire: all but one place."""

LIVE = new_reservation_id(EVENT)
"""A hold of the tenth place, by anna."""

NO_SCHEDULE = ScheduleTerms()
SLOT, ANOTHER_SLOT = (at((int(time.time()) + 31_536_000 + day) * 1000) for day in (0, 1))


@pytest.fixture
async def engine(engine_settings: Settings) -> AsyncIterator[Engine]:
    """One partition that gives back one hold per call."""
    async with Engine(replace(engine_settings, partitions=1, sweep_slice=1)) as engine:
        await publish(engine, CAPACITY)
        terms = terms_of(TIMED_TICKET, CAPACITY, schedule_of(CAPACITY))
        await engine.submit(PutEvent(TIMED_EVENT, terms, []))
        yield engine


async def publish(engine: Engine, limit: int) -> None:
    """The event, of which a customer may have `limit` places."""
    await engine.submit(PutEvent(EVENT, terms_of(TICKET, limit), [PoolCapacity(str(TICKET), CAPACITY)]))


def terms_of(ticket: int, limit: int, schedule: ScheduleTerms = NO_SCHEDULE) -> Terms:
    timed = schedule is not NO_SCHEDULE
    tickets = [TicketTerms(ticket, [] if timed else [str(ticket)], 100, timed=timed)]
    return Terms(EventStatus.ON_SALE, 0, 0, 60_000, limit, tickets, schedule=schedule)


def hold(items: str, customer: str, rid: str = "", hold_ms: int = 0, event: int = EVENT) -> Hold:
    return Hold(rid or new_reservation_id(event), event, customer, "{}", "digest", items, hold_ms)


def places(quantity: int) -> str:
    return items_text([(TICKET, quantity)])


async def run_out(engine: Engine, *holds: Hold) -> None:
    """Takes these, and waits for their deadlines."""
    results = await asyncio.gather(*map(engine.submit, holds))
    assert [type(result) for result in results] == [Held] * len(holds)
    deadline_ms = max(result.record.deadline_ms for result in results if isinstance(result, Held))

    async def is_past() -> bool:
        return await server_time_ms(engine.redis) > deadline_ms

    await wait_until(is_past, what="the holds expire")


@pytest.mark.parametrize("customer", ["anna", "piotr"])
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(hold(places(9), "anna"), id="hold"),
        pytest.param(Add(LIVE, EVENT, "anna", "{}", (TICKET, 9)), id="add"),
        pytest.param(Replace(LIVE, EVENT, "anna", places(10)), id="replace"),
    ],
)
async def test_places_and_the_customers_limit_are_free_again(
    engine: Engine, command: Hold | Add | Replace, customer: str
) -> None:
    """`customer` had the expired holds: somebody else, or the one that asks, for whom they count."""
    assert isinstance(await engine.submit(hold(places(1), "anna", LIVE)), Held)
    await run_out(engine, *(hold(places(3), customer, hold_ms=1) for _ in range(DUE)))
    assert isinstance(await engine.submit(command), Held)


async def test_the_limit_of_a_customer_who_claims_a_hold_is_free_again(engine: Engine) -> None:
    assert isinstance(await engine.submit(hold(places(1), "", LIVE)), Held)
    await run_out(engine, *(hold(places(3), "anna", hold_ms=1) for _ in range(DUE)))
    await publish(engine, 3)  # two holds are given back on the way
    assert isinstance(await engine.submit(Claim(LIVE, "anna")), Held)


async def test_a_slot_has_room_again(engine: Engine) -> None:
    whole, another = (items_text([TimedPlaces(TIMED_TICKET, CAPACITY, *slot)]) for slot in (SLOT, ANOTHER_SLOT))
    holds = hold(another, "anna", hold_ms=1, event=TIMED_EVENT), hold(whole, "piotr", hold_ms=20, event=TIMED_EVENT)
    await run_out(engine, *holds)
    booked = await engine.submit(Book(TIMED_EVENT, new_booking_id(), *SLOT, "{}", "digest"))
    assert isinstance(booked, Booked)
