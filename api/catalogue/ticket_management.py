"""Adding, changing and deleting tickets. The catalogue is Postgres': with Postgres away these answer 503."""

import msgspec
from aiohttp import web
from msgspec import UNSET

from api.access.callers import caller_of
from api.app_keys import EDITOR
from api.catalogue.bodies import TicketBody, TicketPatch
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import no_event, refreshed_event
from api.catalogue.management_replies import deletion_reply
from api.catalogue.sale_window import SALE_WINDOW, check_instants, check_window, optional_ms
from api.catalogue.ticket_bodies import new_ticket, no_section
from api.catalogue.tickets import ticket_reply
from api.engine_problems import problem_of
from api.http.entity_tags import precondition_failed, wanted_revisions
from api.http.problems import invalid, not_found
from api.http.replies import Reply
from api.http.requests import other_currency, path_id, read_body
from api.idempotency import creation_of, once
from engine.results.events import BelowTaken, InUse
from sync.catalogue.fields import TicketChanges
from sync.catalogue.refusals import OtherCurrency, OtherRevision, WrongVenue

_TICKET = msgspec.json.Decoder(TicketBody)
_TICKET_PATCH = msgspec.json.Decoder(TicketPatch)


async def add_ticket(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/tickets: adds a ticket."""
    event_id = path_id(request, "event_id", "event")
    body = await read_body(request, _TICKET)
    before = await refreshed_event(request, event_id)
    seating = await request.app[CATALOGUE].seating(before)
    offered = new_ticket(body, "", seating, before.currency, timed=before.schedule is not None)

    what = f"tickets of {event_id}"

    async def add() -> Reply:
        added = await request.app[EDITOR].add_ticket(event_id, offered, creation_of(request, what, body))
        if added is None:
            raise no_event(event_id)
        if isinstance(added, WrongVenue):
            raise no_section(added.section_ids[0])
        if isinstance(added, OtherCurrency):
            raise other_currency(added.given, added.currency)
        await request.app[CATALOGUE].refresh_everywhere()
        return await ticket_reply(request, added.event, added.ticket_id, status=201)

    return await once(request, what, body, add)


async def change_ticket(request: web.Request) -> Reply:
    """PATCH /v1/tickets/{ticket_id}: changes the given fields."""
    ticket_id = path_id(request, "ticket_id", "ticket")
    patch = await read_body(request, _TICKET_PATCH)
    await _check_may_manage(request, ticket_id)
    if patch.capacity is not UNSET:
        await _check_has_capacity(request, ticket_id)
    check_instants(patch, SALE_WINDOW)
    await _check_window_of_ticket(request, ticket_id, patch)
    changes = {name: getattr(patch, name) for name in TicketChanges.__struct_fields__ if hasattr(patch, name)}
    event = await request.app[EDITOR].update_ticket(
        ticket_id,
        TicketChanges(
            unit_minor=UNSET if patch.price is UNSET else patch.price.amount,
            currency=UNSET if patch.price is UNSET else patch.price.currency,
            **changes,
        ),
        wanted_revisions(request),
    )
    if isinstance(event, OtherRevision):
        raise precondition_failed(f"Ticket {ticket_id}")
    if event is None:
        raise not_found(f"ticket {ticket_id}")
    if isinstance(event, BelowTaken | InUse):
        raise problem_of(event)
    if isinstance(event, OtherCurrency):
        raise other_currency(event.given, event.currency)
    await request.app[CATALOGUE].refresh_everywhere()
    return await ticket_reply(request, event, ticket_id)


async def delete_ticket(request: web.Request) -> Reply:
    """DELETE /v1/tickets/{ticket_id}: deletes a ticket that was never held or sold."""
    ticket_id = path_id(request, "ticket_id", "ticket")
    await _check_may_manage(request, ticket_id)
    deleted = await request.app[EDITOR].delete_ticket(ticket_id, wanted_revisions(request))
    return await deletion_reply(request, f"Ticket {ticket_id}", deleted, not_found(f"ticket {ticket_id}"))


async def _check_may_manage(request: web.Request, ticket_id: int) -> None:
    """Raises Problem forbidden for a ticket of an event that the manager's token is not good for."""
    caller = caller_of(request)
    if caller.events is not None:
        event = await request.app[CATALOGUE].event_of_ticket(ticket_id)
        caller.check_events([] if event is None else [event.event_id])


async def _check_has_capacity(request: web.Request, ticket_id: int) -> None:
    """Raises Problem invalid if the ticket has assigned seats, or is timed."""
    event = await request.app[CATALOGUE].event_of_ticket(ticket_id)
    if event and event.schedule:
        raise invalid("capacity", "the event's slots define the places")
    if event and any(ticket.ticket_id == ticket_id and ticket.assigned for ticket in event.tickets):
        raise invalid("capacity", "the seats of its sections define the places; block seats instead")
    if event and any(ticket.ticket_id == ticket_id and ticket.section_ids for ticket in event.tickets):
        raise invalid("capacity", "the section defines the places, which all of its tickets share")


async def _check_window_of_ticket(request: web.Request, ticket_id: int, patch: TicketPatch) -> None:
    """Raises Problem invalid for a window that closes before it opens."""
    event = await request.app[CATALOGUE].event_of_ticket(ticket_id)
    if event is not None and ticket_id in event.ticket_by_id:
        before = event.ticket_by_id[ticket_id]
        check_window(
            before.sale_opens_ms if patch.sale_opens_at is UNSET else optional_ms(patch.sale_opens_at),
            before.sale_closes_ms if patch.sale_closes_at is UNSET else optional_ms(patch.sale_closes_at),
        )
