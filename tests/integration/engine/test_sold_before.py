"""Keyed holds whose reservation was sold, and whose record is forgotten: nothing is written over the sale."""

import asyncio

from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.holds import Cancelled, Held
from engine.results.payments import Paid
from engine.results.reservations import KeyReused
from tests.support.engine.bulk_holds import event_of

EVENT, TICKET, PRICE = 1, 7, 30_000


def keyed_hold(customer: str = "anna") -> Hold:
    return Hold(new_reservation_id(EVENT), EVENT, customer, "{}", "digest", items_text([(TICKET, 1)]))


async def forget(engine: Engine, rid: str) -> None:
    """The record goes as after `archive_seconds`."""
    assert await engine.redis.delete(engine.partition_keys(EVENT).hold(rid)) == 1


async def sold_hold(engine: Engine) -> Hold:
    """A hold that was paid, and whose record is forgotten."""
    hold = keyed_hold()
    assert isinstance(await engine.submit(hold), Held)
    await engine.submit(BeginPayment(hold.reservation_id, "pay", PRICE, ""))
    assert isinstance(await engine.submit(ConfirmPayment(hold.reservation_id, "pay")), Paid)
    await forget(engine, hold.reservation_id)
    return hold


async def test_a_sale_is_not_held_again(engine: Engine) -> None:
    await engine.submit(event_of(EVENT, 10))
    hold = await sold_hold(engine)
    assert await engine.submit(hold) == KeyReused()


async def test_a_sale_is_not_held_again_among_others(engine: Engine) -> None:
    """Holds that ask for the same go together."""
    await engine.submit(event_of(EVENT, 100))
    sold = [await sold_hold(engine) for _ in range(2)]
    first, last, *between = (keyed_hold(f"c{number}") for number in range(6))
    asked = [first, *between, sold[0], last, sold[1]]
    results = await asyncio.gather(*(engine.submit(hold) for hold in asked))
    assert [type(result) for result in results] == [Held] * 5 + [KeyReused, Held, KeyReused]


async def test_a_hold_that_was_not_sold_is_new(engine: Engine) -> None:
    await engine.submit(event_of(EVENT, 10))
    await sold_hold(engine)
    hold = keyed_hold()
    assert isinstance(await engine.submit(hold), Held)
    assert isinstance(await engine.submit(Cancel(hold.reservation_id)), Cancelled)
    await forget(engine, hold.reservation_id)
    again = await engine.submit(hold)
    assert isinstance(again, Held)
    assert not again.replayed
