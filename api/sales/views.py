"""Reservations and carts as the API shows them."""

import msgspec
from msgspec import UNSET, UnsetType

from api.catalogue.schemas import EventHead
from api.catalogue.seating import Seating
from api.catalogue.views import event_head
from api.http.times import optional_rfc3339, rfc3339
from api.http.types import Money
from api.sales.schemas import CartItem, Customer, Reservation, ReservationPayment, ReservedItem
from engine.catalogue import EventSnapshot
from engine.records import Attempt, Line, Record
from engine.slots import slot_of_pool, slot_start_ms
from engine.words import AttemptState, State


class CustomerDetails(msgspec.Struct, gc=False, frozen=True):
    """Stored details about a customer beside the id, as the engine's `details`."""

    first_name: str | None = None
    last_name: str | None = None


_DETAILS = msgspec.json.Decoder(CustomerDetails)


def _head_of(record: Record, event: EventSnapshot | None) -> EventHead:
    return event_head(event) if event else EventHead(record.event_id, None, None)


def _ticket_type(event: EventSnapshot | None, ticket_id: int) -> str | None:
    ticket = event.ticket_by_id.get(ticket_id) if event else None
    return ticket.ticket_type if ticket else None


def reservation_view(
    reservation_id: str,
    record: Record,
    event: EventSnapshot | None,
    seating: Seating | None,
    now_ms: int,
    *,
    as_taken: bool = False,
) -> Reservation:
    """A reservation at an instant; `as_taken`: as it was when it was taken, without later changes.

    A held or expired reservation shows its deadline; a paying or paid one has none.
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
                line.ticket_id,
                _ticket_type(event, line.ticket_id),
                line.quantity,
                seating.seats_of(line) if seating and line.seats else [],
                Money(line.unit_minor, record.currency),
                *_slot_of(event, line),
            )
            for line in record.lines
        ],
        total=Money(record.total_minor, record.currency),
        created_at=rfc3339(record.created_ms),
        expires_at=rfc3339(record.deadline_ms) if timed else None,
        expires_in_ms=max(0, record.deadline_ms - (record.created_ms if as_taken else now_ms)) if timed else None,
        payment=_payment_view(_main_attempt(record.attempts), record.currency)
        if record.attempts and not as_taken
        else None,
        payments=UNSET if as_taken else _payments(record),
        refunded=UNSET if as_taken else _refunded(record),
        code=record.code.code if record.code else UNSET,
        offer=True if record.is_offer else UNSET,
    )


def _refunded(record: Record) -> Money | UnsetType:
    """The refunds, made or pending, of a reservation that is still paid, or ended by a refund of less than was paid."""
    bought = [attempt for attempt in record.attempts if attempt.has_bought]
    minor = sum(attempt.refunded_minor for attempt in bought)
    is_shown = minor > 0 if record.state is State.PAID else minor < sum(attempt.amount_minor for attempt in bought)
    return Money(minor, record.currency) if is_shown else UNSET


def cart_items(record: Record, event: EventSnapshot | None, seating: Seating | None) -> list[CartItem]:
    """The items of a cart for one event: one for each seat, and one for each ticket without seats."""
    items: list[CartItem] = []
    for line in record.lines:
        item = CartItem(
            event=_head_of(record, event),
            ticket_id=line.ticket_id,
            ticket_type=_ticket_type(event, line.ticket_id),
            seat=None,
            quantity=line.quantity,
            unit_price=Money(line.unit_minor, record.currency),
        )
        slot, starts_at = _slot_of(event, line)
        item = msgspec.structs.replace(item, slot=slot, starts_at=starts_at)
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


def _main_attempt(attempts: list[Attempt]) -> Attempt:
    """The attempt that tells most: the one that took money, else the one under way, else the last that failed.

    Those of exchanges come last: the payment of a reservation is the one that bought it.
    """
    return min(reversed(attempts), key=lambda attempt: (bool(attempt.exchange), _TELLING.index(attempt.state)))


def _payments(record: Record) -> list[ReservationPayment] | UnsetType:
    """The payment of a reservation and all others that have money, or may have, as they began; unset without others."""
    if len(record.attempts) < 2:
        return UNSET
    main = _main_attempt(record.attempts)
    told = [attempt for attempt in record.attempts if attempt is main or _has_money(attempt)]
    return [_payment_view(attempt, record.currency) for attempt in told] if len(told) > 1 else UNSET


def _has_money(attempt: Attempt) -> bool:
    """True if the gateway took money for an attempt, or may still; one that failed in dispute has another amount."""
    return attempt.amount_minor > 0 and (attempt.state is not AttemptState.FAILED or attempt.is_disputed)


def _payment_view(attempt: Attempt, currency: str) -> ReservationPayment:
    """An attempt to pay as its reservation shows it. When it completed does not change when its money goes back."""
    return ReservationPayment(
        id=attempt.attempt_id,
        status=attempt.state,
        amount=attempt.amount_minor,
        currency=currency,
        created_at=rfc3339(attempt.started_ms),
        completed_at=None if attempt.state in _NOT_COMPLETED else optional_rfc3339(attempt.settled_ms),
    )


def _slot_of(event: EventSnapshot | None, line: Line) -> tuple[str | UnsetType, str | UnsetType]:
    """The slot of a line of a timed ticket, and when it begins."""
    slot = slot_of_pool(line.pool)
    if slot is None or event is None:
        return UNSET, UNSET
    return slot, rfc3339(slot_start_ms(slot, event.timezone))
