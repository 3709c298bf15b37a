"""Sales at an instant by the terms of the catalogue, for lists and filters. Only the engine decides."""

from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.words import EventStatus

NEVER_MS = 1 << 62
"""An instant that no clock reaches."""


def is_on_sale(event: EventSnapshot, ticket: TicketSnapshot, now_ms: int) -> bool:
    """True if the ticket is sold at that instant, whether or not places are left."""
    if event.status is not EventStatus.ON_SALE or ticket.paused or ticket.hidden:
        return False
    return _is_open(event.sale_opens_ms, event.sale_ends_ms, now_ms) and _is_open(
        ticket.sale_opens_ms, ticket.sale_closes_ms, now_ms
    )


def next_turn_ms(event: EventSnapshot, now_ms: int) -> int:
    """The next instant at which a sale of the event opens or closes; NEVER_MS if there is none."""
    turns = [event.sale_opens_ms, event.sale_ends_ms]
    for ticket in event.tickets:
        turns += (ticket.sale_opens_ms, ticket.sale_closes_ms)
    return min([turn for turn in turns if turn is not None and turn > now_ms], default=NEVER_MS)


def _is_open(opens_ms: int | None, ends_ms: int | None, now_ms: int) -> bool:
    return (opens_ms or 0) <= now_ms and (not ends_ms or now_ms < ends_ms)
