"""E-tickets to print and to show: the PDF of a reservation, and the QR code of one."""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from api.catalogue.cache import CATALOGUE
from api.doors.etickets import eticket_of_path, etickets_of
from api.doors.pdf import TicketPage, etickets_pdf, qr_svg
from api.doors.schemas import EticketView
from api.doors.views import EticketViews
from api.http.problems import Code, Problem
from api.http.replies import Reply
from engine.catalogue import EventSnapshot
from engine.ids import event_of, request_digest
from engine.slots import slot_start_ms
from engine.time_zones import time_zone
from engine.words import EticketState

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class DocumentCache:
    """Documents that were made lately, by what is in them; one is made at a time, beside the event loop."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._turn = asyncio.Lock()

    async def pdf(self, pages: list[TicketPage]) -> bytes:
        """The document of these pages."""
        name = request_digest(msgspec.json.encode(pages).decode())
        async with self._turn:
            known = self._known.get(name)
            if known is None:
                known = await asyncio.to_thread(etickets_pdf, pages)
                self._keep(name, known)
            self._known.move_to_end(name)
            return known

    def _keep(self, name: str, document: bytes) -> None:
        self._known[name] = document
        self._bytes += len(document)
        while self._bytes > self._most_bytes and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._bytes -= len(oldest)


DOCUMENTS: web.AppKey[DocumentCache] = web.AppKey("documents")


async def read_etickets_pdf(request: web.Request) -> Reply:
    """GET /v1/reservations/{reservation_id}/etickets.pdf: reads the e-tickets that admit, a page for each."""
    reservation_id = request.match_info["reservation_id"]
    etickets = await etickets_of(request, reservation_id)
    views = await EticketViews.of(request, event_of(reservation_id) or 0)
    shown = [view for view in map(views.view, etickets) if view.status is not EticketState.VOID]
    if not shown:
        raise Problem(Code.NOT_HELD, "The reservation has no e-tickets: it is not paid, or was refunded.")
    venue = await _venue_name(request, views.event)
    pages = [
        _page(views.event, venue, reservation_id, view, f"{number} of {len(shown)}")
        for number, view in enumerate(shown, 1)
    ]
    document = await request.app[DOCUMENTS].pdf(pages)
    headers = {
        "Content-Type": "application/pdf",
        "Content-Disposition": f'inline; filename="etickets-{reservation_id}.pdf"',
    }
    return Reply(document, headers, coded=True)


async def read_eticket_qr(request: web.Request) -> Reply:
    """GET /v1/etickets/{serial}/qr.svg: reads the QR code of an e-ticket as a picture."""
    event_id, numbered = await eticket_of_path(request)
    views = await EticketViews.of(request, event_id)
    view = views.view(numbered)
    if view.status is EticketState.VOID:
        raise Problem(Code.NOT_HELD, "The e-ticket is void, so it has no code that admits.")
    return Reply(qr_svg(view.code), {"Content-Type": "image/svg+xml"})


async def _venue_name(request: web.Request, event: EventSnapshot | None) -> str | None:
    seating = await request.app[CATALOGUE].seating(event) if event else None
    return seating.venue.name if seating else None


def _page(
    event: EventSnapshot | None, venue: str | None, reservation_id: str, view: EticketView, number: str
) -> TicketPage:
    date, time = _when(event, view.slot)
    names = (view.holder.first_name, view.holder.last_name)
    seat = view.seat
    places = [("Section", seat.section), ("Row", seat.row), ("Seat", seat.label)] if seat else []
    return TicketPage(
        event=event.name if event else f"Event {view.serial}",
        date=date,
        time=time,
        venue=venue,
        ticket_type=view.ticket_type or "Ticket",
        places=places,
        holder=" ".join(filter(None, names)) or None,
        serial=f"{view.serial:,}".replace(",", " "),
        reservation_id=reservation_id,
        number=number,
        code=view.code,
    )


def _when(event: EventSnapshot | None, slot: str | None) -> tuple[str, str]:
    """The local date, and the time with that of the doors if it is on the same day."""
    if event is None:
        return "", ""
    zone = time_zone(event.timezone)

    def local(ms: int) -> datetime:
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)

    at = local(slot_start_ms(slot, event.timezone) if slot else event.starts_ms)
    date = f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year}"
    time = f"{at:%H:%M}"
    doors = None if slot or event.doors_open_ms is None else local(event.doors_open_ms)
    return date, f"{time} (doors {doors:%H:%M})" if doors and doors.date() == at.date() else time
