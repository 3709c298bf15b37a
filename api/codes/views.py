"""Codes as the API shows them."""

from msgspec import UNSET

from api.codes.schemas import CodeOffer, CodeView, OfferedTicketView
from api.http.times import optional_rfc3339, rfc3339
from api.http.types import Money
from engine.catalogue import EventSnapshot
from engine.results.codes import CodeFound
from engine.stock import CodeCounts
from engine.words import CodeKind
from sync.codes.terms import StoredCode


def code_view(stored: StoredCode, counts: CodeCounts, event: EventSnapshot) -> CodeView:
    """A code with what is used of it."""
    fields, currency = stored.fields, event.currency
    discount = fields.kind is CodeKind.DISCOUNT
    return CodeView(
        code=stored.code,
        kind=fields.kind,
        ticket_ids=fields.ticket_ids or None,
        max_uses=fields.max_uses,
        max_places_per_use=fields.max_places_per_use,
        valid_from=optional_rfc3339(fields.valid_from),
        valid_until=optional_rfc3339(fields.valid_until),
        customer_id=fields.customer_id,
        tag=fields.tag,
        created_at=rfc3339(round(stored.created_at.timestamp() * 1000)),
        uses=counts.uses,
        places_held=counts.held + counts.paying,
        places_sold=counts.sold,
        percent=UNSET if fields.percent is None else fields.percent,
        amount_off=UNSET if fields.amount_off_minor is None else Money(fields.amount_off_minor, currency),
        price=UNSET if fields.price_minor is None else Money(fields.price_minor, currency),
        budget=(None if fields.budget_minor is None else Money(fields.budget_minor, currency)) if discount else UNSET,
        saved=Money(counts.spent_minor, currency) if discount else UNSET,
        places=UNSET if fields.places is None else fields.places,
        places_left=counts.free if fields.kind is CodeKind.ALLOCATION else UNSET,
        opens_at=optional_rfc3339(fields.opens_at) if fields.kind is CodeKind.ACCESS else UNSET,
    )


def offer_view(event: EventSnapshot, code: str, found: CodeFound) -> CodeOffer:
    """The tickets that a code opens, with their prices."""
    return CodeOffer(
        event_id=event.event_id,
        code=code,
        kind=found.kind,
        opens_at=optional_rfc3339(found.opens_ms or None),
        valid_until=optional_rfc3339(found.until_ms or None),
        max_places_per_use=found.max_places or None,
        tickets=[
            OfferedTicketView(
                id=offered.ticket_id,
                ticket_type=ticket.ticket_type,
                price=Money(offered.unit_minor, event.currency),
                regular_price=Money(offered.full_minor, event.currency),
                available=None if offered.available < 0 else offered.available,
            )
            for offered in found.tickets
            if (ticket := event.ticket_by_id.get(offered.ticket_id)) is not None
        ],
    )
