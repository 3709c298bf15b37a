"""Events, tickets, reservations and carts as the API shows them."""

from typing import NamedTuple, Self

from msgspec import UNSET

from api.catalogue.on_sale import is_on_sale
from api.catalogue.schemas import (
    Availability,
    Event,
    EventHead,
    Schedule,
    Ticket,
    TicketAvailability,
    WaitingList,
    WaitingRoom,
)
from api.http.times import optional_rfc3339, rfc3339
from api.http.types import Money
from engine import catalogue
from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.results.events import Counts
from engine.slots import time_text
from engine.stock import TicketCounts


class EventCounts(NamedTuple):
    """The counts of an event's tickets at one instant of Redis' clock."""

    now_ms: int
    tickets: dict[int, TicketCounts]
    next_return_ms: int = 0
    """The earliest deadline of a live hold, if places may return to a ticket that has none; else 0."""

    @classmethod
    def of(cls, counts: Counts) -> Self:
        """Counts as the engine answers them."""
        return cls(counts.now_ms, {ticket.ticket_id: ticket for ticket in counts.tickets}, counts.next_return_ms)


_UNPUBLISHED = TicketCounts(0, 0, 0, 0, 0, 0, 0)


def event_head(event: EventSnapshot) -> EventHead:
    """Which event, for things that belong to one."""
    return EventHead(event.event_id, event.name, rfc3339(event.starts_ms))


def _counts_of(event: EventSnapshot, ticket_id: int, counts: EventCounts) -> TicketCounts:
    """The counts of a ticket; of a timed one those of a slot that is empty: what is left depends on the slot."""
    if event.schedule is not None:
        return TicketCounts(ticket_id, event.schedule.capacity, event.schedule.capacity, 0, 0, 0, 0)
    return counts.tickets.get(ticket_id, _UNPUBLISHED)


def ticket_view(event: EventSnapshot, ticket: TicketSnapshot, counts: EventCounts) -> Ticket:
    """A ticket with its counts; `held` includes places being paid."""
    count = _counts_of(event, ticket.ticket_id, counts)
    return Ticket(
        id=ticket.ticket_id,
        event=event_head(event),
        ticket_type=ticket.ticket_type,
        price=Money(ticket.unit_minor, event.currency),
        seating=ticket.seating,
        capacity=count.capacity,
        available=count.available,
        held=count.held + count.paying,
        sold=count.sold,
        kept=count.kept,
        sold_out=count.available == 0,
        paused=ticket.paused,
        hidden=ticket.hidden,
        sale_opens_at=optional_rfc3339(ticket.sale_opens_ms),
        sale_closes_at=optional_rfc3339(ticket.sale_closes_ms),
        min_quantity=ticket.min_quantity,
    )


def is_available(event: EventSnapshot, ticket: Ticket, now_ms: int) -> bool:
    """True if places of the ticket can be bought at that instant."""
    return ticket.available >= ticket.min_quantity and is_on_sale(event, event.ticket_by_id[ticket.id], now_ms)


def event_view(event: EventSnapshot, counts: EventCounts, now_ms: int, *, hidden: bool = True) -> Event:
    """An event with its tickets, those that are `hidden` too, at an instant."""
    tickets = [ticket_view(event, ticket, counts) for ticket in event.tickets if hidden or not ticket.hidden]
    types: dict[str, bool] = {}
    for ticket in tickets:
        types[ticket.ticket_type] = types.get(ticket.ticket_type, False) or is_available(event, ticket, now_ms)
    return Event(
        id=event.event_id,
        name=event.name,
        starts_at=rfc3339(event.starts_ms),
        timezone=event.timezone,
        venue_id=event.venue_id,
        status=event.status,
        sale_opens_at=optional_rfc3339(event.sale_opens_ms),
        sale_closes_at=optional_rfc3339(event.sale_closes_ms),
        hold_seconds=event.hold_seconds,
        max_per_customer=event.max_per_customer,
        currency=event.currency,
        description=event.description,
        image_url=event.image_url,
        ticket_types=types,
        tickets=tickets,
        schedule=_schedule_view(event.schedule) if event.schedule else UNSET,
        waiting_room=_room_view(event.waiting_room) if event.waiting_room else UNSET,
        doors_open_at=UNSET if event.doors_open_ms is None else rfc3339(event.doors_open_ms),
        waiting_list=_list_view(event.waiting_list) if event.waiting_list else UNSET,
    )


def availability_view(event: EventSnapshot, counts: EventCounts, *, hidden: bool) -> Availability:
    """The counts of an event's tickets, those that are `hidden` too, and the terms of its sale."""
    tickets = {ticket.ticket_id: ticket for ticket in event.tickets if hidden or not ticket.hidden}
    return Availability(
        event_id=event.event_id,
        as_of=rfc3339(counts.now_ms),
        status=event.status,
        version=event.version,
        next_return_at=rfc3339(counts.next_return_ms) if counts.next_return_ms else None,
        tickets=[
            TicketAvailability(
                ticket_id=count.ticket_id,
                price=Money(tickets[count.ticket_id].unit_minor, event.currency),
                capacity=count.capacity,
                available=count.available,
                held=count.held + count.paying,
                sold=count.sold,
                kept=count.kept,
            )
            for count in (_counts_of(event, ticket_id, counts) for ticket_id in counts.tickets if ticket_id in tickets)
        ],
    )


def _room_view(room: catalogue.WaitingRoom) -> WaitingRoom:
    return WaitingRoom(
        opens_at=rfc3339(room.opens_ms),
        pass_seconds=room.pass_seconds,
        places_per_pass=room.places_per_pass,
        max_inside=room.max_inside,
        per_minute=room.per_minute,
    )


def _list_view(waiting: catalogue.WaitingList) -> WaitingList:
    return WaitingList(waiting.offer_seconds, optional_rfc3339(waiting.ends_ms), waiting.fill_gaps)


def _schedule_view(schedule: catalogue.Schedule) -> Schedule:
    every_day = schedule.weekdays == catalogue.EVERY_DAY
    return Schedule(
        times=[time_text(at) for at in schedule.times],
        capacity=schedule.capacity,
        weekdays=UNSET if every_day else schedule.weekdays,
        closed=schedule.closed or UNSET,
    )
