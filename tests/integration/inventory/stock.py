"""What there is, for the pure model (model.py): reservations, bookings, and counters worked out from them."""

from dataclasses import dataclass

from engine.records import Booking, Terms
from engine.slots import slot_pool, slot_start_ms
from engine.words import State
from tests.integration.inventory.reservation import Counters, Reservation

_HAVING_PLACES = (State.HELD, State.PAYING, State.PAID)
_SEAT_OF = {State.HELD: "h", State.PAYING: "p", State.PAID: "s"}


@dataclass
class Slot:
    """A slot of which something was taken once, and by when it goes."""

    capacity: int
    until_ms: int


@dataclass
class Deleted:
    """A booking that was deleted, and the request that did it."""

    booking: Booking
    request_id: str


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

    def partition(self, event_id: int) -> int:
        """Where an event's inventory is."""
        return event_id % self._partitions

    def everything(self) -> list[Reservation]:
        """All reservations, also those that Redis no longer keeps."""
        return [*self.reservations.values(), *self.forgotten]

    def counters(self, event_id: int, pool: str) -> Counters:
        """A pool's counters, from the reservations."""
        places = {State.HELD: 0, State.PAYING: 0, State.PAID: 0}
        for reservation in self.everything():
            if reservation.event_id == event_id:
                state = State.PAID if reservation.kept_as_sold else reservation.state
                if state in places:
                    places[state] += reservation.places(pool)
        if (event_id, pool) in self.manifests:
            seats = self.manifests[event_id, pool].count("a") - len(self.blocked[event_id, pool])
            return Counters(seats, seats - sum(places.values()), *places.values())
        if slot_start_ms(pool) is not None:
            places[State.PAID] += len(self.booked(event_id, pool))
            slot = self.slots.get((event_id, pool))
            capacity = slot.capacity if slot else self.terms[event_id].slot_capacity
        else:
            capacity = self.capacities[event_id, pool]
        return Counters(capacity, capacity - sum(places.values()), *places.values())

    def seat_map(self, event_id: int, pool: str) -> str:
        """The state of each seat of a section, from the reservations."""
        text = list(self.manifests[event_id, pool])
        for seat in self.blocked[event_id, pool]:
            text[seat - 1] = "b"
        for reservation in self.everything():
            seat_state = "s" if reservation.kept_as_sold else _SEAT_OF.get(reservation.state)
            if reservation.event_id == event_id and seat_state:
                for line in reservation.lines:
                    for seat in line.seats if line.pool == pool else ():
                        assert text[seat - 1] == "a", "a seat with two owners"
                        text[seat - 1] = seat_state
        return "".join(text)

    def customer_places(self, event_id: int, customer_id: str) -> int:
        """Places that a customer holds, pays for or has bought."""
        return sum(
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
            if (booking.event_id, slot_pool(booking.start_ms)) == (event_id, pool)
        ]

    def take_slot(self, event_id: int, pool: str, until_ms: int) -> None:
        """The slot is there from now on: something of it is taken."""
        slot = self.slots.setdefault((event_id, pool), Slot(self.terms[event_id].slot_capacity, until_ms))
        slot.until_ms = max(slot.until_ms, until_ms)

    def purges(self, partition: int) -> dict[str, int]:
        """What of a partition is to go with its slot, and when: bookings, and what customers have bought."""
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
        starts = {slot_start_ms(pool) or 0 for _, pool in self.slots}
        return starts | {slot.until_ms for slot in self.slots.values()}

    def due(self, partition: int, now_ms: int) -> list[Reservation]:
        """Holds of a partition that ran out, oldest first."""
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
