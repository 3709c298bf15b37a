"""What Redis stores of a reservation and of an event: the layouts of `lua/10_codec.lua`, for Python."""

import msgspec

from engine.words import AttemptState, BookingState, EventStatus, State


class Line(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Places of one ticket in a reservation, at the price of the moment they were held.

    `seats` are the places of assigned seats in the map of their section, from 1, in ascending order (engine/seats.py).
    """

    ticket_id: int
    pool: str
    quantity: int
    unit_minor: int
    seats: list[int] = []


class Attempt(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One attempt to pay a reservation.

    `attempt_id` is the gateway's idempotency key. `settled_ms` is 0 while the attempt is pending.
    `reason` is a `FailureReason` of a failed attempt, `late` where the money came when it bought nothing,
    `kept` where a refund left the places off sale, else empty.
    """

    attempt_id: str
    state: AttemptState
    amount_minor: int
    started_ms: int
    settled_ms: int
    reason: str
    digest: str


class Record(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A reservation. Times are ms since 1970 by the clock of Redis.

    `details` is what the API keeps about the customer, as JSON text. `ended_ms` is when the present state was entered,
    0 while held or paying. `attempts` are in order of their beginning, the last eight.
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

    @property
    def total_minor(self) -> int:
        """Price of all lines, in minor units."""
        return sum([line.quantity * line.unit_minor for line in self.lines])

    @property
    def places(self) -> int:
        """Places in all lines."""
        return sum(line.quantity for line in self.lines)


class Booking(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A place of a slot, taken without payment. Times are ms since 1970 by the clock of Redis, `start_ms` the slot's.

    `details` is what the API keeps about who comes, as JSON text.
    """

    booking_id: str
    event_id: int
    start_ms: int
    details: str
    digest: str
    created_ms: int
    changed_ms: int
    expires_ms: int
    state: BookingState

    def is_expired_at(self, now_ms: int) -> bool:
        """Whether its slot is so long past that it cannot be changed any more."""
        return self.state is BookingState.BOOKED and now_ms >= self.expires_ms


class TicketTerms(msgspec.Struct, array_like=True, frozen=True):
    """From which pools a ticket is taken, and at which price.

    `assigned`: each pool is a section. `timed`: it is taken from slots, and has no pools of its own.
    """

    ticket_id: int
    pools: list[str]
    unit_minor: int
    assigned: bool = False
    timed: bool = False


class Terms(msgspec.Struct, array_like=True, frozen=True):
    """What decides whether and how an event sells. `opens_ms` and `closes_ms` are 0 where there is no window.

    `slot_capacity` is how many places each slot has; 0: it is not a timed event.
    """

    status: EventStatus
    opens_ms: int
    closes_ms: int
    hold_ms: int
    max_per_customer: int
    tickets: list[TicketTerms]
    version: int = 0
    slot_capacity: int = 0


class SectionSeats(msgspec.Struct, array_like=True, frozen=True):
    """Seats of one section, known by its pool: their places in its map, from 1, in ascending order."""

    pool: str
    seats: list[int]


class SectionMap(msgspec.Struct, array_like=True, frozen=True):
    """A section, known by its pool, and its map (engine/seats.py)."""

    pool: str
    text: str


class PoolCapacity(msgspec.Struct, array_like=True, frozen=True):
    """How many places a pool has, taken or not."""

    pool: str
    capacity: int


class TicketCounts(msgspec.Struct, array_like=True, frozen=True):
    """A ticket's pool at one instant: available + held + paying + sold == capacity."""

    ticket_id: int
    capacity: int
    available: int
    held: int
    paying: int
    sold: int


class SlotCounts(msgspec.Struct, array_like=True, frozen=True):
    """A slot's pool at one instant: available + held + paying + sold == capacity."""

    start_ms: int
    capacity: int
    available: int
    held: int
    paying: int
    sold: int
