"""Disputed payments: the gateway has another amount than is owed, and somebody has to decide."""

import structlog

from engine.commands.payments import DisputePayment
from engine.engine import Engine
from engine.records import Attempt

log = structlog.get_logger(__name__)


async def open_dispute(
    engine: Engine, reservation_id: str, attempt_id: str, received_minor: int, received_currency: str
) -> None:
    """Writes down what the gateway has. What was settled meanwhile stays. Raises Fault."""
    log.error(
        "payment_disputed",
        reservation_id=reservation_id,
        attempt_id=attempt_id,
        received_minor=received_minor,
        received_currency=received_currency,
    )
    await engine.submit(DisputePayment(reservation_id, attempt_id, received_minor, received_currency))


async def write_note(engine: Engine, reservation_id: str, attempt: Attempt, note: str) -> None:
    """Writes down what a manager decided about a disputed attempt, before it is done. Raises Fault."""
    (received,) = attempt.received
    await engine.submit(
        DisputePayment(reservation_id, attempt.attempt_id, received.amount_minor, received.currency, note)
    )
