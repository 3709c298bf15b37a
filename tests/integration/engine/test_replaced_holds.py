"""Holds whose places are replaced: what stays is judged by nothing new, ticket and code valid or not."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from engine.commands.holds import Replace
from engine.commands.items import BestSeats, NamedSeats, items_text
from engine.engine import Engine
from engine.results.codes import CodeNotApplicable, CodeUsedUp
from engine.results.events import NotOnSaleYet, SaleClosed, SalePaused, UnknownPool
from engine.results.holds import Held
from engine.results.result import Result
from engine.settings import Settings
from engine.terms import OwnTerms
from engine.words import EventStatus
from tests.support.engine.coded_event import (
    ACCESS,
    CODE,
    EVENT,
    HALF,
    PRICE,
    REGULAR,
    SECTION,
    STALLS,
    VIP,
    CodedEvent,
)

FAR_MS = 4_000_000_000_000


@pytest.fixture
async def event(unsynced_settings: Settings) -> AsyncIterator[CodedEvent]:
    async with Engine(unsynced_settings) as engine:
        event = CodedEvent(engine)
        await event.publish()
        yield event


@pytest.mark.parametrize(
    ("own", "status", "refusal"),
    [
        (OwnTerms(hidden=True), EventStatus.ON_SALE, UnknownPool(VIP)),
        (OwnTerms(paused=True), EventStatus.ON_SALE, SalePaused()),
        (OwnTerms(closes_ms=1), EventStatus.ON_SALE, SaleClosed()),
        (OwnTerms(opens_ms=FAR_MS), EventStatus.ON_SALE, NotOnSaleYet(FAR_MS)),
        (None, EventStatus.PAUSED, SalePaused()),
        (None, EventStatus.CLOSED, SaleClosed()),
    ],
)
@pytest.mark.parametrize("code", ["", CODE])
async def test_a_hold_gives_places_back_whatever_became_of_their_ticket_and_their_code(
    event: CodedEvent, own: OwnTerms | None, status: EventStatus, refusal: Result, code: str
) -> None:
    await event.put(ACCESS)
    rid = await event.hold(code=code, wish=items_text([(VIP, 2), (REGULAR, 1)]))
    vip, *others = event.terms.tickets
    await event.change(tickets=[replace(vip, own=own), *others], status=status)
    await event.put(replace(ACCESS, withdrawn=True))

    async def change(*items: tuple[int, int]) -> Result:
        return await event.engine.submit(Replace(rid, EVENT, "anna", items_text(items)))

    assert await change((VIP, 3)) == refusal
    assert await change((VIP, 2), (VIP, 1)) == refusal, "items of a ticket are counted together"
    same = await change((VIP, 2), (REGULAR, 1))
    assert (type(same), sum(line.quantity for line in (await event.record(rid)).lines)) == (Held, 3)
    more = await change((VIP, 2), (REGULAR, 2))
    assert isinstance(more, Held) if own else more == refusal, "new places of a ticket that is on sale"
    fewer = await change((VIP, 1))
    assert isinstance(fewer, Held)
    assert [(line.ticket_id, line.quantity, line.unit_minor) for line in fewer.record.lines] == [(VIP, 1, PRICE)]
    assert (fewer.record.code is not None) == bool(code)


async def test_seats_stay_in_a_hold_whose_ticket_was_hidden(event: CodedEvent) -> None:
    rid = await event.hold(code="", wish=items_text([NamedSeats(STALLS, 2, SECTION, [1, 2])]))
    tickets = [replace(each, own=OwnTerms(hidden=each.ticket_id == STALLS)) for each in event.terms.tickets]
    await event.change(tickets=tickets)
    for wish in (NamedSeats(STALLS, 2, SECTION, [2, 3]), BestSeats(STALLS, 1, True)):
        assert await event.engine.submit(Replace(rid, EVENT, "anna", items_text([wish]))) == UnknownPool(STALLS)
    for seats in ([1, 2], [2]):
        kept = NamedSeats(STALLS, len(seats), SECTION, seats)
        assert isinstance(await event.engine.submit(Replace(rid, EVENT, "anna", items_text([kept]))), Held)


async def test_a_smaller_limit_of_a_code_changes_no_hold(event: CodedEvent) -> None:
    await event.put(ACCESS)
    rid = await event.hold(4)
    await event.put(replace(ACCESS, max_places=2))
    for places, wanted in ((5, CodeNotApplicable(2)), (4, None), (3, None)):
        result = await event.engine.submit(Replace(rid, EVENT, "anna", items_text([(VIP, places)])))
        assert result == wanted if wanted else isinstance(result, Held)


async def test_replaced_places_keep_their_price_and_new_ones_get_that_of_the_code(event: CodedEvent) -> None:
    await event.put(replace(HALF, budget_minor=15_000))
    rid = await event.hold(1)
    await event.put(replace(HALF, amount=10, budget_minor=15_000))
    more = await event.engine.submit(Replace(rid, EVENT, "anna", items_text([(VIP, 3)])))
    assert isinstance(more, Held)
    assert [(line.quantity, line.unit_minor) for line in more.record.lines] == [(1, 5000), (2, 9000)]
    assert (await event.counts()).spent_minor == 7000
    many = await event.engine.submit(Replace(rid, EVENT, "anna", items_text([(VIP, 30)])))
    assert many == CodeUsedUp()
    assert (await event.counts()).spent_minor == 7000
