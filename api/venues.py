"""Venues and their manifests. A manifest never changes."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from api.answers import NumberedSeat, Page, Row, Section, SectionSize, Venue
from api.bodies import DatabaseId, Text, path_id, read_manifest, read_query
from api.keys import CATALOGUE, VENUES
from api.pages import PageQuery, decode_cursor, encode_cursor
from api.problems import invalid, not_found
from api.replies import Reply, cached_reply, json_reply, tagged_reply
from api.seating import Seating
from engine.seats import SectionSnapshot, VenueSnapshot
from sync.venues import NewRow, NewSection, NewVenue

_MAX_SEATS = 200_000
_MAX_AGE_SECONDS = 60


class RowBody(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """A row of so many seats."""

    name: Text
    seats: Annotated[int, Meta(ge=1, le=1000)]


class SectionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section with its rows, the best first."""

    name: Text
    rows: Annotated[list[RowBody], Meta(min_length=1, max_length=2000)]


class VenueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/venues: the whole manifest, at most 200,000 seats."""

    name: Text
    sections: Annotated[list[SectionBody], Meta(min_length=1, max_length=200)]


_VENUE = msgspec.json.Decoder(VenueBody)


async def create_venue(request: web.Request) -> Reply:
    """POST /v1/venues: a new venue, with its whole manifest. Events can take place there when the 201 is out."""
    body = await read_manifest(request, _VENUE)
    _check_names("sections", (section.name for section in body.sections))
    for place, section in enumerate(body.sections):
        _check_names(f"sections[{place}].rows", (row.name for row in section.rows))
    if sum(row.seats for section in body.sections for row in section.rows) > _MAX_SEATS:
        raise invalid("sections", f"a venue may have {_MAX_SEATS} seats")
    venue = await request.app[VENUES].create(
        NewVenue(
            body.name,
            [
                NewSection(section.name, [NewRow(row.name, row.seats) for row in section.rows])
                for section in body.sections
            ],
        )
    )
    return json_reply(_venue_view(venue), status=201, headers={"Location": f"/v1/venues/{venue.venue_id}"})


async def list_venues(request: web.Request) -> Reply:
    """GET /v1/venues: all venues, by id."""
    query = read_query(request, PageQuery)
    catalogue = request.app[CATALOGUE]
    after = decode_cursor(query.cursor, DatabaseId) or 0
    wanted = [venue_id for venue_id in await catalogue.venue_ids() if venue_id > after]
    shown = [await catalogue.venue(venue_id) for venue_id in wanted[: query.limit]]
    items = [_venue_view(seating.venue) for seating in shown if seating]
    listed = Page(items, encode_cursor(items[-1].id) if len(wanted) > len(shown) else None)
    return cached_reply(request, listed, max_age=0)


async def read_venue(request: web.Request) -> Reply:
    """GET /v1/venues/{venue_id}: a venue."""
    return cached_reply(request, _venue_view((await _venue_of_path(request)).venue), max_age=_MAX_AGE_SECONDS)


async def list_sections(request: web.Request) -> Reply:
    """GET /v1/venues/{venue_id}/sections: all its sections, with rows and seats."""
    venue = (await _venue_of_path(request)).venue
    return tagged_reply(
        request,
        msgspec.json.encode(venue),
        lambda: msgspec.json.encode(Page([_section_view(section) for section in venue.sections], None)),
        max_age=_MAX_AGE_SECONDS,
    )


async def _venue_of_path(request: web.Request) -> Seating:
    venue_id = path_id(request, "venue_id", "venue")
    seating = await request.app[CATALOGUE].venue(venue_id)
    if seating is None:
        raise not_found(f"venue {venue_id}")
    return seating


def _check_names(path: str, names: Iterable[str]) -> None:
    """Raises Problem invalid for a name that is there before: a ticket would lead to two places."""
    known: set[str] = set()
    for place, name in enumerate(names):
        if name in known:
            raise invalid(f"{path}[{place}].name", "another one has this name")
        known.add(name)


def _venue_view(venue: VenueSnapshot) -> Venue:
    sections = [
        SectionSize(section.section_id, section.name, sum(row.seats for row in section.rows))
        for section in venue.sections
    ]
    return Venue(venue.venue_id, venue.name, sum(section.capacity for section in sections), sections)


def _section_view(section: SectionSnapshot) -> Section:
    rows = [
        Row(row.name, [NumberedSeat(row.first_seat_id + offset, offset + 1) for offset in range(row.seats)])
        for row in section.rows
    ]
    return Section(section.section_id, section.name, rows)
