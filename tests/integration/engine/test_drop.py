"""Takings prevent deletion, even when the outbox no longer has them and Postgres was not asked yet."""

import time

import pytest
from msgspec.structs import replace

from engine.commands.bookings import Book
from engine.commands.codes import PutCodes
from engine.commands.events import Count, Drop, PutEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Cancel, Hold
from engine.commands.items import ANY_TOTAL, TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.refunds import Refund, RefundSome
from engine.engine import Engine
from engine.ids import new_booking_id, new_reservation_id
from engine.outbox import last_position, trim_outbox
from engine.results.bookings import Booked
from engine.results.codes import CodesPut
from engine.results.events import Counts, InUse, Published
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.holds import Cancelled, Held
from engine.results.payments import Paid, Paying
from engine.results.refunds import RefundDue
from engine.stock import PoolCapacity
from engine.terms import ScheduleTerms, Terms, TicketTerms
from engine.words import EventStatus
from tests.support.engine.coded_event import allocation
from tests.support.engine.timed_slots import at, schedule_of

EVENT, TIMED_EVENT = 1, 2
TICKET, TIMED_TICKET, SPARE_TICKET = 7, 8, 9
SLOT = at((int(time.time()) + 31_536_000) * 1000)


@pytest.fixture
async def sale(engine: Engine) -> Engine:
    for event, tickets, schedule in (
        (EVENT, [TicketTerms(TICKET, [str(TICKET)], 100)], ScheduleTerms()),
        (
            TIMED_EVENT,
            [TicketTerms(each, [], 100, timed=True) for each in (TIMED_TICKET, SPARE_TICKET)],
            schedule_of(5),
        ),
    ):
        terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 5, tickets, schedule=schedule)
        await engine.submit(PutEvent(event, terms, [PoolCapacity(pool, 5) for each in tickets for pool in each.pools]))
    return engine


async def trim(engine: Engine) -> None:
    """Sync has written everything to Postgres."""
    for keys in engine.keys:
        await trim_outbox(engine.redis, keys, await last_position(engine.redis, keys))


async def check_it_stays(engine: Engine, event: int, ticket: int = 0) -> None:
    terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 5, []) if ticket else None
    assert isinstance(await engine.submit(Drop(event, ticket, terms)), InUse)
    assert isinstance(await engine.submit(Count(event)), Counts), "the partition is whole"


async def hold(engine: Engine, event: int, items: str) -> str:
    rid = new_reservation_id(event)
    assert isinstance(await engine.submit(Hold(rid, event, "anna", "{}", "digest", items)), Held)
    return rid


async def test_an_event_with_a_booked_slot(sale: Engine) -> None:
    booked = await sale.submit(Book(TIMED_EVENT, new_booking_id(), *SLOT, "{}", "digest"))
    assert isinstance(booked, Booked)
    await trim(sale)
    await check_it_stays(sale, TIMED_EVENT)


async def test_a_ticket_of_which_places_of_a_slot_are_held(sale: Engine) -> None:
    await hold(sale, TIMED_EVENT, items_text([TimedPlaces(TIMED_TICKET, 2, *SLOT)]))
    await trim(sale)
    await check_it_stays(sale, TIMED_EVENT, TIMED_TICKET)
    left = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 5, [], schedule=schedule_of(5))
    assert isinstance(await sale.submit(Drop(TIMED_EVENT, SPARE_TICKET, left)), Published), "nothing of it was taken"


@pytest.mark.parametrize("ticket", [0, TICKET])
async def test_places_on_sale_again_whose_refund_is_due(sale: Engine, ticket: int) -> None:
    rid = await hold(sale, EVENT, items_text([(TICKET, 2)]))
    assert isinstance(await sale.submit(BeginPayment(rid, "pay-1", 200, "digest")), Paying)
    assert isinstance(await sale.submit(ConfirmPayment(rid, "pay-1")), Paid)
    assert isinstance(await sale.submit(Refund(rid, restock=True)), RefundDue)
    await trim(sale)
    await check_it_stays(sale, EVENT, ticket)


@pytest.mark.parametrize("price", [150, 100], ids=["waits for its money", "done"])
async def test_tickets_of_an_exchange(engine: Engine, price: int) -> None:
    """Its pool belongs to other tickets, too, and does not say whose places are taken."""
    one, other = TicketTerms(TICKET, ["ga"], 100), TicketTerms(SPARE_TICKET, ["ga"], price)
    terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 5, [one, other])
    await engine.submit(PutEvent(EVENT, terms, [PoolCapacity("ga", 5)]))
    rid = await hold(engine, EVENT, items_text([(TICKET, 2)]))
    await engine.submit(BeginPayment(rid, "pay-1", 200, "digest"))
    assert isinstance(await engine.submit(ConfirmPayment(rid, "pay-1")), Paid)
    items = items_text([(SPARE_TICKET, 1 if price == 100 else 2)])
    exchanged = await engine.submit(Exchange(rid, "exchange", items, ANY_TOTAL, True, False, "digest"))
    assert isinstance(exchanged, Exchanged if price == 100 else Exchanging)
    await trim(engine)
    for left in (one, other):
        gone = TICKET if left is other else SPARE_TICKET
        assert await engine.submit(Drop(EVENT, gone, replace(terms, tickets=[left], version=1))) == InUse("")


async def test_a_ticket_of_which_only_kept_places_are_left(engine: Engine) -> None:
    """They are in a pool that another ticket shares, and their refund is due."""
    one, other = (TicketTerms(each, ["ga"], 100) for each in (TICKET, SPARE_TICKET))
    terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 5, [one, other])
    await engine.submit(PutEvent(EVENT, terms, [PoolCapacity("ga", 5)]))
    rid = await hold(engine, EVENT, items_text([(TICKET, 1), (SPARE_TICKET, 1)]))
    await engine.submit(BeginPayment(rid, "pay-1", 200, "digest"))
    assert isinstance(await engine.submit(ConfirmPayment(rid, "pay-1")), Paid)
    assert isinstance(await engine.submit(RefundSome(rid, "back", False, [(SPARE_TICKET, 1)])), RefundDue)
    await trim(engine)
    assert await engine.submit(Drop(EVENT, SPARE_TICKET, replace(terms, tickets=[one], version=1))) == InUse("")


async def test_places_that_are_set_aside_for_a_code_of_another_event(engine: Engine) -> None:
    """Its code has the same name. Its event is in the same partition, and its id is as long."""
    one, other = 100, 100 + len(engine.keys)
    assert engine.partition_keys(one) == engine.partition_keys(other)
    terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 5, [TicketTerms(TICKET, [str(TICKET)], 100)])
    for event in (one, other):
        await engine.submit(PutEvent(event, terms, [PoolCapacity(str(TICKET), 5)]))
        assert isinstance(
            await engine.submit(PutCodes(event, replace(allocation(2), ticket_ids=[TICKET]), ["X"])), CodesPut
        )
    await hold(engine, one, items_text([(TICKET, 2)]))
    await trim(engine)
    await check_it_stays(engine, one)


@pytest.mark.parametrize("ticket", [3, 127, 128, 255, 256, 65_535, 65_536, 2**31 - 1])
async def test_what_was_taken_of_a_ticket_is_found_in_the_outbox(engine: Engine, ticket: int) -> None:
    """Ids of every length that a fact may have; the ticket beside it was not taken."""
    spare = ticket - 2
    tickets = [TicketTerms(each, [str(each)], 100) for each in (spare, ticket)]
    terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 5, tickets)
    await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(each.ticket_id), 5) for each in tickets]))
    rid = await hold(engine, EVENT, items_text([(ticket, 2)]))
    assert isinstance(await engine.submit(Cancel(rid)), Cancelled)
    assert await engine.submit(Drop(EVENT, ticket, replace(terms, tickets=tickets[:1], version=1))) == InUse("")
    left = replace(terms, tickets=tickets[1:], version=1)
    assert await engine.submit(Drop(EVENT, spare, left)) == Published()
    assert await engine.submit(Drop(EVENT, 0)) == InUse("")
