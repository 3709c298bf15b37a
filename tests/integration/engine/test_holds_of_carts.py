"""A hold that a cart takes ends with the cart, however late it is taken."""

import pytest

from engine.commands.events import PutEvent
from engine.commands.holds import Add
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.results.holds import Held
from engine.results.reservations import Expired
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus

EVENT, TICKET = 1, 7
HOLD_MS = 60_000


@pytest.mark.parametrize(
    ("hold_ms", "after_ms", "lives_ms"), [(0, 5000, 5000), (0, 90_000, HOLD_MS), (2000, 5000, 2000)]
)
async def test_it_ends_at_the_earliest_of_its_ends(engine: Engine, hold_ms: int, after_ms: int, lives_ms: int) -> None:
    await _publish(engine)
    now_ms = await server_time_ms(engine.redis)
    held = await engine.submit(_add(now_ms + after_ms, hold_ms))
    assert isinstance(held, Held)
    if lives_ms == after_ms:
        assert held.record.deadline_ms == now_ms + after_ms
    else:
        assert held.record.deadline_ms == held.record.created_ms + lives_ms


async def test_it_is_not_made_once_the_cart_has_ended(engine: Engine) -> None:
    await _publish(engine)
    assert isinstance(await engine.submit(_add(await server_time_ms(engine.redis), 0)), Expired)


async def _publish(engine: Engine) -> None:
    terms = Terms(EventStatus.ON_SALE, 0, 0, HOLD_MS, 5, [TicketTerms(TICKET, [str(TICKET)], 100)])
    await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(TICKET), 5)]))


def _add(until_ms: int, hold_ms: int) -> Add:
    return Add(new_reservation_id(EVENT), EVENT, "anna", "{}", (TICKET, 1), hold_ms, until_ms=until_ms)
