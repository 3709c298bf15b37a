"""The verdict: the answers that people got, compared with the stored state. Pure; it knows no server."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from loadtest.drop.observations import Booked, ObservedReservation, Told

_LIVE = frozenset({"held", "paying", "paid"})

_MAY_BE: Mapping[str, frozenset[str]] = {
    # A hold expires by itself, and a payment whose answer was lost may have come to anything.
    "held": frozenset({"held", "expired"}),
    "paid": frozenset({"paid"}),
    "cancelled": frozenset({"cancelled"}),
    "unknown": frozenset({"held", "paying", "paid", "cancelled", "expired", "refund_due", "refunded"}),
}
"""The allowed final states of a reservation, by the last answer to its customer."""


class Reservation(msgspec.Struct, frozen=True):
    """A reservation as it is in Postgres. `places` by ticket."""

    status: str
    places: Mapping[int, int]
    seat_ids: Sequence[int]


class Stock(msgspec.Struct, frozen=True):
    """The counts of a ticket, as the engine has them."""

    capacity: int
    available: int
    held: int
    sold: int


class Found(msgspec.Struct, frozen=True):
    """The state after the drop: the audit's breaches, reservations and bookings by id, stock by ticket.

    `bookings` name their slot as `2027-09-12 13:30`, `slot_capacity` is that of each.
    """

    breaches: Sequence[str]
    reservations: Mapping[str, Reservation]
    stock: Mapping[int, Stock]
    bookings: Mapping[str, str]
    slot_capacity: int


def breaches(told: Told, found: Found) -> list[str]:
    """Everything that differs from the answers, or from the rules; nothing: the drop was clean."""
    return [
        *(f"audit: {breach}" for breach in found.breaches),
        *_takings(told.observed, found.reservations),
        *_seats(told.observed, found.reservations),
        *_stock(found),
        *_bookings(told.bookings, found),
    ]


def _takings(observed: Iterable[ObservedReservation], reservations: Mapping[str, Reservation]) -> Iterator[str]:
    """Nobody got a yes and has nothing."""
    for taking in observed:
        reservation = reservations.get(taking.reservation_id)
        if reservation is None:
            yield f"told {taking.state}: {taking.reservation_id} does not exist"
        elif reservation.status not in _MAY_BE[taking.state]:
            yield f"told {taking.state}: {taking.reservation_id} is {reservation.status}"
        elif reservation.places.get(taking.ticket_id) != taking.places:
            yield (
                f"told {taking.places} places of ticket {taking.ticket_id}: "
                f"{taking.reservation_id} has {reservation.places.get(taking.ticket_id, 0)}"
            )


def _seats(observed: Iterable[ObservedReservation], reservations: Mapping[str, Reservation]) -> Iterator[str]:
    """No seat has two owners, neither in the stored state nor in the answers."""
    owners: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for taking in observed:
        if taking.state == "paid":
            for seat_id in taking.seat_ids:
                owners[event_of(taking.reservation_id), seat_id].add(taking.reservation_id)
    for rid, reservation in reservations.items():
        if reservation.status in _LIVE:
            for seat_id in reservation.seat_ids:
                owners[event_of(rid), seat_id].add(rid)
    for (event, seat_id), rids in owners.items():
        if len(rids) > 1:
            yield f"seat {seat_id} of event {event} has {len(rids)} owners: {', '.join(sorted(rids))}"


def event_of(reservation_id: str) -> str:
    """The event that a reservation's id names."""
    return reservation_id.partition("-")[0]


def _stock(found: Found) -> Iterator[str]:
    """All stock is accounted for, and what is gone has an owner."""
    taken = _taken(found.reservations)
    for ticket_id, stock in found.stock.items():
        held, sold = taken[ticket_id]
        counts = (stock.available, stock.held, stock.sold)
        if sum(counts) != stock.capacity or min(counts) < 0:
            yield f"ticket {ticket_id} is not conserved: {stock}"
        if sold > stock.capacity:
            yield f"ticket {ticket_id}: {sold} sold of {stock.capacity}"
        if (held, sold) != (stock.held, stock.sold):
            yield (
                f"ticket {ticket_id}: reservations hold {held} and bought {sold}, "
                f"the engine counts {stock.held} and {stock.sold}"
            )


def agree(reservations: Mapping[str, Reservation], stock: Mapping[int, Stock]) -> bool:
    """True if the places of the reservations are those that the engine counts."""
    taken = _taken(reservations)
    return all(taken[ticket_id] == (counts.held, counts.sold) for ticket_id, counts in stock.items())


def _taken(reservations: Mapping[str, Reservation]) -> Mapping[int, tuple[int, int]]:
    """Places held and places sold, by ticket."""
    taken = defaultdict[int, tuple[int, int]](lambda: (0, 0))
    for reservation in reservations.values():
        for ticket_id, places in reservation.places.items():
            held, sold = taken[ticket_id]
            if reservation.status == "paid":
                taken[ticket_id] = (held, sold + places)
            elif reservation.status in _LIVE:
                taken[ticket_id] = (held + places, sold)
    return taken


def _bookings(booked: Iterable[Booked], found: Found) -> Iterator[str]:
    """Everybody is in the slot of the answer, and no slot has more people than places."""
    for booking in booked:
        slot = found.bookings.get(booking.booking_id, "")
        if booking.slot not in {"?", slot}:
            yield f"booking {booking.booking_id} was told {booking.slot or 'deleted'}, and is in {slot or 'none'}"
    for slot, people in Counter(found.bookings.values()).items():
        if people > found.slot_capacity:
            yield f"slot {slot}: {people} people, {found.slot_capacity} places"
