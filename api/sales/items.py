"""The items of a reservation: from the places that a request names to what the engine holds."""

from typing import Annotated

import msgspec
from msgspec import Meta

from api.catalogue.schedule import SlotText, SlotWanted, parse_date, parse_time, scheduled_slot
from api.catalogue.seating import Seating
from api.engine_problems import WishedSlot
from api.http.problems import invalid, not_found
from api.http.requests import ALL_DIFFERENT, DatabaseId
from engine.catalogue import EventSnapshot
from engine.commands.items import BestSeats, Item, NamedSeats, TimedPlaces
from engine.seats import section_pool

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


def engine_items(
    items: list[ItemBody], event: EventSnapshot, seating: Seating | None, horizon_days: int
) -> list[PlacesWished | Item]:
    """The items of a hold in the engine's terms; slots at most `horizon_days` from now.

    Raises Problem: invalid, slot_not_scheduled, or not_found for a seat that is not the ticket's.
    """
    asked: list[PlacesWished | Item] = []
    named: set[int] = set()
    listed = 0
    for position, item in enumerate(items):
        ticket = event.ticket_by_id[item.ticket_id]
        if (wrong := _wrong_wish(item, assigned=ticket.assigned)) is not None:
            raise invalid(f"items[{position}].{wrong[0]}", wrong[1])
        if ticket.timed and item.quantity is not None:
            wanted = slot_wanted(item.slot, event, f"items[{position}].slot", horizon_days)
            asked.append(TimedPlaces(item.ticket_id, item.quantity, *wanted))
        elif item.slot is not None:
            raise invalid(f"items[{position}].slot", "the ticket is not timed; leave it out")
        elif item.seat_ids is not None and seating is not None:
            named.update(item.seat_ids)
            listed += len(item.seat_ids)
            if len(named) < listed:
                raise invalid(f"items[{position}].seat_ids", "a seat is listed more than once")
            asked += _named_seats(item.seat_ids, item.ticket_id, event.sections_by_ticket[item.ticket_id], seating)
        elif item.quantity is not None:
            best = BestSeats(item.ticket_id, item.quantity, item.together)
            asked.append(best if ticket.assigned else (item.ticket_id, item.quantity))
    return asked


def _wrong_wish(item: ItemBody, *, assigned: bool) -> tuple[str, str] | None:
    """The field that is not just what the item's kind of ticket needs, and what is wrong with it."""
    if not assigned:
        if item.seat_ids is not None or item.best_available or item.together:
            field = "seat_ids" if item.seat_ids is not None else "best_available" if item.best_available else "together"
            return field, "the ticket has no assigned seats; give its quantity"
        if item.quantity is None:
            return "quantity", "required, but missing"
    elif item.seat_ids is not None:
        if item.best_available or item.together:
            return "seat_ids", "list seats or ask for the best available, not both"
        if item.quantity not in (None, len(item.seat_ids)):
            return "quantity", "does not match the number of listed seats"
    elif not item.best_available or item.quantity is None:
        return "seat_ids", "the ticket has assigned seats: list them, or give quantity and best_available"
    return None


def slot_wanted(text: str | None, event: EventSnapshot, path: str, horizon_days: int) -> SlotWanted:
    """The slot that an item names. Raises Problem: invalid, or slot_not_scheduled."""
    if text is None:
        raise invalid(path, "required, but missing: the ticket is timed")
    day, separator, at = text.partition("T")
    if not separator:
        raise invalid(path, "must be a local date and time, like 2027-09-12T13:30")
    return scheduled_slot(event, parse_date(path, day), parse_time(path, at), horizon_days)


def earliest_slot(items: list[ItemBody]) -> WishedSlot | None:
    """The earliest slot that the items name, if any: it has begun if one of them has."""
    slots = [(item.slot, f"items[{position}].slot") for position, item in enumerate(items) if item.slot is not None]
    if not slots:
        return None
    text, path = min(slots)
    return WishedSlot(text, (path,))


def _named_seats(
    seat_ids: list[int], ticket_id: int, section_ids: frozenset[int], seating: Seating
) -> list[NamedSeats]:
    found = seating.places_in_row(seat_ids)
    if found is not None and found[0] in section_ids:  # as of most holds
        return [NamedSeats(ticket_id, len(seat_ids), section_pool(found[0]), found[1])]
    places: dict[int, list[int]] = {}
    for seat_id in seat_ids:
        found = seating.places_in_row([seat_id])
        if found is None or found[0] not in section_ids:
            raise not_found(f"seat {seat_id} of ticket {ticket_id}")
        places.setdefault(found[0], []).extend(found[1])
    return [
        NamedSeats(ticket_id, len(here), section_pool(section_id), sorted(here)) for section_id, here in places.items()
    ]
