"""E-tickets and check-ins as the API shows them."""

import base64

from aiohttp import web

from api.app_keys import ENGINE, SETTINGS
from api.catalogue.cache import CATALOGUE
from api.catalogue.schemas import Seat
from api.catalogue.seating import Seating
from api.doors.schemas import EticketView, HolderNames, Jwk
from engine.catalogue import EventSnapshot
from engine.etickets import EticketKeys, Named, decode_holder, serial_of
from engine.records import Eticket, Line, NumberedEticket
from engine.settings import listed
from engine.slots import slot_of_pool
from engine.words import EticketState, EventStatus


def eticket_keys(request: web.Request, event_id: int) -> EticketKeys:
    """The keys by which codes of an event are signed."""
    secrets = [secret.encode() for secret in listed(request.app[SETTINGS].eticket_secrets)]
    return EticketKeys(secrets or [request.app[ENGINE].id_secret(event_id)])


def key_set(request: web.Request, event: EventSnapshot) -> list[Jwk]:
    """The public keys of an event, the newest first."""
    keys = eticket_keys(request, event.event_id).public_keys(event.event_id, event.eticket_keys)
    return [Jwk(key.kid, base64.urlsafe_b64encode(key.public.public_bytes_raw()).rstrip(b"=").decode()) for key in keys]


class EticketViews:
    """Makes views of e-tickets of one event."""

    def __init__(
        self, request: web.Request, event_id: int, event: EventSnapshot | None, seating: Seating | None
    ) -> None:
        self.event_id, self.event, self.seating = event_id, event, seating
        self._keys = eticket_keys(request, event_id)

    @classmethod
    async def of(cls, request: web.Request, event_id: int) -> "EticketViews":
        """The views of an event, in its venue. Raises Fault."""
        catalogue = request.app[CATALOGUE]
        event = await catalogue.event(event_id)
        return cls(request, event_id, event, await catalogue.seating(event) if event else None)

    def view(self, numbered: NumberedEticket, code: str | None = None) -> EticketView:
        """An e-ticket; `code`: the one that was scanned, if the caller must not learn a new one."""
        number, eticket = numbered.number, numbered.eticket
        event = self.event
        holder = decode_holder(eticket.holder)
        named = Named(self.event_id, number, eticket.issue)
        return EticketView(
            serial=serial_of(self.event_id, number),
            code=self._keys.code(named, event.eticket_keys if event else 1) if code is None else code,
            ticket_id=eticket.ticket_id,
            ticket_type=self.ticket_type(eticket.ticket_id),
            seat=self.seat(eticket),
            slot=slot_of_pool(eticket.pool),
            holder=HolderNames(holder.first_name, holder.last_name),
            status=EticketState.VOID if event and event.status is EventStatus.CANCELLED else eticket.state,
        )

    def ticket_type(self, ticket_id: int) -> str | None:
        """The name of a ticket; None if the catalogue no longer has it."""
        ticket = self.event.ticket_by_id.get(ticket_id) if self.event else None
        return ticket.ticket_type if ticket else None

    def seat(self, eticket: Eticket) -> Seat | None:
        """The seat, if it has one."""
        if not eticket.seat or self.seating is None:
            return None
        return self.seating.seats_of(Line(eticket.ticket_id, eticket.pool, 1, 0, [eticket.seat]))[0]
