"""Venues and their manifests. Of seats only labels and flags change, never their number."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from api.app_keys import VENUES
from api.catalogue.cache import CATALOGUE
from api.catalogue.pages import PUBLIC_PAGES
from api.catalogue.pretix import MAX_SEATS, MAX_SECTION_SEATS, PLAN, Coordinate, Label, plan_of_venue, venue_of_plan
from api.catalogue.schemas import NumberedSeat, Row, Section, SectionSize, Venue
from api.catalogue.seating import Seating
from api.http.entity_tags import precondition_failed, revised_reply, tagged, wanted_revisions
from api.http.pagination import PageQuery, decode_cursor, next_cursor
from api.http.problems import invalid, not_found
from api.http.replies import Reply
from api.http.requests import DatabaseId, path_id, read_manifest, read_manifest_text, read_query
from api.http.text import Text
from api.http.types import Page
from api.idempotency import creation_of, once
from engine.seats import RowSnapshot, SeatSnapshot, SectionSnapshot, VenueSnapshot
from sync.catalogue.refusals import OtherRevision, RepeatedLabel, UnknownSeats
from sync.catalogue.venues import NewRow, NewSection, NewVenue, VenueChanges

_MAX_AGE_SECONDS = 60


SectionCapacity = Annotated[int, Meta(ge=1, le=10_000_000)]


class SeatBody(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """A seat: what stands on it, and what else is known of it. `x` and `y`: where it stands on a plan."""

    label: Label
    accessible: bool | None = None
    companion: bool | None = None
    restricted_view: bool | None = None
    x: Coordinate | None = None
    y: Coordinate | None = None


class RowBody(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """A row of seats: that many, labelled from 1, or each of them."""

    name: Text
    seats: Annotated[int, Meta(ge=1, le=1000)] | Annotated[list[SeatBody], Meta(min_length=1, max_length=1000)]

    @property
    def size(self) -> int:
        """The number of seats."""
        return self.seats if isinstance(self.seats, int) else len(self.seats)


class SectionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section with its rows, the best first; or a capacity and no rows, for general admission within it."""

    name: Text
    rows: Annotated[list[RowBody], Meta(min_length=1, max_length=2000)] | UnsetType = UNSET
    capacity: SectionCapacity | UnsetType = UNSET

    @property
    def seats(self) -> int:
        """The number of its seats."""
        return 0 if self.rows is UNSET else sum(row.size for row in self.rows)


class VenueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/venues: the whole manifest, at most 200,000 seats, 20,000 in a section."""

    name: Text
    sections: Annotated[list[SectionBody], Meta(min_length=1, max_length=200)]

    EXAMPLE: ClassVar[Any] = {
        "name": "Hall",
        "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 20}, {"name": "B", "seats": 20}]}],
    }


class VenueQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of POST /v1/venues and GET /v1/venues/{venue_id}. `pretix`: as a seating plan of pretix."""

    format: Literal["pretix"] | None = None


class SeatPatch(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """Changes of a seat: missing fields stay; null: it is unknown."""

    seat_id: DatabaseId
    label: Label | UnsetType = UNSET
    accessible: bool | UnsetType | None = UNSET
    companion: bool | UnsetType | None = UNSET
    restricted_view: bool | UnsetType | None = UNSET
    x: Coordinate | UnsetType | None = UNSET
    y: Coordinate | UnsetType | None = UNSET


class VenuePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/venues/{venue_id}: missing fields and seats stay. The number of seats never changes."""

    name: Text | UnsetType = UNSET
    seats: Annotated[list[SeatPatch], Meta(max_length=10_000)] = []

    EXAMPLE: ClassVar[Any] = {"name": "Great Hall", "seats": [{"seat_id": 101, "label": "13A", "accessible": True}]}


_VENUE = msgspec.json.Decoder(VenueBody)
_PATCH = msgspec.json.Decoder(VenuePatch)


async def create_venue(request: web.Request) -> Reply:
    """POST /v1/venues: creates a venue with its whole manifest. Events can use it from the 201 on.

    With `format=pretix` the body is a seating plan of pretix, whose zones become sections.
    """
    if read_query(request, VenueQuery).format == "pretix":
        plan, text = await read_manifest_text(request, PLAN)
        new = await asyncio.to_thread(venue_of_plan, plan, text)
        return await once(request, "venues", plan, partial(_create, request, new, plan))
    body = await read_manifest(request, _VENUE)
    _check_names("sections", (section.name for section in body.sections))
    for place, section in enumerate(body.sections):
        _check_section(f"sections[{place}]", section)
    if sum(section.seats for section in body.sections) > MAX_SEATS:
        raise invalid("sections", f"a venue may have at most {MAX_SEATS} seats")

    new = NewVenue(body.name, [_new_section(section) for section in body.sections])
    return await once(request, "venues", body, partial(_create, request, new, body))


async def _create(request: web.Request, new: NewVenue, body: msgspec.Struct) -> Reply:
    venue = await request.app[VENUES].create(new, creation_of(request, "venues", body))
    await request.app[CATALOGUE].refresh_everywhere()
    location = f"/v1/venues/{venue.venue_id}"
    return revised_reply(request, _venue_view(venue), venue.revision, status=201, location=location)


def _check_section(path: str, section: SectionBody) -> None:
    """Raises Problem invalid."""
    if section.rows is UNSET:
        if section.capacity is UNSET:
            raise invalid(f"{path}.rows", "required, but missing; or give a capacity, for places without seats")
        return
    if section.capacity is not UNSET:
        raise invalid(f"{path}.capacity", "the rows define the places; leave it out")
    _check_names(f"{path}.rows", (row.name for row in section.rows))
    if section.seats > MAX_SECTION_SEATS:
        raise invalid(f"{path}.rows", f"a section may have at most {MAX_SECTION_SEATS} seats")
    for number, row in enumerate(section.rows):
        if not isinstance(row.seats, int):
            _check_names(f"{path}.rows[{number}].seats", (seat.label for seat in row.seats), what="label")


def _new_section(section: SectionBody) -> NewSection:
    rows = [] if section.rows is UNSET else section.rows
    capacity = 0 if section.capacity is UNSET else section.capacity
    return NewSection(section.name, [NewRow(row.name, row.size, _known(row)) for row in rows], capacity)


async def change_venue(request: web.Request) -> Reply:
    """PATCH /v1/venues/{venue_id}: changes the name, and labels and flags of seats."""
    venue_id = path_id(request, "venue_id", "venue")
    patch = await read_manifest(request, _PATCH)
    seats = {
        seat.seat_id: {
            name: value
            for name, value in msgspec.structs.asdict(seat).items()
            if value is not UNSET and name != "seat_id"
        }
        for seat in patch.seats
    }
    if len(seats) < len(patch.seats):
        raise invalid("seats", "a seat is listed more than once")
    changes = VenueChanges(None if patch.name is UNSET else patch.name, seats)
    match await request.app[VENUES].update(venue_id, changes, wanted_revisions(request)):
        case None:
            raise not_found(f"venue {venue_id}")
        case OtherRevision():
            raise precondition_failed(f"Venue {venue_id}")
        case UnknownSeats(seat_ids=seat_ids):
            raise not_found(f"seat {seat_ids[0]} in venue {venue_id}")
        case RepeatedLabel(seat_id=seat_id):
            raise invalid(f"seats[{list(seats).index(seat_id)}].label", "the label is used more than once")
        case VenueSnapshot() as venue:
            await request.app[CATALOGUE].refresh_everywhere()
            return revised_reply(request, _venue_view(venue), venue.revision)


def _given(seat: SeatPatch) -> dict[str, Any]:
    """The members of a seat that a body changes."""
    values = msgspec.structs.asdict(seat)
    return {name: value for name, value in values.items() if value is not UNSET and name != "seat_id"}


def _known(row: RowBody) -> list[SeatSnapshot]:
    """The facts of each seat of a row, as a body has them."""
    if isinstance(row.seats, int):
        return []
    return [SeatSnapshot(**msgspec.structs.asdict(seat)) for seat in row.seats]


async def list_venues(request: web.Request) -> Reply:
    """GET /v1/venues: lists all venues, by id."""
    pages, catalogue = request.app[PUBLIC_PAGES], request.app[CATALOGUE]
    if ready := await pages.ready(request):
        return ready
    query = read_query(request, PageQuery)
    after = decode_cursor(request.path, query.cursor, DatabaseId) or 0
    wanted = [venue_id for venue_id in await catalogue.venue_ids() if venue_id > after]
    shown = [await catalogue.venue(venue_id) for venue_id in wanted[: query.limit]]
    items = [_venue_view(seating.venue) for seating in shown if seating]
    listed = Page(items, next_cursor(request.path, wanted, query.limit, int))
    return await pages.make(request, [], lambda: msgspec.json.encode(listed))


async def read_venue(request: web.Request) -> Reply:
    """GET /v1/venues/{venue_id}: reads a venue; with `format=pretix` as a seating plan of pretix."""
    pages = request.app[PUBLIC_PAGES]
    if ready := await pages.ready(request):
        return ready
    query = read_query(request, VenueQuery)
    seating = await _venue_of_path(request)
    venue = seating.venue
    if query.format == "pretix":
        if seating.plan_text is None:
            kept = await request.app[VENUES].plan(venue.venue_id)
            seating.plan_text = await asyncio.to_thread(plan_of_venue, venue, kept)
        headers = {"Content-Type": "application/json", "Cache-Control": f"public, max-age={_MAX_AGE_SECONDS}"}
        return tagged(request, Reply(seating.plan_text, headers, 200), venue.revision)
    return await pages.make(
        request,
        [],
        lambda: msgspec.json.encode(_venue_view(venue)),
        max_age=_MAX_AGE_SECONDS,
        revision=venue.revision,
    )


async def list_sections(request: web.Request) -> Reply:
    """GET /v1/venues/{venue_id}/sections: lists all its sections, with rows and seats."""
    pages = request.app[PUBLIC_PAGES]
    if ready := await pages.ready(request):
        return ready
    seating = await _venue_of_path(request)

    def body() -> bytes:
        if not isinstance(seating.sections_text, bytes):
            sections = [_section_view(section) for section in seating.venue.sections]
            seating.sections_text = msgspec.json.encode(Page(sections, None))
        return seating.sections_text

    return await pages.make(request, [], body, max_age=_MAX_AGE_SECONDS)


async def _venue_of_path(request: web.Request) -> Seating:
    venue_id = path_id(request, "venue_id", "venue")
    seating = await request.app[CATALOGUE].venue(venue_id)
    if seating is None:
        raise not_found(f"venue {venue_id}")
    return seating


def _check_names(path: str, names: Iterable[str], *, what: str = "name") -> None:
    """Raises Problem invalid for a name that is there before: a ticket would lead to two places."""
    known: set[str] = set()
    for place, name in enumerate(names):
        if name in known:
            raise invalid(f"{path}[{place}].{what}", f"the {what} is used more than once")
        known.add(name)


def _venue_view(venue: VenueSnapshot) -> Venue:
    sections = [SectionSize(section.section_id, section.name, section.places) for section in venue.sections]
    return Venue(venue.venue_id, venue.name, sum(section.capacity for section in sections), sections)


def _seat_view(row: RowSnapshot, offset: int) -> NumberedSeat:
    facts = msgspec.structs.asdict(row.seat(offset))
    known = {name: value for name, value in facts.items() if value is not None}
    return NumberedSeat(id=row.first_seat_id + offset, number=offset + 1, **known)


def _section_view(section: SectionSnapshot) -> Section:
    rows = [Row(row.name, [_seat_view(row, offset) for offset in range(row.seats)]) for row in section.rows]
    return Section(section.section_id, section.name, rows, section.capacity or UNSET)
