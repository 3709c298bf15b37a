"""Stored reservations, bookings, e-tickets and waiting entries: the layouts of `lua/10_codec.lua`, for Python."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from engine.currencies import FIRST_CURRENCY
from engine.words import (
    AttemptState,
    BookingState,
    CodeKind,
    Direction,
    EticketState,
    State,
    WaitingState,
)

OFFER_DIGEST = "offer"
"""The digest of a reservation that is an offer to somebody on a waiting list (lua/37_waiting_lists.lua)."""

_DISPUTABLE = frozenset({AttemptState.PENDING, AttemptState.FAILED, AttemptState.REFUND_DUE, AttemptState.COMPLETED})
"""States in which money may be another than is owed; of a completed attempt that of a refund of some of it."""

_CHARGED = frozenset({AttemptState.COMPLETED, AttemptState.REFUND_DUE, AttemptState.REFUNDED})

LATE = "late"
"""The reason of an attempt whose money came when it bought nothing any more."""


class Line(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Places of one ticket in a reservation, at the price of the moment they were held.

    `seats` are the places of assigned seats in the map of their section, from 1, in ascending order (engine/seats.py).
    `off_minor` is by how much each place is cheaper under the reservation's code; None: it is not under the code.
    """

    ticket_id: int
    pool: str
    quantity: int
    unit_minor: int
    seats: list[int] = []
    off_minor: int | None = None


def places_beyond(lines: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    """The places of lines that the other lines have not, by pool, whatever their tickets are."""
    beyond: list[Line] = []
    left = Counter[str]()
    seats = {(line.pool, seat) for line in others for seat in line.seats}
    for line in others:
        left[line.pool] += 0 if line.seats else line.quantity
    for line in lines:
        mine = [seat for seat in line.seats if (line.pool, seat) not in seats]
        more = len(mine) if line.seats else max(0, line.quantity - left[line.pool])
        if not line.seats:
            left[line.pool] = max(0, left[line.pool] - line.quantity)
        if more:
            beyond.append(msgspec.structs.replace(line, quantity=more, seats=mine))
    return beyond


class RefundPart(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Money of an attempt that goes back. `refund_id` is the gateway's idempotency key; `settled_ms` is 0 while due.

    `places` went back with it, by ticket, or were given up by an exchange for fewer. `worth_minor` is what they cost;
    of an exchange, how much less the new places cost. A refund of money alone has neither.
    """

    refund_id: str
    amount_minor: int
    created_ms: int
    settled_ms: int
    places: list[tuple[int, int]] = []
    worth_minor: int = 0


class Exchange(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The places of a paid reservation before and after an exchange, which are all that it has."""

    before: list[Line]
    after: list[Line]

    @property
    def pinned(self) -> list[Line]:
        """The places that only the lines after it have: pinned while its money may come."""
        return places_beyond(self.after, self.before)

    @property
    def places_gained(self) -> int:
        """The number of places that the customer has more by it; 0 if fewer."""
        return max(0, sum(line.quantity for line in self.after) - sum(line.quantity for line in self.before))


class Received(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Money that the gateway has of an attempt, where it is not what is owed. `note`: of who settled that, or empty."""

    amount_minor: int
    currency: str
    note: str


class Attempt(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One attempt to pay a reservation.

    `attempt_id` is the gateway's idempotency key. `settled_ms` is when the gateway reported its outcome, 0 while
    pending; it stays when the money goes back.
    `reason` is a `FailureReason` of a failed attempt, `late` where the money came when it bought nothing, else empty.
    `received` has one value where the gateway's money was ever another than what is owed. `exchange` has one where the
    attempt is for an exchange; then `amount_minor` is the difference, or 0 if it does not cost more.
    """

    attempt_id: str
    state: AttemptState
    amount_minor: int
    started_ms: int
    settled_ms: int
    reason: str
    digest: str
    refunds: list[RefundPart] = []
    received: list[Received] = []
    exchange: list[Exchange] = []

    @property
    def is_disputed(self) -> bool:
        """True if somebody has to decide about it, because the gateway has another amount than is owed."""
        return bool(self.received) and not self.received[0].note and self.state in _DISPUTABLE

    @property
    def pending_exchange(self) -> Exchange | None:
        """The exchange that waits for this attempt's money; None if it is for none."""
        return self.exchange[0] if self.exchange and self.state is AttemptState.PENDING else None

    @property
    def due_refunds(self) -> list[RefundPart]:
        """The refunds still to be made."""
        return [refund for refund in self.refunds if not refund.settled_ms]

    @property
    def refunded_minor(self) -> int:
        """The money that went back or is to go back, in minor units."""
        return sum(refund.amount_minor for refund in self.refunds)

    @property
    def has_bought(self) -> bool:
        """True if its money bought places, which may be refunded since; what came late bought nothing."""
        return self.state in _CHARGED and self.reason != LATE


class CodeUse(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The code that a reservation names, and its kind when it was first named."""

    code: str
    kind: CodeKind


class Record(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A reservation. Times are ms since 1970 by the clock of Redis.

    `details` is what the API keeps about the customer, as JSON text. `ended_ms` is when the present state was entered,
    0 while held or paying. `attempts` are in order of their beginning, the last eight. `kept` are places that were
    refunded and not put on sale again; `lines` of a paid one are those that it still has. `currency` is that of all its
    money: of its event when it was held.
    `code` is the one that it names, if any.
    """

    state: State
    event_id: int
    customer_id: str
    details: str
    created_ms: int
    deadline_ms: int
    ended_ms: int
    digest: str
    lines: list[Line]
    attempts: list[Attempt]
    kept: list[Line] = []
    currency: str = FIRST_CURRENCY
    code: CodeUse | None = None

    @property
    def total_minor(self) -> int:
        """Price of all lines, in minor units."""
        return sum([line.quantity * line.unit_minor for line in self.lines])

    @property
    def places(self) -> int:
        """Places in all lines."""
        return sum([line.quantity for line in self.lines])

    @property
    def is_offer(self) -> bool:
        """True if the places were offered to somebody on a waiting list."""
        return self.digest == OFFER_DIGEST


class WaitingEntry(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A place in the line of a ticket. Times are ms since 1970 by the clock of Redis.

    `waiting_id` is also the id of the reservation, once places are offered; `details` are those of the reservation.
    `contact` is how the customer is notified, as JSON text. Entries are served in the order of `number`. No two states
    of an entry have the same `changed_ms`. `until_ms`: until when the offer could be paid; 0 without one.
    """

    waiting_id: str
    event_id: int
    ticket_id: int
    quantity: int
    customer_id: str
    details: str
    contact: str
    digest: str
    created_ms: int
    changed_ms: int
    state: WaitingState
    number: int
    until_ms: int


class Pass(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One way through a door, at an instant in ms."""

    at_ms: int
    direction: Direction
    gate: str


MOST_PASSES = 16
"""Passes that an e-ticket remembers; the oldest are forgotten."""


class Eticket(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The e-ticket of one place that was paid for. Times are ms since 1970.

    `seat` is the place in the map of the pool's section, 0 where there is none. `issue` is raised by each transfer,
    whose request `transfer_id` names. `holder` is JSON text. `first_in_ms` is 0 until somebody came in with it.
    `passes` are the last sixteen, in order of time.
    """

    reservation_id: str
    ticket_id: int
    pool: str
    seat: int
    issue: int
    state: EticketState
    holder: str
    first_in_ms: int
    changed_ms: int
    passes: list[Pass] = []
    transfer_id: str = ""


class NumberedEticket(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """An e-ticket and its number within the event."""

    number: int
    eticket: Eticket


class Booking(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A place of a slot, taken without payment. Times are ms since 1970 by the clock of Redis.

    `slot` is its local date and time, from which the shown time follows. `start_ms` is that instant, by the rules of
    time zones on the day of the booking. `details` is what the API keeps about the visitor, as JSON text.

    `customer_id` and `phone` are for whom it counts; empty where it counts for none. No two states of a booking have
    the same `changed_ms`.
    """

    booking_id: str
    event_id: int
    slot: str
    start_ms: int
    details: str
    digest: str
    created_ms: int
    changed_ms: int
    expires_ms: int
    state: BookingState
    customer_id: str
    phone: str

    def is_expired_at(self, now_ms: int) -> bool:
        """True if the booking expired: its slot is over and it can no longer change."""
        return self.state is BookingState.BOOKED and now_ms >= self.expires_ms
