"""Waiting lists on a real server: places that return are offered in the same step, in the order of the line."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from msgspec.structs import replace as replace_setting

from engine.commands.holds import Hold, Replace, Shorten
from engine.commands.items import BestSeats, NamedSeats, items_text
from engine.commands.payments import BeginPayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock
from engine.commands.reservations import Find
from engine.commands.seats import BlockSeats, ReadSeatMap
from engine.commands.waiting_lists import EraseWaiting, FindWaiting
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.results.events import SaleClosed
from engine.results.holds import Held, SoldOut
from engine.results.limits import LimitExceeded
from engine.results.payments import Paying
from engine.results.reservations import AlreadyPaid, Found, NotFound, PaymentInProgress
from engine.results.seats import SeatMap
from engine.results.waiting_lists import (
    NoWaitingList,
    PlacesLeft,
    Waiting,
    WaitingDeclined,
    WaitingEnded,
    WaitingErased,
)
from engine.settings import Settings
from engine.stock import SectionMap, SectionSeats
from engine.terms import TicketTerms
from engine.words import EventStatus, State, WaitingState
from tests.support.engine.waiting_list import OFFER_MS, TICKET, WaitingEvent
from tests.support.waiting import wait_until

WAITING, OFFERED, TAKEN = WaitingState.WAITING, WaitingState.OFFERED, WaitingState.TAKEN
DECLINED, ENDED = WaitingState.DECLINED, WaitingState.ENDED


@pytest.fixture
async def engine(unsynced_settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(unsynced_settings) as engine:
        yield engine


@pytest.fixture
def event(engine: Engine) -> WaitingEvent:
    return WaitingEvent(engine)


async def test_a_place_that_returns_goes_to_the_first_in_line(event: WaitingEvent) -> None:
    await event.publish(2)
    rids = [await event.hold("early", 1), await event.hold("early", 1)]
    first, second = await event.wait("a"), await event.wait("b")
    assert [(await event.found(each)).position for each in (first, second)] == [1, 2]
    await event.cancel(rids[0])
    assert await event.states(first, second) == [OFFERED, WAITING]
    assert (await event.found(second)).position == 1
    found = await event.engine.submit(Find(first))
    assert isinstance(found, Found)
    assert (found.record.state, found.record.customer_id, found.record.is_offer) == (State.HELD, "a", True)
    assert found.record.deadline_ms - found.record.created_ms == OFFER_MS
    assert found.record.total_minor == 100
    assert isinstance(await event.try_hold("crowd"), SoldOut)
    await event.pay(first, 100)
    assert await event.states(first) == [TAKEN]
    await event.cancel(rids[1])
    assert await event.states(second) == [OFFERED]


async def test_nobody_waits_while_there_are_places_enough(event: WaitingEvent) -> None:
    await event.publish(3)
    assert await event.try_wait("a", 3) == PlacesLeft(TICKET, 3)
    assert isinstance(await event.try_wait("a", 4), LimitExceeded), "the ticket never has so many"
    await event.hold("early", 2)
    assert await event.try_wait("a", 1) == PlacesLeft(TICKET, 1)
    await event.wait("a", 2)


async def test_customers_who_wait_for_more_are_not_passed_over(event: WaitingEvent) -> None:
    await event.publish(4)
    rids = [await event.hold("early") for _ in range(4)]
    many, one = await event.wait("many", 3), await event.wait("one")
    await event.cancel(rids[0])
    await event.cancel(rids[1])
    assert await event.states(many, one) == [WAITING, WAITING]
    counts = await event.counts()
    assert (counts.available, counts.held) == (0, 4), "places that are set aside count as held"
    assert isinstance(await event.try_hold("crowd"), SoldOut)
    await event.cancel(rids[2])
    assert await event.states(many, one) == [OFFERED, WAITING]
    await event.cancel(rids[3])
    assert await event.states(one) == [OFFERED]


async def test_gaps_are_filled_where_the_event_says_so(event: WaitingEvent) -> None:
    await event.publish(4, fills_gaps=True)
    rids = [await event.hold("early") for _ in range(4)]
    many, two, one = await event.wait("many", 3), await event.wait("two", 2), await event.wait("one")
    await event.cancel(rids[0])
    assert await event.states(many, two, one) == [WAITING, WAITING, OFFERED]
    await event.cancel(rids[1])
    await event.cancel(rids[2])
    assert await event.states(many, two) == [WAITING, OFFERED]


async def test_places_that_were_for_sale_stay_so(event: WaitingEvent) -> None:
    """Waiting for more places than are left takes none off sale; what returns is set aside beside them."""
    await event.publish(4)
    early = await event.hold("early", 2)
    await event.wait("many", 4)
    assert (await event.counts()).available == 2
    crowd = await event.hold("crowd", 1)
    await event.cancel(crowd)
    counts = await event.counts()
    assert (counts.available, counts.held) == (1, 3)
    await event.hold("crowd", 1)
    assert isinstance(await event.try_hold("crowd"), SoldOut)
    await event.cancel(early)
    assert (await event.counts()).available == 0


async def test_a_declined_offer_goes_to_the_next_in_the_same_step(event: WaitingEvent) -> None:
    await event.publish(1)
    rid = await event.hold("early")
    ids = [await event.wait(name) for name in "abc"]
    await event.cancel(rid)
    declined = await event.decline(ids[0])
    assert isinstance(declined, WaitingDeclined)
    assert (declined.entry.state, declined.replayed) == (DECLINED, False)
    again = await event.decline(ids[0])
    assert isinstance(again, WaitingDeclined)
    assert again.replayed
    assert await event.states(*ids) == [DECLINED, OFFERED, WAITING]
    await event.cancel(ids[1])  # the reservation, like any other
    assert await event.states(*ids) == [DECLINED, DECLINED, OFFERED]
    await event.decline(ids[2])
    assert (await event.counts()).available == 1, "nobody waits any more"


async def test_an_expired_offer_goes_to_the_next_without_a_worker(event: WaitingEvent) -> None:
    await event.publish(1, offer_ms=250)
    rid = await event.hold("early")
    first, second = await event.wait("a"), await event.wait("b")
    await event.cancel(rid)

    async def went_on() -> bool:
        assert isinstance(await event.try_hold("crowd"), SoldOut)
        return await event.states(first, second) == [ENDED, OFFERED]

    await wait_until(went_on)


async def test_an_expired_hold_is_offered_without_a_worker(event: WaitingEvent) -> None:
    await event.publish(1, hold_ms=40)
    await event.hold("early")
    first = await event.wait("a")

    async def is_offered() -> bool:
        assert isinstance(await event.try_hold("crowd"), SoldOut)
        return await event.states(first) == [OFFERED]

    await wait_until(is_offered)


async def test_whatever_returns_places_offers_them(event: WaitingEvent) -> None:
    await event.publish(6)
    rids = [await event.hold("early", 1) for _ in range(6)]
    ids = [await event.wait(f"c{number}") for number in range(9)]
    states, submit = partial(event.states, *ids), event.engine.submit

    await submit(BeginPayment(rids[0], "attempt", 100, ""))
    await submit(FailPayment(rids[0], "attempt", "card_declined", give_back=True))
    assert (await states()).count(OFFERED) == 1
    await submit(Shorten(rids[1], await server_time_ms(event.engine.redis)))
    assert (await states()).count(OFFERED) == 2
    for rid in rids[2:5]:
        await event.pay(rid, 100)
    await submit(Refund(rids[2], restock=True))
    assert (await states()).count(OFFERED) == 3
    await submit(Refund(rids[3], restock=False))
    assert (await states()).count(OFFERED) == 3, "kept off sale"
    await submit(Restock(rids[3]))
    assert (await states()).count(OFFERED) == 4
    await submit(RefundSome(rids[4], "refund", True, [(TICKET, 1)]))
    assert (await states()).count(OFFERED) == 5
    await event.set_capacity(8)
    assert await states() == [OFFERED] * 7 + [WAITING] * 2
    counts = await event.counts()
    assert (counts.capacity, counts.available, counts.held) == (8, 0, 8)


async def test_a_lower_capacity_takes_no_place_in_line(event: WaitingEvent) -> None:
    await event.publish(4)
    rids = [await event.hold("early", 1) for _ in range(4)]
    many = await event.wait("many", 3)
    await event.cancel(rids[0])
    await event.cancel(rids[1])
    await event.set_capacity(3)
    counts = await event.counts()
    assert (counts.capacity, counts.available, counts.held) == (3, 0, 3)
    assert await event.states(many) == [WAITING]
    one = await event.wait("one")
    await event.set_capacity(2)
    await event.cancel(rids[2])
    assert await event.states(many, one) == [ENDED, OFFERED], "the ticket never has as many as the first waits for"


async def test_the_rest_goes_on_sale_when_the_list_ends(event: WaitingEvent) -> None:
    await event.publish(4, ends_in_ms=600)
    rids = [await event.hold("early", 1) for _ in range(4)]
    many = await event.wait("many", 3)
    await event.cancel(rids[0])
    assert isinstance(await event.try_hold("crowd"), SoldOut)

    async def is_for_sale() -> bool:
        return (await event.counts()).available == 1

    await wait_until(is_for_sale)
    assert await event.states(many) == [ENDED]
    assert isinstance(await event.try_hold("crowd"), Held)
    assert await event.try_wait("late") == WaitingEnded()


async def test_a_list_ends_with_its_event(event: WaitingEvent) -> None:
    await event.publish(1)
    rid = await event.hold("early")
    first, second = await event.wait("a"), await event.wait("b")
    await event.cancel(rid)
    await event.change(status=EventStatus.CANCELLED)
    assert await event.states(first, second) == [ENDED, ENDED]
    assert await event.try_wait("late") == SaleClosed()
    assert (await event.tend()).waiting == 0


async def test_a_paused_sale_offers_when_it_goes_on(event: WaitingEvent) -> None:
    await event.publish(1)
    rid = await event.hold("early")
    first = await event.wait("a")
    await event.change(status=EventStatus.PAUSED)
    await event.cancel(rid)
    assert await event.states(first) == [WAITING]
    await event.change(status=EventStatus.ON_SALE)
    assert await event.states(first) == [OFFERED]


async def test_an_event_without_a_list_has_none(event: WaitingEvent) -> None:
    await event.publish(1)
    await event.change(waiting=None)
    assert await event.try_wait("a") == NoWaitingList()


async def test_entries_end_where_the_list_is_taken_away(event: WaitingEvent) -> None:
    await event.publish(1)
    rid = await event.hold("early")
    ids = [await event.wait(name) for name in "ab"]
    await event.change(waiting=None)
    assert await event.states(*ids) == [ENDED, ENDED]
    await event.cancel(rid)
    assert (await event.counts()).available == 1


async def test_limits_of_a_customer_count_what_it_waits_for(event: WaitingEvent) -> None:
    await event.publish(4, max_per_customer=3)
    rids = [await event.hold(name, 2) for name in ("x", "y")]
    await event.wait("a", 2)
    assert await event.try_wait("a", 2) == LimitExceeded(3, 2)
    one = await event.wait("a", 1)
    for rid in rids:
        await event.cancel(rid)
    assert (await event.entry(one)).state is OFFERED
    assert isinstance(await event.try_hold("a"), LimitExceeded)


async def test_a_customer_at_the_limit_loses_its_place_to_the_next(event: WaitingEvent) -> None:
    tickets = [TicketTerms(TICKET, ["7"], 100), TicketTerms(8, ["8"], 100)]
    await event.publish(2, max_per_customer=2, tickets=tickets)
    rid = await event.hold("early", 2)
    first, second = await event.wait("a", 1), await event.wait("b", 1)
    await event.hold("a", 2, 8)
    await event.cancel(rid)
    assert await event.states(first, second) == [ENDED, OFFERED]


@pytest.mark.parametrize("fills_gaps", [False, True])
async def test_who_waits_for_more_than_is_allowed_by_now_is_told(event: WaitingEvent, fills_gaps: bool) -> None:
    await event.publish(4, fills_gaps=fills_gaps)
    rids = [await event.hold("early") for _ in range(4)]
    many, one = await event.wait("many", 3), await event.wait("one")
    await event.change(max_per_customer=2)
    for rid in rids:
        await event.cancel(rid)
    assert await event.states(many, one) == [ENDED, OFFERED]
    assert (await event.tend()).more is False


async def test_an_offer_that_is_paid_for_cannot_be_declined(event: WaitingEvent) -> None:
    await event.publish(1)
    rid = await event.hold("early")
    first = await event.wait("a")
    await event.cancel(rid)
    assert isinstance(await event.engine.submit(BeginPayment(first, "attempt", 100, "")), Paying)
    assert await event.decline(first) == PaymentInProgress()
    await event.engine.submit(FailPayment(first, "attempt", "card_declined"))
    await event.pay(first, 100)
    assert await event.decline(first) == AlreadyPaid()


async def test_the_same_request_again_has_the_same_place(event: WaitingEvent) -> None:
    await event.publish(1)
    await event.hold("early")
    first = await event.try_wait("a", waiting_id="1-AAAAAAAAAAAAAAAA")
    await event.wait("b")
    again = await event.try_wait("a", waiting_id="1-AAAAAAAAAAAAAAAA")
    assert isinstance(first, Waiting)
    assert isinstance(again, Waiting)
    assert (first.replayed, again.replayed, again.position) == (False, True, 1)


SEATS = [TicketTerms(TICKET, ["s1"], 100, assigned=True)]
MAP = SectionMap("s1", "aaaa\naaaa")


async def seats_of(event: WaitingEvent, rid: str) -> list[int]:
    found = await event.engine.submit(Find(rid))
    assert isinstance(found, Found)
    return [seat for line in found.record.lines for seat in line.seats]


async def test_an_offer_takes_the_best_seats_of_the_ticket(event: WaitingEvent) -> None:
    await event.publish(tickets=SEATS, sections=[MAP])
    rids = [await event.hold_seats("early", [1, 2, 6]), await event.hold_seats("early", [3, 4, 7, 8, 9])]
    two, one = await event.wait("two", 2), await event.wait("one")
    await event.cancel(rids[0])
    assert await seats_of(event, two) == [1, 2]
    assert await seats_of(event, one) == [6]


async def test_seats_that_are_set_aside_are_shown_as_held_and_cannot_be_held(event: WaitingEvent) -> None:
    await event.publish(tickets=SEATS, sections=[MAP])
    rids = [await event.hold_seats("early", [1, 2, 3]), await event.hold_seats("early", [4, 6, 7, 8, 9])]
    many = await event.wait("many", 4)
    await event.cancel(rids[0])
    shown = await event.engine.submit(ReadSeatMap(event.event_id, "s1"))
    assert isinstance(shown, SeatMap)
    assert shown.text == "hhhh\nhhhh"
    wish = items_text([NamedSeats(TICKET, 1, "s1", [2])])
    refused = await event.engine.submit(Hold(new_reservation_id(1), 1, "crowd", "{}", "", wish))
    assert isinstance(refused, SoldOut)
    best = items_text([BestSeats(TICKET, 1, False)])
    refused = await event.engine.submit(Hold(new_reservation_id(1), 1, "crowd", "{}", "", best))
    assert isinstance(refused, SoldOut)
    await event.decline(many)
    shown = await event.engine.submit(ReadSeatMap(event.event_id, "s1"))
    assert isinstance(shown, SeatMap)
    assert shown.text == "aaah\nhhhh"


async def test_unblocked_seats_are_offered(event: WaitingEvent) -> None:
    await event.publish(tickets=SEATS, sections=[MAP])
    blocked = [SectionSeats("s1", [1, 2])]
    await event.engine.submit(BlockSeats(event.event_id, blocked, blocked=True))
    await event.hold_seats("early", [3, 4, 6, 7, 8, 9])
    two = await event.wait("two", 2)
    await event.engine.submit(BlockSeats(event.event_id, blocked, blocked=False))
    assert await seats_of(event, two) == [1, 2]


async def test_tickets_that_share_places_are_served_in_one_order(event: WaitingEvent) -> None:
    """Adult and Child offer the same seats: a place that returns goes to the first who waits, for either ticket."""
    tickets = [TicketTerms(TICKET, ["s1"], 100, assigned=True), TicketTerms(8, ["s1"], 50, assigned=True)]
    await event.publish(tickets=tickets, sections=[MAP])
    rids = [await event.hold_seats("early", [seat]) for seat in (1, 2, 3, 4, 6, 7, 8, 9)]
    child, adults = await event.wait("child", 1, 8), await event.wait("adults", 2)
    other = await event.wait("other", 1, 8)
    for rid in rids[:2]:
        await event.cancel(rid)
    assert await event.states(child, adults, other) == [OFFERED, WAITING, WAITING]
    await event.cancel(rids[2])
    assert await event.states(adults, other) == [OFFERED, WAITING]


async def test_replacing_a_hold_takes_nothing_that_is_set_aside(event: WaitingEvent) -> None:
    await event.publish(4)
    rids = [await event.hold("early", 2), await event.hold("late", 2)]
    many = await event.wait("many", 3)
    await event.cancel(rids[0])
    replace = [Replace(rids[1], 1, "late", items_text([(TICKET, places)])) for places in (3, 2, 1)]
    assert isinstance(await event.engine.submit(replace[0]), SoldOut)
    assert isinstance(await event.engine.submit(replace[1]), Held)
    assert await event.states(many) == [WAITING]
    assert isinstance(await event.engine.submit(replace[2]), Held)
    assert await event.states(many) == [OFFERED]


async def test_money_that_comes_late_buys_nothing_that_is_set_aside(event: WaitingEvent) -> None:
    await event.publish(2, hold_ms=10_000)
    rids = [await event.hold("early"), await event.hold("late")]
    await event.wait("many", 2)
    assert isinstance(await event.engine.submit(BeginPayment(rids[1], "attempt", 100, "")), Paying)
    await event.engine.submit(FailPayment(rids[1], "attempt", "card_declined", give_back=True))
    del rids[1]
    counts = await event.counts()
    assert (counts.available, counts.held) == (0, 2)


async def test_names_of_an_entry_are_erased(event: WaitingEvent) -> None:
    await event.publish(1)
    await event.hold("early")
    first = await event.wait("a")
    erased = await event.engine.submit(EraseWaiting(first, "{}", "{}"))
    assert isinstance(erased, WaitingErased)
    assert "example" not in (await event.entry(first)).contact


async def test_an_offer_counts_for_no_limit_on_hoarding(engine: Engine, event: WaitingEvent) -> None:
    """Nobody asked for it at that moment: a customer who leaves it can hold as much as before."""
    await event.publish(1, offer_ms=30)
    for _ in range(3):
        rid = await event.hold("early")
        first = await event.wait("a")
        await event.cancel(rid)
        await wait_until(partial(has_ended, event, first))
    key = [key async for key in engine.redis.scan_iter("*hoards*", count=100)]
    assert key == []


async def has_ended(event: WaitingEvent, waiting_id: str) -> bool:
    return (await event.entry(waiting_id)).state is ENDED


async def test_a_long_line_is_served_in_slices(event: WaitingEvent) -> None:
    await event.publish(130, max_per_customer=130)
    rid = [await event.hold("early", 100), await event.hold("early", 30)]
    ids = [await event.wait(f"c{number}") for number in range(130)]
    await event.cancel(rid[0])
    await event.cancel(rid[1])
    assert isinstance(await event.try_hold("crowd"), SoldOut)
    while (await event.tend()).more:
        pass
    assert await event.states(*ids) == [OFFERED] * 130


async def test_upkeep_forgets_entries_that_ended_long_ago(unsynced_settings: Settings) -> None:
    async with Engine(replace_setting(unsynced_settings, archive_seconds=1)) as engine:
        event = WaitingEvent(engine)
        await event.publish(1)
        await event.hold("early")
        first = await event.wait("a")
        await event.decline(first)

        async def is_forgotten() -> bool:
            await event.tend()
            return await engine.submit(FindWaiting(first)) == NotFound()

        await wait_until(is_forgotten)
