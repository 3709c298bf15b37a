"""Requests for a place in line that come again when the entry is forgotten: no sale and no refund is written over."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from engine.commands.refunds import Refund, SettleRefund
from engine.commands.reservations import Find
from engine.commands.waiting_lists import FindWaiting
from engine.engine import Engine
from engine.records import Record
from engine.results.refunds import RefundDue, Refunded
from engine.results.reservations import Found, KeyReused, NotFound
from engine.results.waiting_lists import Waiting
from engine.settings import Settings
from engine.words import State, WaitingState
from tests.support.engine.waiting_list import WaitingEvent
from tests.support.waiting import wait_until


@pytest.fixture
async def event(unsynced_settings: Settings) -> AsyncIterator[WaitingEvent]:
    """An event with one place, whose entries are forgotten after a second."""
    async with Engine(replace(unsynced_settings, archive_seconds=1)) as engine:
        event = WaitingEvent(engine)
        await event.publish(1)
        yield event


async def forget(event: WaitingEvent, waiting_id: str) -> None:
    async def is_forgotten() -> bool:
        await event.tend()
        return await event.engine.submit(FindWaiting(waiting_id)) == NotFound()

    await wait_until(is_forgotten)


async def record_of(event: WaitingEvent, rid: str) -> Record:
    found = await event.engine.submit(Find(rid))
    assert isinstance(found, Found), found
    return found.record


async def sold_offer(event: WaitingEvent) -> tuple[str, Record]:
    """A reservation that was offered and paid, and whose entry is forgotten."""
    early = await event.hold("early")
    waiting_id = await event.wait("a")
    await event.cancel(early)
    await event.pay(waiting_id, 100)
    record = await record_of(event, waiting_id)
    await forget(event, waiting_id)
    return waiting_id, record


async def test_money_owed_is_not_forgotten(event: WaitingEvent) -> None:
    waiting_id, record = await sold_offer(event)
    due = await event.engine.submit(Refund(waiting_id, restock=True, archived=record))
    assert isinstance(due, RefundDue), due
    other = await event.hold("other")
    assert await event.try_wait("a", waiting_id=waiting_id) == KeyReused()
    await event.cancel(other)
    assert (await record_of(event, waiting_id)).state is State.REFUND_DUE
    settled = await event.engine.submit(SettleRefund(waiting_id, f"pay-{waiting_id}", waiting_id))
    assert isinstance(settled, Refunded), settled


async def test_a_forgotten_sale_is_not_sold_again(event: WaitingEvent) -> None:
    waiting_id, _ = await sold_offer(event)

    async def is_forgotten() -> bool:
        return await event.engine.submit(Find(waiting_id)) == NotFound()

    await wait_until(is_forgotten)
    assert await event.try_wait("a", waiting_id=waiting_id) == KeyReused()


async def test_a_place_in_line_that_was_given_up_is_taken_again(event: WaitingEvent) -> None:
    early = await event.hold("early")
    waiting_id = await event.wait("a")
    await event.decline(waiting_id)
    await forget(event, waiting_id)
    again = await event.try_wait("a", waiting_id=waiting_id)
    assert isinstance(again, Waiting)
    assert not again.replayed
    await event.cancel(early)
    assert await event.states(waiting_id) == [WaitingState.OFFERED]
