"""The way from a customer's request to the lines of a reservation, for the pure model (reference_model.py)."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from msgspec.structs import replace

from engine.commands.items import BestSeats, Item, NamedSeats, TimedPlaces
from engine.records import Line
from engine.results.bookings import SlotNotScheduled, SlotPast
from engine.results.events import NotOnSaleYet, SaleClosed, SalePaused, UnknownPool
from engine.results.holds import BelowMinimum, SoldOut
from engine.results.result import Result
from engine.results.seats import SeatTaken
from engine.slots import slot_pool
from engine.stock import SectionSeats
from engine.terms import CodeTerms, OwnTerms, Terms, TicketTerms
from engine.words import CodeKind
from tests.support.engine.plain_search import best_seats, blocks
from tests.support.engine.reference_codes import covers, opening
from tests.support.engine.reference_stock import Stock, is_scheduled

AnyItem: TypeAlias = tuple[int, int] | Item


def items_of(text: str) -> list[AnyItem]:
    """The items of a hold, from their text."""
    return [_item_of(*values) for values in json.loads(text)]


def _item_of(ticket_id: int, quantity: int, *more: Any) -> AnyItem:
    match more:
        case ():
            return ticket_id, quantity
        case (bool(together),):
            return BestSeats(ticket_id, quantity, together)
        case (str(slot), int(start_ms)):
            return TimedPlaces(ticket_id, quantity, slot, start_ms)
    return NamedSeats(ticket_id, quantity, *more)


def ticket_of(item: AnyItem) -> int:
    """The ticket that is asked for."""
    return item[0] if isinstance(item, tuple) else item.ticket_id


def places_of(item: AnyItem) -> int:
    """The number of requested places."""
    return item[1] if isinstance(item, tuple) else item.quantity


def without_seats(lines: Sequence[Line], pool: str, seats: Sequence[int]) -> list[Line]:
    """The lines without these seats of a pool; a line that has no more is gone."""
    rest = []
    for line in lines:
        kept = [seat for seat in line.seats if line.pool != pool or seat not in seats]
        if kept or not line.seats:
            rest.append(replace(line, seats=kept, quantity=len(kept) if line.seats else line.quantity))
    return rest


def without_places(
    lines: Sequence[Line], ticket_id: int, pool: str | None, places: int
) -> tuple[list[Line], list[Line]]:
    """The lines without that many places that are all alike, the last ones first; and what is gone."""
    rest, gone = list(lines), []
    for number in reversed(range(len(rest))):
        line = rest[number]
        if line.ticket_id == ticket_id and not line.seats and pool in (None, line.pool):
            less = min(places, line.quantity)
            places -= less
            rest[number] = replace(line, quantity=line.quantity - less)
            gone += [replace(line, quantity=less)] if less else []
    return [line for line in rest if line.quantity], gone


def joined_lines(lines: Sequence[Line], more: Sequence[Line]) -> list[Line]:
    """Lines of the same ticket, pool and price are one."""
    joined: list[Line] = []
    for line in [*lines, *more]:
        same = (line.ticket_id, line.pool, line.unit_minor, line.off_minor)
        for number, other in enumerate(joined):
            if (other.ticket_id, other.pool, other.unit_minor, other.off_minor) == same:
                seats = sorted([*other.seats, *line.seats])
                joined[number] = replace(other, seats=seats, quantity=other.quantity + line.quantity)
                break
        else:
            joined.append(line)
    return joined


def at_old_prices(lines: Sequence[Line], before: Sequence[Line]) -> list[Line]:
    """The lines, each place at the price that it had before, where it had one."""
    left = [line.quantity for line in before]
    priced: list[Line] = []
    for line in lines:
        quantity, seats = line.quantity, list(line.seats)
        for number, old in enumerate(before):
            if (old.ticket_id, old.pool) != (line.ticket_id, line.pool):
                continue
            kept = [seat for seat in seats if seat in old.seats]
            same = len(kept) if line.seats else min(quantity, left[number])
            if same:
                priced.append(replace(old, quantity=same, seats=kept))
            seats = [seat for seat in seats if seat not in kept]
            quantity, left[number] = quantity - same, left[number] - same
        if quantity:
            priced.append(replace(line, quantity=quantity, seats=seats))
    return joined_lines([], priced)


def is_had(item: AnyItem, items: Sequence[AnyItem], lines: Sequence[Line]) -> bool:
    """True if one of the items asks for no more of its ticket than these lines have."""
    mine = [line for line in lines if line.ticket_id == ticket_of(item)]
    if isinstance(item, NamedSeats):
        return {*item.seats} <= {seat for line in mine for seat in line.seats if line.pool == item.pool}
    if isinstance(item, BestSeats):
        return False
    alike = [each for each in items if _kind_of(each) == _kind_of(item)]
    pool = slot_pool(item.slot) if isinstance(item, TimedPlaces) else None
    places = sum(line.quantity for line in mine if pool in (None, line.pool))
    return sum(places_of(each) for each in alike) <= places


def _kind_of(item: AnyItem) -> tuple[type[Any], int, str]:
    return type(item), ticket_of(item), item.slot if isinstance(item, TimedPlaces) else ""


def item_refusal(
    terms: Terms,
    items: Sequence[AnyItem],
    now_ms: int,
    code: CodeTerms | None = None,
    before: Sequence[Line] = (),
) -> Result | None:
    """Why an item cannot be had at all: no ticket is sold in that way, the slot is none, or it has begun.

    `before`: the lines that are held; of what is had already, it does not matter whether it is on sale.
    """
    tickets = {ticket.ticket_id: ticket for ticket in terms.tickets}
    for item in items:
        ticket = tickets.get(ticket_of(item))
        if ticket is None or (ticket.assigned, ticket.timed) != (
            isinstance(item, NamedSeats | BestSeats),
            isinstance(item, TimedPlaces),
        ):
            return UnknownPool(ticket_of(item))
        if not is_had(item, items, before):
            mine = code if covers(code, ticket.ticket_id) else None
            if code and now_ms < opening(mine, terms.opens_ms):
                return NotOnSaleYet(terms.opens_ms)
            if ticket.own and (own := own_refusal(ticket, ticket.own, now_ms, mine)):
                return own
        refusal = slot_refusal(terms, item.slot, item.start_ms, now_ms) if isinstance(item, TimedPlaces) else None
        if refusal:
            return refusal
    return None


def own_refusal(ticket: TicketTerms, own: OwnTerms, now_ms: int, code: CodeTerms | None = None) -> Result | None:
    """Why a ticket is not sold now, by its own terms, under a code that is for it."""
    if own.hidden and not (code and code.kind is CodeKind.ACCESS):
        return UnknownPool(ticket.ticket_id)
    if 0 < own.closes_ms <= now_ms:
        return SaleClosed()
    opens_ms = opening(code, own.opens_ms)
    if now_ms < opens_ms:
        return NotOnSaleYet(opens_ms)
    return SalePaused() if own.paused else None


def minimum_refusal(terms: Terms, items: Sequence[AnyItem], *, one_by_one: bool) -> BelowMinimum | None:
    """The first ticket of which less is asked for than it is sold in; of a cart (`one_by_one`) seats do not count."""
    tickets = {ticket.ticket_id: ticket for ticket in terms.tickets}
    for item in items:
        ticket = tickets[ticket_of(item)]
        least = 1 if ticket.own is None or (one_by_one and ticket.assigned) else ticket.own.min_quantity
        if sum(places_of(other) for other in items if ticket_of(other) == ticket.ticket_id) < least:
            return BelowMinimum(ticket.ticket_id, least)
    return None


def slot_refusal(terms: Terms, slot: str, start_ms: int, now_ms: int) -> SlotNotScheduled | SlotPast | None:
    """Why a slot cannot be had at all."""
    if not is_scheduled(terms, slot):
        return SlotNotScheduled(slot)
    return SlotPast() if start_ms <= now_ms else None


def starts_of(items: Sequence[AnyItem]) -> dict[str, int]:
    """When slots begin that are asked for, by their pools."""
    return {slot_pool(item.slot): item.start_ms for item in items if isinstance(item, TimedPlaces)}


def pool_of(ticket: TicketTerms, item: AnyItem) -> str:
    """The pool of places that are all alike."""
    return slot_pool(item.slot) if isinstance(item, TimedPlaces) else ticket.pools[0]


def choose(stock: Stock, event_id: int, terms: Terms, items: Sequence[AnyItem]) -> list[Line] | SoldOut | SeatTaken:
    """The lines of the items. Named seats are looked for first, then the best of what they leave."""
    tickets = {ticket.ticket_id: ticket for ticket in terms.tickets}
    lines: list[Line] = []
    gone: list[SectionSeats] = []
    for item in items:
        ticket = tickets[ticket_of(item)]
        if isinstance(item, NamedSeats):
            seat_map = stock.seat_map(event_id, item.pool)
            others = [seat for seat in item.seats if seat_map[seat - 1] != "a"]
            if others:
                gone.append(SectionSeats(item.pool, others))
            lines.append(Line(item.ticket_id, item.pool, len(item.seats), ticket.unit_minor, item.seats))
        elif not isinstance(item, BestSeats):
            lines.append(Line(ticket.ticket_id, pool_of(ticket, item), places_of(item), ticket.unit_minor))
    if gone:
        return SeatTaken(gone)
    for item in items:
        if isinstance(item, BestSeats):
            chosen = _choose_best(stock, event_id, tickets[item.ticket_id], item, lines)
            if isinstance(chosen, SoldOut):
                return chosen
            lines += chosen
    return lines


def _choose_best(
    stock: Stock, event_id: int, ticket: TicketTerms, item: BestSeats, lines: Sequence[Line]
) -> list[Line] | SoldOut:
    texts = []
    for pool in ticket.pools:
        text = list(stock.seat_map(event_id, pool))
        for line in lines:
            for seat in line.seats if line.pool == pool else ():
                text[seat - 1] = "h"
        texts.append("".join(text))
    seats = best_seats(texts, item.quantity, together=item.together)
    if seats is None:
        largest = max((length for text in texts for _, length in blocks(text)), default=0)
        available = sum(text.count("a") for text in texts)
        return stock.sold_out(event_id, item.ticket_id, ticket.pools, available, min(largest, item.quantity))
    return [
        Line(item.ticket_id, pool, len(here), ticket.unit_minor, here)
        for pool, here in zip(ticket.pools, seats, strict=True)
        if here
    ]
