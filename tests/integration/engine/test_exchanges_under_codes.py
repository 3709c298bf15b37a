"""Exchanges of reservations that name a code: what stays stays under it, what is new is at ordinary terms."""

from typing import Any

import pytest

from engine.commands.exchanges import Exchange
from engine.commands.items import ANY_TOTAL, NamedSeats, items_text
from engine.commands.payments import ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock
from engine.engine import Engine
from engine.results.codes import CodeNotApplicable
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.payments import Paid
from engine.results.refunds import RefundDue, Restocked
from engine.results.result import Result
from engine.words import EventStatus
from tests.support.engine.coded_event import HALF, PRICE, REGULAR, SECTION, STALLS, VIP, CodedEvent, allocation


@pytest.fixture
async def event(engine: Engine) -> CodedEvent:
    event = CodedEvent(engine)
    await event.publish()
    return event


async def exchange(event: CodedEvent, rid: str, *items: Any, attempt_id: str = "more") -> Result:
    wish = items_text(items)
    return await event.engine.submit(
        Exchange(rid, attempt_id, wish, ANY_TOTAL, may_charge=True, over_limit=False, digest="d")
    )


async def counted(event: CodedEvent) -> tuple[int, int, int, int]:
    """Uses, places that are being paid for, places sold, and money off."""
    counts = await event.counts()
    return counts.uses, counts.paying, counts.sold, counts.spent_minor


async def test_places_that_stay_keep_their_discount_and_new_ones_have_none(event: CodedEvent) -> None:
    await event.put(HALF)
    rid = await event.hold(2)
    await event.pay(rid)
    assert await counted(event) == (1, 0, 2, PRICE)
    assert isinstance(await exchange(event, rid, (VIP, 3)), Exchanging)
    assert await counted(event) == (1, 0, 2, PRICE)
    assert isinstance(await event.engine.submit(ConfirmPayment(rid, "more")), Paid)
    assert (await event.record(rid)).total_minor == 2 * PRICE // 2 + PRICE
    assert await counted(event) == (1, 0, 2, PRICE)
    assert (await event.stock()).sold == 3


async def test_the_code_is_free_again_when_nothing_is_left_under_it(event: CodedEvent) -> None:
    await event.put(HALF)
    rid = await event.hold(2)
    await event.pay(rid)
    assert isinstance(await exchange(event, rid, (REGULAR, 2), attempt_id="same"), Exchanged)
    assert await counted(event) == (0, 0, 0, 0)
    assert (await event.record(rid)).code is None
    assert ((await event.stock()).sold, (await event.stock(REGULAR)).sold) == (0, 2)
    assert isinstance(await event.engine.submit(Refund(rid, restock=True)), RefundDue)
    assert (await event.stock(REGULAR)).available == event.capacity


async def test_places_that_were_refunded_and_kept_leave_the_code_with_the_rest(event: CodedEvent) -> None:
    await event.put(HALF)
    rid = await event.hold(2)
    await event.pay(rid)
    part = RefundSome(rid, "part", restock=False, items=[(VIP, 1)])
    assert isinstance(await event.engine.submit(part), RefundDue)
    assert (await event.counts()).kept == 1
    assert isinstance(await exchange(event, rid, (REGULAR, 1), attempt_id="same"), Exchanged)
    counts = await event.counts()
    assert (*await counted(event), counts.kept) == (0, 0, 0, 0, 0)
    assert (await event.stock()).kept == 1, "still off sale"
    assert isinstance(await event.engine.submit(Restock(rid)), Restocked)
    assert ((await event.stock()).available, (await event.stock()).kept) == (event.capacity, 0)
    assert (await event.counts()).kept == 0


async def test_a_failed_exchange_leaves_the_code_as_it_was(event: CodedEvent) -> None:
    await event.put(HALF)
    seats = NamedSeats(STALLS, 2, SECTION, [1, 2])
    rid = await event.hold(wish=items_text([seats]))
    await event.pay(rid)
    more = NamedSeats(STALLS, 2, SECTION, [2, 3])
    assert isinstance(await exchange(event, rid, more), Exchanging)
    await event.engine.submit(FailPayment(rid, "more", "card_declined"))
    assert await counted(event) == (1, 0, 2, PRICE)
    assert isinstance(await exchange(event, rid, more, attempt_id="again"), Exchanging)
    await event.engine.submit(ConfirmPayment(rid, "again"))
    assert await counted(event) == (1, 0, 1, PRICE // 2)
    assert (await event.stock(STALLS)).sold == 2


async def test_places_that_are_set_aside_are_not_exchanged(event: CodedEvent) -> None:
    await event.put(allocation(4))
    rid = await event.hold(2)
    await event.pay(rid)
    assert await exchange(event, rid, (REGULAR, 2)) == CodeNotApplicable(0)
    assert (await event.counts()).sold == 2


async def test_money_for_an_exchange_of_a_cancelled_event_goes_back_and_nothing_moves(event: CodedEvent) -> None:
    rid = await event.hold(1, code="")
    await event.pay(rid)
    assert isinstance(await exchange(event, rid, (VIP, 2)), Exchanging)
    await event.change(status=EventStatus.CANCELLED)
    assert isinstance(await event.engine.submit(ConfirmPayment(rid, "more")), RefundDue)
    assert [line.quantity for line in (await event.record(rid)).lines] == [1]
