"""Allocations on a real server: places that are set aside for a code, and return to the sale."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from engine.commands.events import Drop
from engine.commands.holds import Replace
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, Restock
from engine.engine import Engine
from engine.results.codes import CodesPut, CodeUnknown, CodeUsedUp
from engine.results.events import BelowTaken, InUse, Published, UnknownPool
from engine.results.holds import Held, SoldOut
from engine.results.payments import Paid, PaymentFailed
from engine.results.refunds import RefundDue
from engine.settings import Settings
from engine.terms import CodeTerms
from engine.words import CodeKind, FailureReason
from tests.support.engine.coded_event import (
    ACCESS,
    EVENT,
    HALF,
    REGULAR,
    STALLS,
    VIP,
    CodedEvent,
    allocation,
)
from tests.support.waiting import wait_until


@pytest.fixture
async def engine(unsynced_settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(unsynced_settings) as engine:
        yield engine


@pytest.fixture
async def event(engine: Engine) -> CodedEvent:
    event = CodedEvent(engine)
    await event.publish()
    return event


async def test_an_allocation_is_taken_out_of_the_stock(event: CodedEvent) -> None:
    await event.put(allocation(30))
    stock = await event.stock()
    assert (stock.capacity, stock.available, stock.kept) == (100, 70, 30)
    assert isinstance(await event.try_hold(71, code=""), SoldOut)
    rid = await event.hold(30)
    stock = await event.stock()
    assert (stock.available, stock.held, stock.kept) == (70, 30, 0)
    assert await event.try_hold() == CodeUsedUp()
    await event.cancel(rid)
    assert (await event.stock()).kept == (await event.counts()).free == 30


async def test_an_allocation_needs_its_places(event: CodedEvent) -> None:
    assert isinstance(await event.try_put(allocation(101)), SoldOut)
    assert await event.try_put(replace(allocation(1), ticket_ids=[STALLS])) == UnknownPool(STALLS)
    await event.put(allocation(60), "A")
    assert isinstance(await event.try_put(allocation(41), "B"), SoldOut)
    await event.hold(50, code="A")
    assert await event.try_put(allocation(49), "A") == BelowTaken(str(VIP), 49, 50)
    await event.put(allocation(50), "A")
    assert (await event.stock()).available == 50
    assert isinstance(await event.try_put(allocation(101), "A", follows=True), CodesPut)
    assert (await event.stock()).available == 0


async def test_the_rest_of_an_allocation_is_on_sale_when_it_ends(event: CodedEvent) -> None:
    until_ms = await event.now_ms() + 300
    await event.put(allocation(100, until_ms=until_ms))
    held = await event.hold(10)
    await wait_until(lambda: _has_ended(event, 90), 10)
    assert await event.try_hold() == CodeUnknown()
    await event.cancel(held)
    stock = await event.stock()
    assert (stock.available, stock.kept) == (100, 0)


async def _has_ended(event: CodedEvent, available: int) -> bool:
    return (await event.stock()).available == available


async def test_a_withdrawn_allocation_goes_back_on_sale(event: CodedEvent) -> None:
    await event.put(allocation(40))
    rid = await event.hold(10)
    await event.put(replace(allocation(40), withdrawn=True))
    assert (await event.stock()).available == 90
    await event.pay(rid)
    await event.engine.submit(Refund(rid, restock=True))
    assert (await event.stock()).available == 100


async def test_refunded_places_go_back_into_the_allocation(event: CodedEvent) -> None:
    await event.put(allocation(40))
    kept, back = await event.hold(10), await event.hold(5)
    await event.pay(kept)
    await event.pay(back)
    await event.engine.submit(Refund(back, restock=True))
    await event.engine.submit(Refund(kept, restock=False))
    counts = await event.counts()
    assert (counts.free, counts.kept, (await event.stock()).kept) == (30, 10, 40)
    await event.engine.submit(Restock(kept))
    assert (await event.counts()).free == 40
    assert (await event.stock()).available == 60


async def test_an_unused_allocation_does_not_keep_an_event_from_being_deleted(event: CodedEvent) -> None:
    await event.put(allocation(40))
    await event.put(HALF, "OTHER")
    assert await event.engine.submit(Drop(EVENT, 0)) == Published()
    left = [key async for key in event.engine.redis.scan_iter(count=1000) if b"codes" in key or b"allotments" in key]
    assert left == []


async def test_allotted_places_are_replaced_within_the_allotment(event: CodedEvent) -> None:
    await event.put(allocation(10))
    rid = await event.hold(4)
    assert isinstance(await event.engine.submit(Replace(rid, EVENT, "anna", items_text([(VIP, 10)]))), Held)
    assert (await event.counts()).free == 0
    assert await event.engine.submit(Replace(rid, EVENT, "anna", items_text([(VIP, 11)]))) == CodeUsedUp()
    fewer = await event.engine.submit(Replace(rid, EVENT, "anna", items_text([(VIP, 1), (REGULAR, 1)])))
    assert isinstance(fewer, Held)
    assert (await event.counts()).free == 9
    assert (await event.stock()).available == 90


async def test_places_that_are_set_aside_are_not_taken_for_a_change_of_the_currency(event: CodedEvent) -> None:
    await event.put(allocation(40))
    assert await event.change(currency="JPY") == Published()
    await event.hold(1)
    assert await event.change(currency="EUR") == InUse("JPY")


@pytest.mark.parametrize("before", [HALF, ACCESS, replace(allocation(4), ticket_ids=[REGULAR])])
async def test_money_for_a_code_that_was_made_again_buys_no_allotted_place(
    event: CodedEvent, before: CodeTerms
) -> None:
    """Its hold has ended, and the text is now that of an allocation: what is set aside is for others."""
    await event.put(before)
    rid = await event.hold(2, ticket=REGULAR if before.kind is CodeKind.ALLOCATION else VIP)
    record = await event.record(rid)
    await event.engine.submit(BeginPayment(rid, "pay", record.total_minor, "d"))
    failed = FailPayment(rid, "pay", FailureReason.PAYMENT_FAILED, give_back=True)
    assert isinstance(await event.engine.submit(failed), PaymentFailed)
    await event.put(replace(before, withdrawn=True))
    await event.put(allocation(4), is_new=True)
    assert isinstance(await event.engine.submit(ConfirmPayment(rid, "pay")), Paid)
    counts = await event.counts()
    assert (counts.uses, counts.sold, counts.free) == (0, 0, 4)
    sold = record.lines[0].ticket_id
    assert (await event.stock(sold)).sold == 2
    assert (await event.stock()).kept == 4
    assert (await event.record(rid)).total_minor == record.total_minor
    assert isinstance(await event.try_hold(5), CodeUsedUp)
    await event.put(replace(allocation(4), withdrawn=True))
    await event.put(before, is_new=True)
    assert isinstance(await event.engine.submit(Refund(rid, restock=True)), RefundDue)
    assert (await event.stock(sold)).available == event.capacity - (4 if before.kind is CodeKind.ALLOCATION else 0)
