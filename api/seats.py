"""The seats of an event: what each is now, and blocking them."""

from typing import Annotated, Literal, NoReturn

import msgspec
from aiohttp import web
from msgspec import Meta

from api.answers import CompactSeats, RowText, SeatPrice, SeatState
from api.bodies import ALL_DIFFERENT, DatabaseId, path_id, read_manifest, read_query
from api.keys import CATALOGUE, EDITOR, ENGINE
from api.manage import event_reply
from api.problems import invalid, not_found
from api.refusals import seat_taken
from api.replies import Reply, tagged_reply
from api.times import rfc3339
from api.views import money
from engine.catalogue import EventSnapshot
from engine.commands import ReadSeatMap
from engine.results import SeatMap, SeatTaken
from engine.seats import BLOCKED, SeatPlaces, section_pool
from sync.catalogue import UnknownSeats

_MAX_AGE_SECONDS = 1
_STATES = {
    "a": SeatState(0, "available"),
    "h": SeatState(1, "held"),
    "s": SeatState(2, "sold"),
    BLOCKED: SeatState(3, "blocked"),
}
"""What the characters of a map say, once `_PAYING_AS_HELD` was at it."""

_PAYING_AS_HELD = str.maketrans("p", "h")


class SeatsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/events/{event_id}/sections/{section_id}/seats."""

    format: Literal["compact"] | None = None


class BlockBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}/seats."""

    seat_ids: Annotated[list[DatabaseId], Meta(min_length=1, max_length=10_000), ALL_DIFFERENT]
    blocked: bool


_BLOCK = msgspec.json.Decoder(BlockBody)


async def read_seats(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/sections/{section_id}/seats: all seats of the section as they are now.

    In the compact form a row is a text of one character per seat: `a`vailable, `h`eld, `s`old or `b`locked.
    """
    query = read_query(request, SeatsQuery)
    event, places = await _section_of_path(request)
    section = places.section
    seats = await request.app[ENGINE].submit(ReadSeatMap(event.event_id, section_pool(section.section_id)))
    if not isinstance(seats, SeatMap):
        _no_section(section.section_id, event.event_id)
    text = seats.text.translate(_PAYING_AS_HELD)
    if query.format == "compact":
        return tagged_reply(
            request,
            f"{section.section_id} {text}".encode(),
            lambda: msgspec.json.encode(_compact_view(places, text, seats.now_ms)),
            max_age=_MAX_AGE_SECONDS,
        )
    prices = _json(_prices(event, section.section_id))
    return tagged_reply(
        request,
        f"{prices} {text}".encode(),
        lambda: _seats_body(places, text, prices),
        max_age=_MAX_AGE_SECONDS,
    )


async def block_seats(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}/seats: takes seats off sale or puts them back on, all of them or none."""
    event_id = path_id(request, "event_id", "event")
    body = await read_manifest(request, _BLOCK)
    if len(set(body.seat_ids)) < len(body.seat_ids):
        raise invalid("seat_ids", "a seat is named more than once")
    event = await request.app[EDITOR].block_seats(event_id, body.seat_ids, blocked=body.blocked)
    match event:
        case None:
            raise not_found(f"event {event_id}")
        case UnknownSeats(seat_ids=seat_ids):
            raise not_found(f"seat {seat_ids[0]} in the venue of event {event_id}")
        case SeatTaken():
            known = await request.app[CATALOGUE].event_now(event_id)
            raise seat_taken(event, await request.app[CATALOGUE].seating(known) if known else None)
        case EventSnapshot():
            return await event_reply(request, event)


async def _section_of_path(request: web.Request) -> tuple[EventSnapshot, SeatPlaces]:
    """The event and the section that the path names, which the event offers. Raises Problem not_found."""
    event_id, section_id = path_id(request, "event_id", "event"), path_id(request, "section_id", "section")
    event = await request.app[CATALOGUE].event_now(event_id)
    if event is None:
        raise not_found(f"event {event_id}")
    seating = await request.app[CATALOGUE].seating(event)
    places = seating.section(section_id) if seating else None
    if places is None or not any(section_id in ticket.section_ids for ticket in event.tickets):
        _no_section(section_id, event_id)
    return event, places


def _no_section(section_id: int, event_id: int) -> NoReturn:
    raise not_found(f"section {section_id} that event {event_id} offers")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _prices(event: EventSnapshot, section_id: int) -> list[SeatPrice]:
    """The tickets with which a seat of the section can be had."""
    return [
        SeatPrice(ticket.ticket_id, ticket.ticket_type, money(ticket.unit_minor))
        for ticket in event.tickets
        if section_id in ticket.section_ids
    ]


def _seats_body(places: SeatPlaces, text: str, prices: str) -> bytes:
    """The seats as JSON, put together as text: thousands of dicts would be a feast for the garbage collector."""
    ends = {character: f',"status":{_json(state)},"prices":{prices}}}' for character, state in _STATES.items()}
    seats: list[str] = []
    for row, characters in zip(places.section.rows, text.split("\n"), strict=True):
        name, first_seat_id = _json(row.name), row.first_seat_id
        seats += [
            f'{{"seat_id":{first_seat_id + offset},"row":{name},"number":{offset + 1}{ends[character]}'
            for offset, character in enumerate(characters)
        ]
    return f'{{"items":[{",".join(seats)}],"next_cursor":null}}'.encode()


def _compact_view(places: SeatPlaces, text: str, now_ms: int) -> CompactSeats:
    rows = [
        RowText(row.name, row.first_seat_id, characters)
        for row, characters in zip(places.section.rows, text.split("\n"), strict=True)
    ]
    return CompactSeats(places.section.section_id, rfc3339(now_ms), rows)
