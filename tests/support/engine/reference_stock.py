"""The state of the pure model (reference_model.py): reservations, bookings, and counters computed from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.records import Booking
from engine.results.holds import SoldOut
from engine.slots import parse_slot, phone_customer, slot_of_pool, slot_pool, time_text
from engine.terms import Terms
from engine.words import State
from tests.support.engine.reference_codes import Code, Use, use_of
from tests.support.engine.reference_reservation import Counters, Reservation

_HAVING_PLACES = (State.HELD, State.PAYING, State.PAID)
_SEAT_OF = {State.HELD: "h", State.PAYING: "p", State.PAID: "s"}
_KEPT = "kept"


@dataclass
class Slot:
    """A slot of which something was taken once, when it begins and by when it goes."""

    capacity: int
    start_ms: int
    until_ms: int


@dataclass
class Deleted:
    """A booking that was deleted, and the request that did it."""

    booking: Booking
    request_id: str


def is_scheduled(terms: Terms, slot: str) -> bool:
    """True if an event has a slot."""
    schedule, (day, at) = terms.schedule, parse_slot(slot)
    if not schedule.capacity or time_text(at) not in schedule.times or day.isoweekday() not in schedule.weekdays:
        return False
    return not {day.isoformat(), slot} & set(schedule.closed)


def scheduled_capacity(terms: Terms, slot: str) -> int:
    """Places of a slot, taken or not."""
    return terms.schedule.capacity if is_scheduled(terms, slot) else 0


def _taken(before: str, now: str) -> str:
    """The letter of a seat that is taken; a capital one if it is blocked when it is given back."""
    assert before in "ab", "a seat with two owners"
    return now.upper() if before == "b" else now


class Stock:
    """Terms, reservations and bookings of all partitions; every counter is worked out from them."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self.terms: dict[int, Terms] = {}
        self.capacities: dict[tuple[int, str], int] = {}
        self.manifests: dict[tuple[int, str], str] = {}
        self.blocked: dict[tuple[int, str], set[int]] = {}
        self.reservations: dict[str, Reservation] = {}
        self.forgotten: list[Reservation] = []
        self.slots: dict[tuple[int, str], Slot] = {}
        self.bookings: dict[tuple[int, str], Booking] = {}
        """By event and id; those that were deleted or purged are not here."""
        self.deleted: dict[tuple[int, str], Deleted] = {}
        self.codes: dict[tuple[int, str], Code] = {}
        """By event and code."""
        self.aside: dict[tuple[int, str], int] = {}
        """Available places that are set aside for a waiting list, of each pool for which somebody waits."""
        self.ever_booked: set[int] = set()
        """Events that had a booking."""

    def partition(self, event_id: int) -> int:
        """The partition of an event's inventory."""
        return event_id % self._partitions

    def everything(self) -> list[Reservation]:
        """All reservations, also those that Redis no longer keeps."""
        return [*self.reservations.values(), *self.forgotten]

    def was_taken(self, event_id: int) -> bool:
        """True if anything of the event was ever taken."""
        return event_id in self.ever_booked or any(each.event_id == event_id for each in self.everything())

    def counters(self, event_id: int, pool: str) -> Counters:
        """A pool's counters, from the reservations."""
        places: dict[str, int] = {State.HELD: 0, State.PAYING: 0, State.PAID: 0, _KEPT: 0}
        for reservation in self.everything():
            if reservation.event_id == event_id:
                places[_KEPT] += sum(line.quantity for line in reservation.kept if line.pool == pool)
                places[State.PAYING] += sum(more for name, more, _ in reservation.pinned() if name == pool)
                if reservation.state in places:
                    places[reservation.state] += reservation.places(pool)
        if (event_id, pool) in self.manifests:
            lent = sum(map(self.seat_map(event_id, pool).count, "HPSK"))
            seats = self.manifests[event_id, pool].count("a") - len(self.blocked[event_id, pool]) + lent
            return Counters(seats, seats - sum(places.values()), *places.values())
        name = slot_of_pool(pool)
        if name is not None:
            places[State.PAID] += len(self.booked(event_id, pool))
            slot = self.slots.get((event_id, pool))
            if slot is None:  # nothing was taken of it yet, or it is purged with all that was
                capacity = scheduled_capacity(self.terms[event_id], name)
                return Counters(capacity, capacity, 0, 0, 0, 0)
            capacity = slot.capacity
        else:
            capacity = self.capacities[event_id, pool]
            places[_KEPT] += self.set_aside(event_id, pool)
        return Counters(capacity, capacity - sum(places.values()), *places.values())

    def for_sale(self, event_id: int, pool: str) -> int:
        """Places of a pool that anybody can have."""
        return max(0, self.counters(event_id, pool).available - self.aside.get((event_id, pool), 0))

    def shown(self, event_id: int, pool: str) -> Counters:
        """A pool's counters as they are shown: what is set aside counts as held."""
        counters, for_sale = self.counters(event_id, pool), self.for_sale(event_id, pool)
        return counters._replace(available=for_sale, held=counters.held + counters.available - for_sale)

    def use(self, event_id: int, code: str) -> Use:
        """The uses of a code."""
        return use_of(self.everything(), event_id, code)

    def free(self, event_id: int, code: str) -> int:
        """Places that are set aside for a code and that nobody has."""
        known = self.codes[event_id, code]
        return max(0, known.terms.places - self.use(event_id, code).taken) if known.is_open else 0

    def set_aside(self, event_id: int, pool: str) -> int:
        """Places of a pool that are set aside for codes and that nobody has."""
        return sum(
            self.free(event_id, code)
            for (event, code), known in self.codes.items()
            if event == event_id and known.is_open and str(known.terms.ticket_ids[0]) == pool
        )

    def seat_map(self, event_id: int, pool: str) -> str:
        """The state of each seat of a section, from the reservations."""
        text = list(self.manifests[event_id, pool])
        for seat in self.blocked[event_id, pool]:
            text[seat - 1] = "b"
        for reservation in self.everything():
            if reservation.event_id != event_id:
                continue
            owned = reservation.lines if reservation.state in _SEAT_OF else []
            pinned = [seat for name, _, seats in reservation.pinned() if name == pool for seat in seats]
            for seat in pinned:
                text[seat - 1] = _taken(text[seat - 1], "p")
            for seat_state, lines in ((_SEAT_OF.get(reservation.state, ""), owned), ("k", reservation.kept)):
                for seat in (seat for line in lines if line.pool == pool for seat in line.seats):
                    text[seat - 1] = _taken(text[seat - 1], seat_state)
        return "".join(text)

    def customer_places(self, event_id: int, customer_id: str) -> int:
        """Places that a customer holds, pays for, has bought or has booked; or bookings of a phone number."""
        booked = sum(
            event_id == booking.event_id and customer_id in (booking.customer_id, phone_customer(booking.phone))
            for booking in self.bookings.values()
        )
        return booked + sum(
            reservation.counted_places()
            for reservation in self.everything()
            if (reservation.event_id, reservation.customer_id) == (event_id, customer_id)
            and reservation.state in _HAVING_PLACES
        )

    def booked(self, event_id: int, pool: str) -> list[Booking]:
        """The bookings of a slot."""
        return [
            booking
            for booking in self.bookings.values()
            if (booking.event_id, slot_pool(booking.slot)) == (event_id, pool)
        ]

    def take_slot(self, event_id: int, pool: str, start_ms: int, until_ms: int) -> None:
        """The slot is there from now on: something of it is taken."""
        if (event_id, pool) not in self.slots:
            capacity = scheduled_capacity(self.terms[event_id], slot_of_pool(pool) or "")
            self.slots[event_id, pool] = Slot(capacity, start_ms, until_ms)
        slot = self.slots[event_id, pool]
        slot.start_ms, slot.until_ms = start_ms, max(slot.until_ms, until_ms)

    def purges(self, partition: int) -> dict[str, int]:
        """The purges of a partition: bookings and purchases that go with their slot, and when."""
        bookings = {
            f"{event_id}/{booking_id}": booking.expires_ms
            for (event_id, booking_id), booking in self.bookings.items()
            if self.partition(event_id) == partition
        }
        visits = {
            f"{reservation.reservation_id}/{pool}/{reservation.places(pool)}/{reservation.customer_id}": until_ms
            for reservation in self.everything()
            if self.partition(reservation.event_id) == partition
            for pool, until_ms in reservation.visits.items()
        }
        return bookings | visits

    def turns(self) -> set[int]:
        """The instants at which an answer may become another one, because a slot begins or goes."""
        starts = {slot.start_ms for slot in self.slots.values()}
        for known in self.codes.values():
            starts |= {known.terms.until_ms, known.terms.from_ms, known.terms.opens_ms} - {0}
        return starts | {slot.until_ms for slot in self.slots.values()}

    def due(self, partition: int, now_ms: int) -> list[Reservation]:
        """Expired holds of a partition, oldest first."""
        return sorted(
            (
                reservation
                for reservation in self.reservations.values()
                if self.partition(reservation.event_id) == partition
                and reservation.state is State.HELD
                and reservation.deadline_ms <= now_ms
            ),
            key=lambda reservation: (reservation.deadline_ms, reservation.reservation_id),
        )

    def next_return_ms(self, event_id: int) -> int:
        """The earliest deadline of a live hold of the event, or 0."""
        deadlines = [
            reservation.deadline_ms
            for reservation in self.reservations.values()
            if reservation.event_id == event_id and reservation.state == State.HELD
        ]
        return min(deadlines, default=0)

    def sold_out(self, event_id: int, ticket_id: int, pools: Sequence[str], available: int, largest: int) -> SoldOut:
        """The refusal of places of a ticket, of which these pools have fewer."""
        held = sum(self.counters(event_id, pool).held for pool in pools) if available == 0 else 0
        return SoldOut(ticket_id, available, largest, self.next_return_ms(event_id) if held else 0)
