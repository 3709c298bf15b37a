"""From the seats that a request names to what the engine holds, and back."""

from bisect import bisect_right
from typing import Annotated

import msgspec
from msgspec import Meta

from api.answers import Seat
from api.bodies import ALL_DIFFERENT, DatabaseId
from api.problems import Problem, invalid, not_found
from api.schedule import SlotText, parse_date, parse_time, scheduled_start
from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.commands import BestSeats, Item, NamedSeats, TimedPlaces
from engine.records import Line
from engine.seats import SeatPlaces, VenueSnapshot, section_of_pool, section_pool

PlacesWished = tuple[int, int]
"""A ticket and how many places of it."""


class ItemBody(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """An item of a reservation: places of one ticket, `quantity` of them or the seats that are named.

    Of assigned seats a quantity goes with `best_available`; `together`: all side by side, or none. Of a timed ticket it
    goes with the slot, by its local start: 2027-09-12T13:30.
    """

    ticket_id: DatabaseId
    quantity: Annotated[int, Meta(ge=1, le=100)] | None = None
    seat_ids: Annotated[list[DatabaseId], Meta(min_length=1, max_length=100), ALL_DIFFERENT] | None = None
    best_available: bool = False
    together: bool = False
    slot: SlotText | None = None


class Seating:
    """A venue's seats, by section. Made once per venue: a manifest never changes."""

    def __init__(self, venue: VenueSnapshot) -> None:
        self.venue = venue
        self._sections = {section.section_id: SeatPlaces(section) for section in venue.sections}
        self._first_seat_ids = [section.rows[0].first_seat_id for section in venue.sections]

    def section(self, section_id: int) -> SeatPlaces | None:
        """The places of a section, None if the venue has no such section."""
        return self._sections.get(section_id)

    def section_of(self, seat_id: int, section_ids: list[int]) -> tuple[int, int] | None:
        """In which of the sections a seat is, and its place there; None if it is in none of them."""
        number = bisect_right(self._first_seat_ids, seat_id) - 1
        section = self.venue.sections[number] if number >= 0 else None
        if section is None or section.section_id not in section_ids:
            return None
        place = self._sections[section.section_id].place_of(seat_id)
        return None if place is None else (section.section_id, place)

    def seats_of(self, line: Line) -> list[Seat]:
        """The seats of a line as the API shows them."""
        section = self._sections[section_of_pool(line.pool)]
        shown = []
        for place in line.seats:
            seat_id, row, number = section.seat_at(place)
            shown.append(Seat(seat_id, section.section.name, row.name, number))
        return shown

    def seat_ids(self, pool: str, places: list[int]) -> list[int]:
        """The ids of seats of a section."""
        section = self._sections[section_of_pool(pool)]
        return [section.seat_at(place)[0] for place in places]


def engine_items(items: list[ItemBody], event: EventSnapshot, seating: Seating | None) -> list[PlacesWished | Item]:
    """What the engine is asked to hold. Raises Problem: invalid, or not_found for a seat that is not the ticket's."""
    asked: list[PlacesWished | Item] = []
    named: set[int] = set()
    for position, item in enumerate(items):
        ticket, path = event.ticket_by_id[item.ticket_id], f"items[{position}]"
        _check_wish(item, path, assigned=bool(ticket.section_ids))
        if ticket.timed and item.quantity is not None:
            asked.append(TimedPlaces(item.ticket_id, item.quantity, _slot(item.slot, event, f"{path}.slot")))
        elif item.slot is not None:
            raise invalid(f"{path}.slot", "the ticket is not timed; leave it out")
        elif item.seat_ids is not None and seating is not None:
            if len(named | set(item.seat_ids)) < len(named) + len(item.seat_ids):
                raise invalid(f"{path}.seat_ids", "a seat is named more than once")
            named.update(item.seat_ids)
            asked += _named_seats(item.seat_ids, ticket, seating)
        elif item.quantity is not None:
            best = BestSeats(item.ticket_id, item.quantity, item.together)
            asked.append(best if ticket.section_ids else (item.ticket_id, item.quantity))
    return asked


def _check_wish(item: ItemBody, path: str, *, assigned: bool) -> None:
    """Raises Problem invalid unless the item says just what its kind of ticket needs."""
    if not assigned:
        if item.seat_ids is not None or item.best_available or item.together:
            field = "seat_ids" if item.seat_ids is not None else "best_available" if item.best_available else "together"
            raise invalid(f"{path}.{field}", "the ticket has no assigned seats; give its quantity")
        if item.quantity is None:
            raise invalid(f"{path}.quantity", "required, but missing")
    elif item.seat_ids is not None:
        if item.best_available or item.together:
            raise invalid(f"{path}.seat_ids", "either names seats, or asks for the best available")
        if item.quantity not in (None, len(item.seat_ids)):
            raise invalid(f"{path}.quantity", "is not the number of seats that are named")
    elif not item.best_available or item.quantity is None:
        raise invalid(
            f"{path}.seat_ids", "the ticket has assigned seats: name them, or give quantity and best_available"
        )


def _slot(text: str | None, event: EventSnapshot, path: str) -> int:
    """The start of a slot that an item names. Raises Problem: invalid, or slot_not_scheduled."""
    if text is None:
        raise invalid(path, "required, but missing: the ticket is timed")
    day, separator, at = text.partition("T")
    if not separator:
        raise invalid(path, "must be a local date and time, like 2027-09-12T13:30")
    return scheduled_start(event, parse_date(path, day), parse_time(path, at))


def past_slot(items: list[ItemBody]) -> Problem:
    """422: a slot that the items name has begun; the earliest of them has, if any."""
    slot, position = min((item.slot, position) for position, item in enumerate(items) if item.slot is not None)
    return invalid(f"items[{position}].slot", f"the slot {slot} has begun; choose a later one")


def _named_seats(seat_ids: list[int], ticket: TicketSnapshot, seating: Seating) -> list[NamedSeats]:
    places: dict[int, list[int]] = {}
    for seat_id in seat_ids:
        found = seating.section_of(seat_id, ticket.section_ids)
        if found is None:
            raise not_found(f"seat {seat_id} of ticket {ticket.ticket_id}")
        places.setdefault(found[0], []).append(found[1])
    return [
        NamedSeats(ticket.ticket_id, len(here), section_pool(section_id), sorted(here))
        for section_id, here in places.items()
    ]
