"""Waiting lists as the API shows them."""

import msgspec

from api.http.times import optional_rfc3339, rfc3339
from api.sales.schemas import Customer
from api.sales.views import CustomerDetails
from api.waiting.schemas import Contact, WaitingEntry
from engine import records
from engine.words import WaitingState


class ContactDetails(msgspec.Struct, frozen=True):
    """The stored contact of an entry; empty once it was erased."""

    email: str | None = None


_DETAILS = msgspec.json.Decoder(CustomerDetails)
_CONTACT = msgspec.json.Decoder(ContactDetails)


def waiting_view(entry: records.WaitingEntry, position: int, *, as_joined: bool = False) -> WaitingEntry:
    """An entry; `as_joined`: as it was when the customer joined, without later changes. `position` 0: unknown."""
    names = _DETAILS.decode(entry.details)
    state = WaitingState.WAITING if as_joined else entry.state
    was_offered = entry.until_ms > 0 and not as_joined
    return WaitingEntry(
        id=entry.waiting_id,
        event_id=entry.event_id,
        ticket_id=entry.ticket_id,
        quantity=entry.quantity,
        customer=Customer(entry.customer_id, names.first_name, names.last_name),
        contact=Contact(_CONTACT.decode(entry.contact).email),
        status=state,
        position=position or None if state is WaitingState.WAITING else None,
        reservation_id=entry.waiting_id if was_offered else None,
        offer_expires_at=optional_rfc3339(entry.until_ms if was_offered else None),
        created_at=rfc3339(entry.created_ms),
    )
