"""Facts become messages, and messages deliveries: in the transaction that writes the facts, so that none is lost."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from engine.facts import BookingFact, Fact
from engine.records import Record
from engine.words import CURRENCY, BookingFactWord, FactWord
from sync.postgres import Connection
from sync.sql import statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENCODER = msgspec.json.Encoder()


class WebhookEvent(StrEnum):
    """The types of messages: what a reservation or a booking has come to."""

    HELD = "reservation.held"
    PAID = "reservation.paid"
    CANCELLED = "reservation.cancelled"
    EXPIRED = "reservation.expired"
    REFUND_DUE = "reservation.refund_due"
    REFUNDED = "reservation.refunded"
    BOOKED = "booking.booked"
    BOOKING_CHANGED = "booking.changed"
    BOOKING_CANCELLED = "booking.cancelled"


TEST_EVENT = "webhook.test"
"""The type of a message that a manager asks for, to try an endpoint."""

_BOOKING_EVENTS = {
    BookingFactWord.BOOKED: WebhookEvent.BOOKED,
    BookingFactWord.MOVED: WebhookEvent.BOOKING_CHANGED,
    BookingFactWord.UNBOOKED: WebhookEvent.BOOKING_CANCELLED,
}
_EVENTS = {
    FactWord.HELD: WebhookEvent.HELD,
    FactWord.PAID: WebhookEvent.PAID,
    FactWord.CANCELLED: WebhookEvent.CANCELLED,
    FactWord.EXPIRED: WebhookEvent.EXPIRED,
    FactWord.REFUND_DUE: WebhookEvent.REFUND_DUE,
    FactWord.REFUNDED: WebhookEvent.REFUNDED,
}
"""Other facts are steps on the way, and no message."""


class Message(msgspec.Struct, frozen=True):
    """What an endpoint is sent, in the shape that Standard Webhooks advises."""

    type: str
    timestamp: datetime
    data: dict[str, Any]


class _Told(NamedTuple):
    event: WebhookEvent
    subject: str
    body: str


async def write_deliveries(connection: Connection, facts: Iterable[Fact | BookingFact]) -> None:
    """Writes what endpoints are to be told of these facts, in their order, within the transaction of the caller."""
    wanted = {event for (event,) in await connection.fetch(statement("webhook_events_wanted"))}
    told = [_message(event, fact) for fact in facts if (event := _event_of(fact)) and event in wanted]
    if told:
        columns = zip(*told, strict=True)
        await connection.execute(statement("insert_webhook_deliveries"), *map(list, columns))


def _event_of(fact: Fact | BookingFact) -> WebhookEvent | None:
    return _BOOKING_EVENTS[fact.word] if isinstance(fact, BookingFact) else _EVENTS.get(fact.word)


def _message(event: WebhookEvent, fact: Fact | BookingFact) -> _Told:
    data = _booking(fact) if isinstance(fact, BookingFact) else _reservation(fact)
    return _Told(event, data["id"], encode_message(event, instant(fact.at_ms), data))


def encode_message(kind: str, at: datetime, data: dict[str, Any]) -> str:
    """The body of a message, as it is signed and sent."""
    return _ENCODER.encode(Message(kind, at, data)).decode()


def instant(ms: int) -> datetime:
    """The instant of ms since 1970, exactly."""
    return _EPOCH + timedelta(milliseconds=ms)


def _reservation(fact: Fact) -> dict[str, Any]:
    """What is told of a reservation: no names, because `GET /v1/reservations/{id}` tells those to who may know them."""
    record = fact.record
    return {
        "id": fact.reservation_id,
        "event_id": record.event_id,
        "status": record.state,
        "customer": {"id": record.customer_id},
        "items": [
            {"ticket_id": line.ticket_id, "quantity": line.quantity, "unit_price": _money(line.unit_minor)}
            for line in record.lines
        ],
        "total": _money(record.total_minor),
        "created_at": instant(record.created_ms),
        "expires_at": instant(record.deadline_ms),
        "payment": _payment(record),
    }


def _booking(fact: BookingFact) -> dict[str, Any]:
    """What is told of a booking, without names too. `status` is as it is stored, so it never says `expired`."""
    booking = fact.booking
    return {
        "id": booking.booking_id,
        "event_id": booking.event_id,
        "status": booking.state,
        "starts_at": instant(booking.start_ms),
        "created_at": instant(booking.created_ms),
    }


def _payment(record: Record) -> dict[str, Any] | None:
    """The last attempt to pay."""
    if not record.attempts:
        return None
    attempt = record.attempts[-1]
    return {"id": attempt.attempt_id, "status": attempt.state, **_money(attempt.amount_minor)}


def _money(minor: int) -> dict[str, Any]:
    return {"amount": minor, "currency": CURRENCY}
