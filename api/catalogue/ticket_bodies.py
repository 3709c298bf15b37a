"""Tickets in bodies of requests, checked against the venue of their event."""

from msgspec import UNSET

from api.catalogue.bodies import TicketBody
from api.catalogue.sale_window import SALE_WINDOW, check_instants, check_window, optional_ms
from api.catalogue.seating import Seating
from api.http.problems import Problem, invalid, not_found
from api.http.requests import check_currency, refuse_repeated
from sync.catalogue.fields import NewTicket


def new_ticket(ticket: TicketBody, path: str, seating: Seating | None, currency: str, *, timed: bool) -> NewTicket:
    """The ticket that a body describes.

    Raises Problem: currency_not_supported, invalid, or not_found for a section that the venue does not have.
    """
    check_currency(ticket.price.currency, currency)
    check_instants(ticket, SALE_WINDOW, path)
    check_window(optional_ms(ticket.sale_opens_at), optional_ms(ticket.sale_closes_at), path)
    own = {name: getattr(ticket, name) for name in (*SALE_WINDOW, "paused", "hidden", "min_quantity")}
    own["currency"] = currency
    if timed:
        for name in ("capacity", "section_ids"):
            if getattr(ticket, name) is not UNSET:
                raise invalid(f"{path}{name}", "the slots of a timed event define its places; leave it out")
        return NewTicket(ticket.ticket_type, ticket.price.amount, **own)
    if ticket.section_ids is UNSET:
        if ticket.capacity is UNSET:
            raise invalid(f"{path}capacity", "required, but missing; or give section_ids")
        return NewTicket(ticket.ticket_type, ticket.price.amount, ticket.capacity, **own)
    if ticket.capacity is not UNSET:
        raise invalid(f"{path}capacity", "the sections of section_ids define the places; leave capacity out")
    if seating is None:
        raise invalid(f"{path}section_ids", "the event has no venue")
    refuse_repeated(f"{path}section_ids", ticket.section_ids, "a section")
    for section_id in ticket.section_ids:
        if seating.section(section_id) is None:
            raise no_section(section_id)
    _check_one_kind(ticket.section_ids, seating, path)
    return NewTicket(ticket.ticket_type, ticket.price.amount, section_ids=ticket.section_ids, **own)


def _check_one_kind(section_ids: list[int], seating: Seating, path: str) -> None:
    """Raises Problem invalid for a section without seats beside others."""
    if len(section_ids) > 1:
        for place, section_id in enumerate(section_ids):
            section = seating.section(section_id)
            if section is not None and section.section.capacity:
                raise invalid(
                    f"{path}section_ids[{place}]",
                    "the section has no seats, so a ticket of it offers no other; make a ticket for each",
                )


def no_section(section_id: int) -> Problem:
    """404 about a section."""
    return not_found(f"section {section_id} in the event's venue")
