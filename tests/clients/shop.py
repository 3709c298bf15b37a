"""A shop's back end over the generated client: it must pass the type checker, and tell one problem from another."""

import datetime

from generated.onsale_client import AuthenticatedClient
from generated.onsale_client.api.managing import create_event
from generated.onsale_client.api.reservations import create_reservation
from generated.onsale_client.models import (
    CustomerBody,
    Event,
    EventBody,
    ItemBody,
    NewReservation,
    Problem409,
    Problem422,
    Reservation,
)
from generated.onsale_client.types import Unset


def new_event(client: AuthenticatedClient) -> int:
    """Fields with a default may be left out."""
    starts_at = datetime.datetime(2027, 6, 1, 18, tzinfo=datetime.UTC)
    made = create_event.sync(client=client, body=EventBody(name="Big event", starts_at=starts_at))
    return made.id if isinstance(made, Event) else 0


def reserve(client: AuthenticatedClient, ticket_id: int) -> str:
    """The outcome in words: each kind of problem has its type."""
    body = NewReservation(items=[ItemBody(ticket_id=ticket_id, quantity=2)], customer=CustomerBody(id="22"))
    said = create_reservation.sync(client=client, body=body, idempotency_key="a-key-of-this-click")
    if isinstance(said, Reservation):
        return said.id
    if isinstance(said, Problem409):
        status: int = said.status
        left = 0 if isinstance(said.available, Unset) else said.available
        return f"{status} {said.code}: {left} left"
    if isinstance(said, Problem422) and not isinstance(said.fields, Unset):
        return "\n".join(f"{field.path}: {field.message}" for field in said.fields)
    return "" if said is None else said.detail
