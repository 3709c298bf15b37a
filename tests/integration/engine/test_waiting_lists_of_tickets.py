"""Waiting lists and the terms of single tickets: hidden, paused, with a window or a minimum of their own."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from engine.engine import Engine
from engine.inspection import server_time_ms
from engine.results.events import NotOnSaleYet, SaleClosed
from engine.results.holds import BelowMinimum, SoldOut
from engine.settings import Settings
from engine.terms import OwnTerms, TicketTerms
from engine.words import WaitingState
from tests.support.engine.waiting_list import TICKET, WaitingEvent
from tests.support.waiting import wait_until

WAITING, OFFERED, ENDED = WaitingState.WAITING, WaitingState.OFFERED, WaitingState.ENDED

GA = [TicketTerms(TICKET, ["ga"], 100), TicketTerms(8, ["ga"], 80)]
GONE = [OwnTerms(closes_ms=1), OwnTerms(hidden=True)]


@pytest.fixture
async def event(unsynced_settings: Settings) -> AsyncIterator[WaitingEvent]:
    async with Engine(unsynced_settings) as engine:
        yield WaitingEvent(engine)


def with_own(own: OwnTerms | None) -> list[TicketTerms]:
    """Two tickets of the same places, the second with terms of its own."""
    return [GA[0], replace(GA[1], own=own)]


@pytest.mark.parametrize("own", [*GONE, OwnTerms(paused=True)])
async def test_nothing_is_set_aside_for_a_ticket_that_is_not_sold(event: WaitingEvent, own: OwnTerms) -> None:
    """Another ticket sells the same places: they are for sale, and offered again once the first is sold again."""
    await event.publish(6, tickets=GA)
    rids = [await event.hold("early", 3), await event.hold("early", 2), await event.hold("early", 1)]
    many = await event.wait("many", 6, 8)
    await event.cancel(rids[0])
    assert (await event.counts()).available == 0
    await event.change(tickets=with_own(own))
    assert (await event.counts()).available == 3, "places that were set aside before"
    await event.cancel(rids[1])
    assert (await event.counts()).available == 5
    last = await event.hold("crowd", 5)
    await event.change(tickets=GA)
    await event.cancel(last)
    assert (await event.counts()).available == 0
    await event.cancel(rids[2])
    assert await event.states(many) == [OFFERED]


async def test_nothing_is_set_aside_once_the_window_of_a_ticket_is_over(event: WaitingEvent) -> None:
    """Nothing has to run for that, and others who wait for the places are offered them."""
    closes_ms = await server_time_ms(event.engine.redis) + 600
    await event.publish(6, tickets=with_own(OwnTerms(closes_ms=closes_ms)))
    rids = [await event.hold("early", 3), await event.hold("early", 3)]
    many = await event.wait("many", 6, 8)
    await event.cancel(rids[0])
    assert isinstance(await event.try_hold("crowd"), SoldOut)

    async def is_for_sale() -> bool:
        return (await event.counts()).available == 3

    await wait_until(is_for_sale)
    await event.hold("crowd", 3)
    adult = await event.wait("adult")
    await event.cancel(rids[1])
    assert await event.states(many, adult) == [WAITING, OFFERED]


@pytest.mark.parametrize(("own", "available"), [(OwnTerms(paused=True), 0), *((own, 1) for own in GONE)])
async def test_what_only_a_paused_ticket_sells_is_set_aside_for_it(
    event: WaitingEvent, own: OwnTerms, available: int
) -> None:
    """Nothing is set aside for one that is gone. Both are served if the ticket is sold again."""
    await event.publish(2, tickets=[TicketTerms(TICKET, ["7"], 100), TicketTerms(8, ["8"], 100)])
    rids = [await event.hold("early", 1, 8), await event.hold("early", 1, 8)]
    first = await event.wait("a", 1, 8)
    tickets = event.terms.tickets
    await event.change(tickets=[tickets[0], replace(tickets[1], own=own)])
    await event.cancel(rids[0])
    assert ((await event.counts(1)).available, await event.states(first)) == (available, [WAITING])
    await event.change(tickets=tickets)
    assert await event.states(first) == [OFFERED]


async def test_nobody_joins_for_a_ticket_whose_own_window_is_over_or_has_not_begun(event: WaitingEvent) -> None:
    await event.publish(6, tickets=with_own(OwnTerms(closes_ms=1)))
    await event.hold("early", 6)
    assert await event.try_wait("a", 1, 8) == SaleClosed()
    opens_ms = await server_time_ms(event.engine.redis) + 60_000
    await event.change(tickets=with_own(OwnTerms(opens_ms=opens_ms)))
    assert await event.try_wait("a", 1, 8) == NotOnSaleYet(opens_ms)


async def test_nobody_waits_for_fewer_places_than_the_ticket_is_sold_in(event: WaitingEvent) -> None:
    pairs = replace(GA[1], own=OwnTerms(min_quantity=2))
    await event.publish(2, tickets=[pairs])
    rid = await event.hold("early", 2, 8)
    assert await event.try_wait("a", 1, 8) == await event.try_hold("a", 1, 8) == BelowMinimum(8, 2)
    first = await event.wait("a", 2, 8)
    await event.cancel(rid)
    assert await event.states(first) == [OFFERED]


@pytest.mark.parametrize("fills_gaps", [False, True])
async def test_customers_who_wait_for_fewer_than_the_ticket_is_sold_in_by_now_are_told(
    event: WaitingEvent, fills_gaps: bool
) -> None:
    await event.publish(3, tickets=GA, fills_gaps=fills_gaps)
    rids = [await event.hold("early"), await event.hold("early", 2)]
    one, two, adult = await event.wait("one", 1, 8), await event.wait("two", 2, 8), await event.wait("adult", 1)
    await event.change(tickets=with_own(OwnTerms(min_quantity=2)))
    assert await event.states(one, two, adult) == [WAITING, WAITING, WAITING]
    await event.cancel(rids[1])
    assert await event.states(one, two, adult) == [ENDED, OFFERED, WAITING]
    await event.cancel(rids[0])
    assert await event.states(adult) == [OFFERED]
