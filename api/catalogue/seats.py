"""The seats of an event: what each is now, and blocking them."""

from typing import Annotated, Any, ClassVar, Literal, NoReturn

import msgspec
from aiohttp import web
from msgspec import Meta

from api.app_keys import EDITOR
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import no_event, shown_event_of_path, shown_tickets
from api.catalogue.management_replies import event_reply
from api.catalogue.pages import PUBLIC_PAGES
from api.catalogue.schemas import CompactSeats, RowText, SeatPrice, SeatState
from api.catalogue.stock import STOCK, told_ms
from api.engine_problems import problem_of
from api.http.entity_tags import precondition_failed, wanted_revisions
from api.http.problems import not_found
from api.http.replies import Reply
from api.http.requests import ALL_DIFFERENT, DatabaseId, path_id, read_manifest, read_query, refuse_repeated
from api.http.times import rfc3339
from api.http.types import Money
from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.results.seats import SeatTaken
from engine.seats import AVAILABLE, BLOCKED, HELD, KEPT, LENT, PAYING, SOLD, RowSnapshot, SeatPlaces, SeatSnapshot
from sync.catalogue.refusals import OtherRevision, UnknownSeats

_MAX_AGE_SECONDS = 1
SEAT_STATES = {
    AVAILABLE: SeatState(0, "available"),
    HELD: SeatState(1, "held"),
    SOLD: SeatState(2, "sold"),
    BLOCKED: SeatState(3, "blocked"),
}
"""The meaning of a map's characters, after `_AS_SHOWN` was applied."""

_LENT = "".join(LENT.values())
_AS_SHOWN = str.maketrans(PAYING + KEPT + _LENT, HELD + SOLD + HELD + HELD + SOLD + SOLD)
"""Seats that are being paid for are shown as held, and those refunded and kept off sale as sold."""


class SeatsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/events/{event_id}/sections/{section_id}/seats."""

    format: Literal["compact"] | None = None


class BlockBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}/seats."""

    seat_ids: Annotated[list[DatabaseId], Meta(min_length=1, max_length=10_000), ALL_DIFFERENT]
    blocked: bool

    EXAMPLE: ClassVar[Any] = {"seat_ids": [57, 58], "blocked": True}


_BLOCK = msgspec.json.Decoder(BlockBody)


async def read_seats(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/sections/{section_id}/seats: reads all seats of the section as they are now.

    In the compact form a row is a text of one character per seat: `a`vailable, `h`eld, `s`old or `b`locked.
    """
    pages, stock = request.app[PUBLIC_PAGES], request.app[STOCK]
    if ready := await pages.ready(request):
        return ready
    query = read_query(request, SeatsQuery)
    event, places = await section_of_path(request)
    section_id = places.section.section_id
    seats = stock.map_of(event, section_id)

    def text() -> str:
        if seats.value is None:
            _no_section(section_id, event.event_id)
        return public_text(seats.value)

    prices = _json(_prices(shown_tickets(request, event), section_id, event.currency))

    def body() -> bytes:
        if query.format == "compact":
            return msgspec.json.encode(compact_view(places, text(), told_ms(seats)))
        return _seats_body(places, text(), prices, seats.kept)

    def tag() -> bytes:
        facts = section_id if query.format else f"{places.digest} {prices}"
        return f"{facts} {text()}".encode()

    dated = seats if query.format == "compact" else None
    return await pages.make(request, [seats], body, max_age=_MAX_AGE_SECONDS, tag_of=tag, dated=dated)


async def block_seats(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}/seats: takes seats off sale or puts them back on, all of them or none."""
    event_id = path_id(request, "event_id", "event")
    body = await read_manifest(request, _BLOCK)
    refuse_repeated("seat_ids", body.seat_ids, "a seat")
    event = await request.app[EDITOR].block_seats(
        event_id, body.seat_ids, blocked=body.blocked, revisions=wanted_revisions(request)
    )
    match event:
        case None:
            raise no_event(event_id)
        case OtherRevision():
            raise precondition_failed(f"Event {event_id}")
        case UnknownSeats(seat_ids=seat_ids):
            raise not_found(f"seat {seat_ids[0]} in the venue of event {event_id}")
        case SeatTaken():
            known = await request.app[CATALOGUE].event(event_id)
            raise problem_of(event, await request.app[CATALOGUE].seating(known) if known else None)
        case EventSnapshot():
            return await event_reply(request, event)


async def section_of_path(request: web.Request) -> tuple[EventSnapshot, SeatPlaces]:
    """The event and the section of seats that the path names, which the event offers. Raises Problem not_found."""
    event_id, section_id = path_id(request, "event_id", "event"), path_id(request, "section_id", "section")
    event = await shown_event_of_path(request)
    seating = await request.app[CATALOGUE].seating(event)
    places = seating.section(section_id) if seating else None
    if places is None or not any(section_id in each.section_ids for each in shown_tickets(request, event)):
        _no_section(section_id, event_id)
    if places.section.capacity:
        raise not_found(f"seat in section {section_id}, which is of general admission")
    return event, places


def _no_section(section_id: int, event_id: int) -> NoReturn:
    raise not_found(f"section {section_id} that event {event_id} offers")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _prices(tickets: list[TicketSnapshot], section_id: int, currency: str) -> list[SeatPrice]:
    """The tickets with which a seat of the section can be had."""
    return [
        SeatPrice(ticket.ticket_id, ticket.ticket_type, Money(ticket.unit_minor, currency))
        for ticket in tickets
        if section_id in ticket.section_ids
    ]


def _seats_body(places: SeatPlaces, text: str, prices: str, kept: dict[int, tuple[object, str]]) -> bytes:
    """The seats as JSON, put together as text: thousands of dicts would be a feast for the garbage collector.

    `kept`: the rows as they were the last time; those that are as they were are not made again.
    """
    ends = {character: f',"status":{_json(state)},"prices":{prices}}}' for character, state in SEAT_STATES.items()}
    for place, (row, characters) in enumerate(zip(places.section.rows, text.split("\n"), strict=True)):
        made_of = (row, prices, characters)
        if place in kept and kept[place][0] == made_of:
            continue
        name, first_seat_id = _json(row.name), row.first_seat_id
        seats = [
            f'{{"seat_id":{first_seat_id + offset},"row":{name},"number":{offset + 1},{facts}{ends[character]}'
            for offset, (character, facts) in enumerate(zip(characters, _facts(row), strict=True))
        ]
        kept[place] = made_of, ",".join(seats)
    return f'{{"items":[{",".join([text for _, text in kept.values()])}],"next_cursor":null}}'.encode()


def _facts(row: RowSnapshot) -> list[str]:
    """The members of each seat of a row that tell its label and what else is known of it."""
    if not row.known:
        return [f'"label":"{number}"' for number in range(1, row.seats + 1)]
    return [_json(_without_unknown(row.seat(offset)))[1:-1] for offset in range(row.seats)]


def _without_unknown(seat: SeatSnapshot) -> dict[str, object]:
    return {name: value for name, value in msgspec.structs.asdict(seat).items() if value is not None}


def public_text(text: str) -> str:
    """A map's text with paying seats shown as held."""
    return text.translate(_AS_SHOWN)


def compact_view(places: SeatPlaces, text: str, now_ms: int) -> CompactSeats:
    """The seats of a section, a text of one character per seat for each row."""
    rows = [
        RowText(row.name, row.first_seat_id, characters)
        for row, characters in zip(places.section.rows, text.split("\n"), strict=True)
    ]
    return CompactSeats(places.section.section_id, rfc3339(now_ms), rows)
