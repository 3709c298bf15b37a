"""Layouts: Python sends them, Lua stores them, and Python reads them back, whatever is in them."""

import pytest

from engine.commands.events import Count, PutEvent
from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment
from engine.commands.refunds import Refund
from engine.commands.reservations import Find
from engine.engine import Engine
from engine.ids import MAX_EVENT_ID, new_reservation_id
from engine.records import Attempt, Line, Record
from engine.results.events import Counts
from engine.results.holds import Cancelled, Held
from engine.results.payments import AmountMismatch, Paid, Paying
from engine.results.refunds import NotPaid
from engine.results.reservations import AlreadyCancelled, AlreadyPaid, Expired, Found, NotFound, NotHeld
from engine.results.result import Result
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import AttemptState, EventStatus, State

TEXTS = ["", "22", "Зося 🎫", "a/b c{p00}:x", 'quotes " and \\ and \n', "x" * 300, "x" * 70_000, "\x00\x7f"]
NUMBERS = [0, 1, 127, 128, 65_535, 65_536, 2**31 - 1, 2**31, 10**12]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("event_id", [1, MAX_EVENT_ID])
async def test_texts_come_back_as_they_were(engine: Engine, text: str, event_id: int) -> None:
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, 10, [TicketTerms(2**31 - 1, ["7"], 100)])
    await engine.submit(PutEvent(event_id, terms, [PoolCapacity("7", 10)]))
    reservation_id = new_reservation_id(event_id)
    held = await engine.submit(Hold(reservation_id, event_id, text, text, text, items_text([(2**31 - 1, 2)])))
    assert isinstance(held, Held)
    record = held.record
    assert (record.customer_id, record.details, record.digest, record.event_id) == (text, text, text, event_id)
    assert record.lines == [Line(2**31 - 1, "7", 2, 100)]
    paying = await engine.submit(BeginPayment(reservation_id, text, 200, text))
    assert isinstance(paying, Paying)
    assert paying.record.attempts == [Attempt(text, AttemptState.PENDING, 200, paying.now_ms, 0, "", text)]
    found = await engine.submit(Find(reservation_id))
    assert isinstance(found, Found)
    assert found.record == paying.record


@pytest.mark.parametrize("number", NUMBERS)
async def test_numbers_come_back_as_they_were(engine: Engine, number: int) -> None:
    """Lua has floats only: up to 14 digits they are exact, as text too."""
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, 10, [TicketTerms(7, ["7"], number)])
    await engine.submit(PutEvent(3, terms, [PoolCapacity("7", 10 + number)]))
    held = await engine.submit(Hold(new_reservation_id(3), 3, "22", "{}", "digest", items_text([(7, 2)])))
    assert isinstance(held, Held)
    assert held.record.total_minor == 2 * number
    assert held.record.deadline_ms == held.record.created_ms + 900_000
    counts = await engine.submit(Count(3))
    assert isinstance(counts, Counts)
    assert counts.tickets[0].available == 8 + number


async def test_archived_record_goes_in_as_it_came_out(engine: Engine) -> None:
    archived = Record(State.CANCELLED, 3, "22", "{}", 1, 2, 3, "digest", [Line(7, "7", 1, 100)], [])
    assert await engine.submit(Refund(new_reservation_id(3), False, archived)) == NotPaid(State.CANCELLED)


@pytest.mark.parametrize(
    ("state", "cancelled", "paid"),
    [
        (State.HELD, NotFound, NotFound),
        (State.PAYING, NotFound, NotFound),
        (State.PAID, AlreadyPaid, Paid),
        (State.CANCELLED, Cancelled, AlreadyCancelled),
        (State.EXPIRED, Expired, Expired),
        (State.REFUND_DUE, AlreadyPaid, NotHeld),
        (State.REFUNDED, NotHeld, NotHeld),
    ],
)
async def test_an_archived_record_is_judged_and_not_written(
    engine: Engine, state: State, cancelled: type[Result], paid: type[Result]
) -> None:
    archived, rid = Record(state, 3, "22", "{}", 1, 2, 3, "digest", [Line(7, "7", 1, 100)], []), new_reservation_id(3)
    assert type(await engine.submit(Cancel(rid, archived))) is cancelled
    assert type(await engine.submit(BeginPayment(rid, "attempt", 100, "", archived))) is paid
    if paid is Paid:
        wrong = await engine.submit(BeginPayment(rid, "attempt", 101, "", archived))
        assert wrong == AmountMismatch(100, "EUR")
    assert await engine.submit(Find(rid)) == NotFound()
