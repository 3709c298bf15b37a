"""Facts become messages, and messages deliveries: in the transaction that writes the facts, so that none is lost."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from engine.etickets import serial_of
from engine.facts import BookingFact, EticketFact, Fact, QueueFact, Scan, WaitingFact
from engine.records import Record
from engine.words import BookingFactWord, Direction, FactWord, ScanResult, WaitingFactWord
from sync.postgres import Connection
from sync.sql import statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENCODER = msgspec.json.Encoder()


class WebhookEvent(StrEnum):
    """The types of messages: what a reservation, a booking or an event has come to."""

    HELD = "reservation.held"
    PAID = "reservation.paid"
    CANCELLED = "reservation.cancelled"
    EXPIRED = "reservation.expired"
    REFUND_DUE = "reservation.refund_due"
    REFUNDED = "reservation.refunded"
    RESTOCKED = "reservation.restocked"
    EXCHANGED = "reservation.exchanged"
    DISPUTED = "reservation.disputed"
    BOOKED = "booking.booked"
    BOOKING_CHANGED = "booking.changed"
    BOOKING_CANCELLED = "booking.cancelled"
    EVENT_CANCELLED = "event.cancelled"
    CHECKED_IN = "eticket.checked_in"
    WAITING_OFFERED = "waiting_list.offered"


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
    FactWord.RESTOCKED: WebhookEvent.RESTOCKED,
    FactWord.EXCHANGED: WebhookEvent.EXCHANGED,
    FactWord.DISPUTED: WebhookEvent.DISPUTED,
}
"""Other facts are steps on the way, and no message."""


AnyFact = Fact | BookingFact | EticketFact | QueueFact | Scan | WaitingFact


class Message(msgspec.Struct, frozen=True):
    """A message to an endpoint, in the shape that Standard Webhooks advises."""

    type: str
    timestamp: datetime
    data: dict[str, Any]


class _Told(NamedTuple):
    event: WebhookEvent
    subject: str
    body: str


async def write_deliveries(connection: Connection, facts: Iterable[AnyFact], trace: str = "") -> None:
    """Writes the messages of these facts to endpoints, in their order, within the transaction of the caller.

    `trace`: the `traceparent` of the transaction, if it is traced.
    """
    wanted = {event for (event,) in await connection.fetch(statement("webhook_events_wanted"))}
    if not wanted:
        return
    told = [_message(event, fact) for fact in facts if (event := _event_of(fact)) and event in wanted]
    if told:
        columns = zip(*told, strict=True)
        await connection.execute(statement("insert_webhook_deliveries"), *map(list, columns), trace)


async def write_event_cancelled(connection: Connection, event_id: int, name: str, at: datetime) -> None:
    """Writes the messages of an event's cancellation to endpoints, within the transaction of the caller."""
    body = encode_message(WebhookEvent.EVENT_CANCELLED, at, {"id": event_id, "name": name, "status": "cancelled"})
    told = [[WebhookEvent.EVENT_CANCELLED], [str(event_id)], [body]]
    await connection.execute(statement("insert_webhook_deliveries"), *told, "")


def _event_of(fact: AnyFact) -> WebhookEvent | None:
    match fact:
        case BookingFact():
            return _BOOKING_EVENTS.get(fact.word)
        case Scan(result=ScanResult.ADMITTED, direction=Direction.IN):
            return WebhookEvent.CHECKED_IN
        case WaitingFact(word=WaitingFactWord.OFFERED):
            return WebhookEvent.WAITING_OFFERED
        case Fact():
            return _EVENTS.get(fact.word)
        case _:
            return None


def _message(event: WebhookEvent, fact: AnyFact) -> _Told:
    match fact:
        case BookingFact():
            data = _booking(fact)
        case Scan():
            data = _check_in(fact)
        case WaitingFact():
            data = _offer(fact)
        case Fact():
            data = _reservation(fact)
        case _:
            raise AssertionError(f"no message is about {fact!r}")
    return _Told(event, str(data["id"]), encode_message(event, instant(fact.at_ms), data))


def encode_message(kind: str, at: datetime, data: dict[str, Any]) -> str:
    """The body of a message, as it is signed and sent."""
    return _ENCODER.encode(Message(kind, at, data)).decode()


def instant(ms: int) -> datetime:
    """The instant of ms since 1970, exactly."""
    return _EPOCH + timedelta(milliseconds=ms)


def _reservation(fact: Fact) -> dict[str, Any]:
    """The content of a reservation's message.

    It has no names: `GET /v1/reservations/{id}` shows those to callers who may know them.
    """
    record = fact.record
    return {
        "id": fact.reservation_id,
        "event_id": record.event_id,
        "status": record.state,
        "customer": {"id": record.customer_id},
        "items": [
            {"ticket_id": line.ticket_id, "quantity": line.quantity, "unit_price": _money(line.unit_minor, record)}
            for line in record.lines
        ],
        "total": _money(record.total_minor, record),
        "created_at": instant(record.created_ms),
        "expires_at": instant(record.deadline_ms),
        "payment": _payment(record),
        "refunded": _money(sum(attempt.refunded_minor for attempt in record.attempts), record),
    }


def _booking(fact: BookingFact) -> dict[str, Any]:
    """The content of a booking's message, without names.

    `status` is the stored state, so it is never `expired`.
    """
    booking = fact.booking
    return {
        "id": booking.booking_id,
        "event_id": booking.event_id,
        "status": booking.state,
        "starts_at": instant(booking.start_ms),
        "created_at": instant(booking.created_ms),
    }


def _check_in(scan: Scan) -> dict[str, Any]:
    """The content of an e-ticket's message: who let it in, without names."""
    conflict = {"gate": scan.other_gate, "at": instant(scan.other_ms)} if scan.other_ms else None
    return {
        "id": serial_of(scan.event_id, scan.number),
        "event_id": scan.event_id,
        "gate": scan.gate,
        "offline": scan.offline,
        "scanned_at": instant(scan.scanned_ms),
        "conflict": conflict,
    }


def _offer(fact: WaitingFact) -> dict[str, Any]:
    """The content of an offer's message. Who may know the contact reads it at `GET …/waiting-list/{id}`."""
    entry = fact.entry
    return {
        "id": entry.waiting_id,
        "event_id": entry.event_id,
        "status": entry.state,
        "reservation_id": entry.waiting_id,
        "ticket_id": entry.ticket_id,
        "quantity": entry.quantity,
        "customer": {"id": entry.customer_id},
        "created_at": instant(entry.created_ms),
        "expires_at": instant(entry.until_ms),
    }


def _payment(record: Record) -> dict[str, Any] | None:
    """The last attempt to pay."""
    if not record.attempts:
        return None
    attempt = record.attempts[-1]
    return {"id": attempt.attempt_id, "status": attempt.state, **_money(attempt.amount_minor, record)}


def _money(minor: int, record: Record) -> dict[str, Any]:
    return {"amount": minor, "currency": record.currency}
