"""An outbox as a drop leaves it behind, in the order that is worst for its reader.

Of each hundred reservations 70 are paid, 5 are paid after a declined card, 20 expire and 5 are cancelled. Every tenth
is of two tickets. Facts of a reservation are as far apart as possible: all holds come first, then all payments begin,
and so on. So a batch of the sync worker folds hardly any of them into others.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from engine.commands.command import Command
from engine.commands.events import PutEvent
from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.engine import Engine
from engine.errors import EngineBug, Overloaded
from engine.ids import new_reservation_id
from engine.results.holds import Cancelled, Held
from engine.results.payments import Paid, Paying, PaymentFailed
from engine.results.result import Result
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus, FailureReason, State

FACTS_OF_A_HUNDRED = 70 * 3 + 5 * 5 + 20 * 2 + 5 * 2
STATES_OF_A_HUNDRED = {State.PAID: 75, State.EXPIRED: 20, State.CANCELLED: 5}
EVENTS = range(1, 17)

_UNIT_MINOR = 2500
_DETAILS = '{"first_name":"Islom","last_name":"Karimov"}'
_SHORT_HOLD_MS = 2000
_AT_ONCE = 2048
_PAUSE_SECONDS = 0.1

Made = tuple[int, str]
"""A reservation: its number and its id."""


async def fill_outbox(engine: Engine, hundreds: int) -> int:
    """Plays the reservations; how many facts they left behind. Raises EngineBug for another answer than expected."""
    terms = Terms(
        EventStatus.ON_SALE, 0, 0, 6 * 3_600_000, 100, [TicketTerms(n, [str(n)], _UNIT_MINOR) for n in (1, 2)]
    )
    for event_id in EVENTS:
        await engine.submit(PutEvent(event_id, terms, [PoolCapacity(str(n), 100 * hundreds) for n in (1, 2)]))
    made = [(number, new_reservation_id(EVENTS[number // 100 % len(EVENTS)])) for number in range(100 * hundreds)]
    paid, declined, cancelled, expired = (
        [each for each in made if each[0] % 100 in which]
        for which in (range(75), range(70, 75), range(75, 80), range(80, 100))
    )
    await _submit_all(engine, Held, expired, lambda number, rid: _hold(number, rid, _SHORT_HOLD_MS))
    await _submit_all(engine, Held, [*paid, *cancelled], lambda number, rid: _hold(number, rid, 0))
    await _submit_all(engine, Paying, declined, lambda number, rid: _begin(number, rid, "declined"))
    await _submit_all(engine, PaymentFailed, declined, lambda _, rid: _fail(rid, "declined"))
    await _submit_all(engine, Paying, paid, lambda number, rid: _begin(number, rid, "paid"))
    await _submit_all(engine, Cancelled, cancelled, lambda _, rid: Cancel(rid))
    await _submit_all(engine, Paid, paid, lambda _, rid: ConfirmPayment(rid, f"paid-{rid}"))
    await _expire(engine)
    return FACTS_OF_A_HUNDRED * hundreds


async def _submit_all(
    engine: Engine, expected: type[Result], made: Sequence[Made], command: Callable[[int, str], Command[Result]]
) -> None:
    for first in range(0, len(made), _AT_ONCE):
        part = made[first : first + _AT_ONCE]
        results: Sequence[Result] = await asyncio.gather(*(insist(engine, command(*each)) for each in part))
        if not all(isinstance(result, expected) for result in results):
            raise EngineBug(f"not all are {expected.__name__}")


async def insist(engine: Engine, command: Command[Result]) -> Result:
    """Submits a command until there is room for it, which a busy machine may lack."""
    while True:
        try:
            return await engine.submit(command)
        except Overloaded:
            await asyncio.sleep(_PAUSE_SECONDS)


async def _expire(engine: Engine) -> None:
    """Until the last of the short holds has expired and is given back. Most went with the calls after them."""
    ended = time.monotonic() + _SHORT_HOLD_MS / 1000
    while True:
        due = time.monotonic() > ended
        swept = await asyncio.gather(*(engine.sweep(keys.partition) for keys in engine.keys))
        if due and not any(each.more or each.given_back for each in swept):
            return
        await asyncio.sleep(_PAUSE_SECONDS)


def _hold(number: int, rid: str, hold_ms: int) -> Command[Result]:
    items = [(1, 1 + number % 2), (2, 1)] if number % 10 == 0 else [(1, 1 + number % 2)]
    return Hold(
        rid,
        EVENTS[number // 100 % len(EVENTS)],
        f"customer-{number // 3}",
        _DETAILS,
        "digest",
        items_text(items),
        hold_ms,
    )


def _begin(number: int, rid: str, attempt: str) -> Command[Result]:
    places = 1 + number % 2 + (number % 10 == 0)
    return BeginPayment(rid, f"{attempt}-{rid}", places * _UNIT_MINOR, "digest")


def _fail(rid: str, attempt: str) -> Command[Result]:
    return FailPayment(rid, f"{attempt}-{rid}", FailureReason.CARD_DECLINED)
