"""Events, tickets, reservations and carts as the API shows them."""

from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from api.answers import (
    Availability,
    CartItem,
    Customer,
    Event,
    EventHead,
    Money,
    Reservation,
    ReservationPayment,
    ReservedItem,
    Schedule,
    Ticket,
    TicketAvailability,
)
from api.schedule import slot_text, time_text
from api.seating import Seating
from api.times import rfc3339
from engine import catalogue
from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.records import Attempt, Line, Record, TicketCounts
from engine.slots import slot_start_ms
from engine.words import CURRENCY, AttemptState, State


class EventCounts(NamedTuple):
    """The counts of an event's tickets at one instant of Redis' clock."""

    now_ms: int
    tickets: dict[int, TicketCounts]


class CustomerDetails(msgspec.Struct, gc=False, frozen=True):
    """What is kept about a customer beside the id, as the engine's `details`."""

    first_name: str | None = None
    last_name: str | None = None


_DETAILS = msgspec.json.Decoder(CustomerDetails)
_UNPUBLISHED = TicketCounts(0, 0, 0, 0, 0, 0)


def money(amount_minor: int) -> Money:
    """An amount in minor units, with its currency."""
    return Money(amount_minor, CURRENCY)


def _event_head(event: EventSnapshot) -> EventHead:
    return EventHead(event.event_id, event.name, rfc3339(event.starts_ms))


def _head_of(record: Record, event: EventSnapshot | None) -> EventHead:
    return _event_head(event) if event else EventHead(record.event_id, None, None)


def _ticket_type(event: EventSnapshot | None, ticket_id: int) -> str | None:
    ticket = event.ticket_by_id.get(ticket_id) if event else None
    return ticket.ticket_type if ticket else None


def _counts_of(event: EventSnapshot, ticket_id: int, counts: EventCounts) -> TicketCounts:
    """The counts of a ticket; of a timed one those of a slot that is empty: what is left depends on the slot."""
    if event.schedule is not None:
        return TicketCounts(ticket_id, event.schedule.capacity, event.schedule.capacity, 0, 0, 0)
    return counts.tickets.get(ticket_id, _UNPUBLISHED)


def ticket_view(event: EventSnapshot, ticket: TicketSnapshot, counts: EventCounts) -> Ticket:
    """A ticket with its counts; `held` has the paying ones too."""
    count = _counts_of(event, ticket.ticket_id, counts)
    return Ticket(
        id=ticket.ticket_id,
        event=_event_head(event),
        ticket_type=ticket.ticket_type,
        price=money(ticket.unit_minor),
        seating=ticket.seating,
        capacity=count.capacity,
        available=count.available,
        held=count.held + count.paying,
        sold=count.sold,
        sold_out=count.available == 0,
    )


def event_view(event: EventSnapshot, counts: EventCounts) -> Event:
    """An event with its tickets."""
    tickets = [ticket_view(event, ticket, counts) for ticket in event.tickets]
    types: dict[str, bool] = {}
    for ticket in tickets:
        types[ticket.ticket_type] = types.get(ticket.ticket_type, False) or not ticket.sold_out
    return Event(
        id=event.event_id,
        name=event.name,
        starts_at=rfc3339(event.starts_ms),
        timezone=event.timezone,
        venue_id=event.venue_id,
        status=event.status,
        sale_opens_at=_instant(event.sale_opens_ms),
        sale_closes_at=_instant(event.sale_closes_ms),
        hold_seconds=event.hold_seconds,
        max_per_customer=event.max_per_customer,
        ticket_types=types,
        tickets=tickets,
        schedule=_schedule_view(event.schedule) if event.schedule else UNSET,
    )


def availability_view(event: EventSnapshot, counts: EventCounts) -> Availability:
    """The counts of an event's tickets."""
    return Availability(
        event_id=event.event_id,
        as_of=rfc3339(counts.now_ms),
        tickets=[
            TicketAvailability(
                ticket_id=count.ticket_id,
                capacity=count.capacity,
                available=count.available,
                held=count.held + count.paying,
                sold=count.sold,
            )
            for count in (_counts_of(event, ticket_id, counts) for ticket_id in counts.tickets)
        ],
    )


def reservation_view(
    reservation_id: str,
    record: Record,
    event: EventSnapshot | None,
    seating: Seating | None,
    now_ms: int,
    *,
    as_taken: bool = False,
) -> Reservation:
    """A reservation at an instant; `as_taken`: as it was when it was taken, whatever became of it since.

    A deadline is shown while it is running or has run out; a paying or paid reservation has none.
    """
    state = State.HELD if as_taken else record.state
    timed = as_taken or state in (State.HELD, State.EXPIRED)
    details = _DETAILS.decode(record.details)
    return Reservation(
        id=reservation_id,
        event=_head_of(record, event),
        status=state,
        customer=Customer(record.customer_id, details.first_name, details.last_name),
        items=[
            ReservedItem(
                ticket_id=line.ticket_id,
                ticket_type=_ticket_type(event, line.ticket_id),
                quantity=line.quantity,
                seats=seating.seats_of(line) if seating and line.seats else [],
                unit_price=Money(line.unit_minor, CURRENCY),
                slot=_slot_of(event, line),
            )
            for line in record.lines
        ],
        total=Money(record.total_minor, CURRENCY),
        created_at=rfc3339(record.created_ms),
        expires_at=rfc3339(record.deadline_ms) if timed else None,
        expires_in_ms=max(0, record.deadline_ms - (record.created_ms if as_taken else now_ms)) if timed else None,
        payment=None if as_taken or not record.attempts else _payment_view(record.attempts),
    )


def cart_items(record: Record, event: EventSnapshot | None, seating: Seating | None) -> list[CartItem]:
    """What a cart has of one event: an item for each seat, and for each ticket without seats."""
    items: list[CartItem] = []
    for line in record.lines:
        item = CartItem(
            event=_head_of(record, event),
            ticket_id=line.ticket_id,
            ticket_type=_ticket_type(event, line.ticket_id),
            seat=None,
            quantity=line.quantity,
            unit_price=money(line.unit_minor),
        )
        seats = seating.seats_of(line) if seating and line.seats else []
        items += [msgspec.structs.replace(item, seat=seat, quantity=1) for seat in seats] or [item]
    return items


_TELLING = (
    AttemptState.COMPLETED,
    AttemptState.REFUND_DUE,
    AttemptState.REFUNDED,
    AttemptState.PENDING,
    AttemptState.FAILED,
)

_NOT_COMPLETED = (AttemptState.PENDING, AttemptState.FAILED)


def _payment_view(attempts: list[Attempt]) -> ReservationPayment:
    """The attempt that tells most: the one that took money, else the one under way, else the last that failed."""
    attempt = min(reversed(attempts), key=lambda attempt: _TELLING.index(attempt.state))
    return ReservationPayment(
        id=attempt.attempt_id,
        status=attempt.state,
        amount=attempt.amount_minor,
        currency=CURRENCY,
        created_at=rfc3339(attempt.started_ms),
        completed_at=None if attempt.state in _NOT_COMPLETED else _instant(attempt.settled_ms),
    )


def _slot_of(event: EventSnapshot | None, line: Line) -> str | UnsetType:
    """The slot of a line of a timed ticket."""
    start_ms = slot_start_ms(line.pool) if line.pool.startswith("t") else None
    return UNSET if event is None or start_ms is None else slot_text(event, start_ms)


def _schedule_view(schedule: catalogue.Schedule) -> Schedule:
    return Schedule([time_text(at) for at in schedule.times], schedule.capacity)


def _instant(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
