"""From what a customer asks for to the lines of a reservation, for the pure model (model.py)."""

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from msgspec.structs import replace

from engine import commands as c
from engine import results as r
from engine.records import Line, SectionSeats, Terms, TicketTerms
from engine.slots import slot_pool
from tests.integration.inventory.plain_search import best_seats, blocks
from tests.integration.inventory.stock import Stock

Item: TypeAlias = tuple[int, int] | c.Item


def items_of(text: str) -> list[Item]:
    """What a hold asks for, from its text."""
    return [_item_of(*values) for values in json.loads(text)]


def _item_of(ticket_id: int, quantity: int, *more: Any) -> Item:
    match more:
        case ():
            return ticket_id, quantity
        case (bool(together),):
            return c.BestSeats(ticket_id, quantity, together)
        case (int(start_ms),):
            return c.TimedPlaces(ticket_id, quantity, start_ms)
    return c.NamedSeats(ticket_id, quantity, *more)


def ticket_of(item: Item) -> int:
    """The ticket that is asked for."""
    return item[0] if isinstance(item, tuple) else item.ticket_id


def places_of(item: Item) -> int:
    """How many places are asked for."""
    return item[1] if isinstance(item, tuple) else item.quantity


def without_seats(lines: Sequence[Line], pool: str, seats: Sequence[int]) -> list[Line]:
    """The lines without these seats of a pool; a line that has no more is gone."""
    rest = []
    for line in lines:
        kept = [seat for seat in line.seats if line.pool != pool or seat not in seats]
        if kept or not line.seats:
            rest.append(replace(line, seats=kept, quantity=len(kept) if line.seats else line.quantity))
    return rest


def joined_lines(lines: Sequence[Line], more: Sequence[Line]) -> list[Line]:
    """Lines of the same ticket, pool and price are one."""
    joined: list[Line] = []
    for line in [*lines, *more]:
        same = (line.ticket_id, line.pool, line.unit_minor)
        for number, other in enumerate(joined):
            if line.seats and (other.ticket_id, other.pool, other.unit_minor) == same:
                seats = sorted([*other.seats, *line.seats])
                joined[number] = replace(other, seats=seats, quantity=len(seats))
                break
        else:
            joined.append(line)
    return joined


def item_refusal(terms: Terms, items: Sequence[Item], now_ms: int) -> r.UnknownPool | r.SlotPast | None:
    """Why an item cannot be had at all: no ticket is sold in that way, or the slot has begun."""
    tickets = {ticket.ticket_id: ticket for ticket in terms.tickets}
    for item in items:
        ticket = tickets.get(ticket_of(item))
        if ticket is None or (ticket.assigned, ticket.timed) != (
            isinstance(item, c.NamedSeats | c.BestSeats),
            isinstance(item, c.TimedPlaces),
        ):
            return r.UnknownPool(ticket_of(item))
        if isinstance(item, c.TimedPlaces) and item.start_ms <= now_ms:
            return r.SlotPast()
    return None


def pool_of(ticket: TicketTerms, item: Item) -> str:
    """The pool of places that are all alike."""
    return slot_pool(item.start_ms) if isinstance(item, c.TimedPlaces) else ticket.pools[0]


def choose(stock: Stock, event_id: int, terms: Terms, items: Sequence[Item]) -> list[Line] | r.SoldOut | r.SeatTaken:
    """The lines of the items. Named seats are looked for first, then the best of what they leave."""
    tickets = {ticket.ticket_id: ticket for ticket in terms.tickets}
    lines: list[Line] = []
    gone: list[SectionSeats] = []
    for item in items:
        ticket = tickets[ticket_of(item)]
        if isinstance(item, c.NamedSeats):
            seat_map = stock.seat_map(event_id, item.pool)
            others = [seat for seat in item.seats if seat_map[seat - 1] != "a"]
            if others:
                gone.append(SectionSeats(item.pool, others))
            lines.append(Line(item.ticket_id, item.pool, len(item.seats), ticket.unit_minor, item.seats))
        elif not isinstance(item, c.BestSeats):
            lines.append(Line(ticket.ticket_id, pool_of(ticket, item), places_of(item), ticket.unit_minor))
    if gone:
        return r.SeatTaken(gone)
    for item in items:
        if isinstance(item, c.BestSeats):
            chosen = _choose_best(stock, event_id, tickets[item.ticket_id], item, lines)
            if isinstance(chosen, r.SoldOut):
                return chosen
            lines += chosen
    return lines


def _choose_best(
    stock: Stock, event_id: int, ticket: TicketTerms, item: c.BestSeats, lines: Sequence[Line]
) -> list[Line] | r.SoldOut:
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
        return r.SoldOut(item.ticket_id, available, min(largest, item.quantity))
    return [
        Line(item.ticket_id, pool, len(here), ticket.unit_minor, here)
        for pool, here in zip(ticket.pools, seats, strict=True)
        if here
    ]
