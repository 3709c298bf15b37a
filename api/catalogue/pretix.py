"""Seating plans in the format of pretix: a venue is made of one, and given as one.

Zones become sections, rows and seats keep their order, which is that of preference, and `seat_guid` is kept as
`external_id`. Onsale does not use categories, areas, text, sizes and unknown members. It keeps them for the program
that draws the plan, and returns them unchanged. The format is the seating-plan.schema.json that pretix publishes.
"""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.http.problems import invalid
from api.http.text import ASCII_WITH_SPACES, FOR_PEOPLE, Text
from engine.seats import SeatSnapshot, SectionSnapshot, VenueSnapshot
from sync.catalogue.venues import NewRow, NewSection, NewVenue

MAX_SEATS, MAX_SECTION_SEATS = 200_000, 20_000
"""Of a venue, whose sections are one answer, and of a section, whose seats are another: some megabytes each."""

_SEAT, _ROW, _ZONE = 25.0, 30.0, 60.0
"""The distances of seats, rows and zones that have no place of their own, on a plan that is made of a manifest."""

Coordinate = Annotated[float, Meta(ge=-1_000_000, le=1_000_000)]
Label = Annotated[str, Meta(min_length=1, max_length=20, pattern=FOR_PEOPLE)]
Guid = Annotated[str, Meta(min_length=1, max_length=200, pattern=ASCII_WITH_SPACES)]


class PlanPoint(msgspec.Struct, gc=False, frozen=True):
    """A place on the plan, from that of the thing that it is in: from the left and from the top."""

    x: Coordinate = 0.0
    y: Coordinate = 0.0


class PlanSeat(msgspec.Struct, gc=False, frozen=True):
    """A seat of a plan."""

    seat_number: Label
    seat_guid: Guid
    position: PlanPoint
    category: str = ""


class PlanRow(msgspec.Struct, frozen=True):
    """A row of a plan."""

    row_number: Text
    seats: Annotated[list[PlanSeat], Meta(max_length=1000)]
    position: PlanPoint = PlanPoint()
    row_number_position: Literal["start", "end", "both"] | UnsetType | None = UNSET


class PlanZone(msgspec.Struct, frozen=True):
    """A part of a plan: its rows, and the areas and text that are drawn."""

    name: Text
    rows: Annotated[list[PlanRow], Meta(max_length=2000)]
    position: PlanPoint = PlanPoint()
    areas: list[dict[str, Any]] = []


class PlanCategory(msgspec.Struct, frozen=True):
    """A kind of seats, and the colour in which they are drawn."""

    name: str
    color: str


class PlanSize(msgspec.Struct, frozen=True):
    """The size of a drawing."""

    width: float
    height: float


class PretixPlan(msgspec.Struct, frozen=True):
    """A seating plan as pretix publishes its format; members that are not listed here are kept, too."""

    name: Text
    categories: list[PlanCategory]
    zones: Annotated[list[PlanZone], Meta(max_length=200)]
    size: PlanSize

    EXAMPLE: ClassVar[Any] = {
        "name": "Hall",
        "categories": [{"name": "Stalls", "color": "#7f4a91"}],
        "zones": [
            {
                "name": "Ground floor",
                "position": {"x": 0.0, "y": 0.0},
                "rows": [
                    {
                        "row_number": "A",
                        "row_number_position": "both",
                        "position": {"x": 10.0, "y": 20.0},
                        "seats": [
                            {
                                "seat_number": "1",
                                "seat_guid": "Stalls-A-1",
                                "position": {"x": 0.0, "y": 0.0},
                                "category": "Stalls",
                            }
                        ],
                    }
                ],
                "areas": [],
            }
        ],
        "size": {"width": 400.0, "height": 300.0},
    }


PLAN = msgspec.json.Decoder(PretixPlan)


def venue_of_plan(plan: PretixPlan, text: str) -> NewVenue:
    """The venue that a plan describes; `text`: the plan as it came, which is kept. Raises Problem invalid, by path."""
    guids: set[str] = set()
    names: set[str] = set()
    sections: list[NewSection] = []
    seats = 0
    for place, zone in enumerate(plan.zones):
        path = f"zones[{place}]"
        size = sum(len(row.seats) for row in zone.rows)
        if not size:
            continue  # it is drawn, and nobody sits in it
        if zone.name in names:
            raise invalid(f"{path}.name", "the name is used more than once")
        if size > MAX_SECTION_SEATS:
            raise invalid(f"{path}.rows", f"a zone may have at most {MAX_SECTION_SEATS} seats")
        names.add(zone.name)
        _check_seats(zone, path, guids)
        seats += size
        rows = [NewRow(row.row_number, len(row.seats), _known(zone, row)) for row in zone.rows if row.seats]
        sections.append(NewSection(zone.name, rows))
    if not sections:
        raise invalid("zones", "the plan has no seats")
    if seats > MAX_SEATS:
        raise invalid("zones", f"a venue may have at most {MAX_SEATS} seats")
    return NewVenue(plan.name, sections, text)


def _check_seats(zone: PlanZone, path: str, guids: set[str]) -> None:
    """Rows on both sides of an aisle may have one number; then their seats have different ones."""
    known: set[tuple[str, str]] = set()
    for number, row in enumerate(zone.rows):
        for place, seat in enumerate(row.seats):
            where = f"{path}.rows[{number}].seats[{place}]"
            if (row.row_number, seat.seat_number) in known:
                raise invalid(f"{where}.seat_number", "the row has another seat of this number")
            if seat.seat_guid in guids:
                raise invalid(f"{where}.seat_guid", "another seat has it")
            known.add((row.row_number, seat.seat_number))
            guids.add(seat.seat_guid)


def _known(zone: PlanZone, row: PlanRow) -> list[SeatSnapshot]:
    return [
        SeatSnapshot(
            label=seat.seat_number,
            x=_sum(zone.position.x, row.position.x, seat.position.x),
            y=_sum(zone.position.y, row.position.y, seat.position.y),
            external_id=seat.seat_guid,
        )
        for seat in row.seats
    ]


def _sum(*parts: float) -> float:
    """A place on the whole plan."""
    return round(sum(parts), 6)


def plan_of_venue(venue: VenueSnapshot, text: str | None) -> bytes:
    """A venue as a plan: the one that it was made of, with what changed since; or one that is made of its manifest."""
    return msgspec.json.encode(_made_plan(venue) if text is None else _kept_plan(venue, msgspec.json.decode(text)))


def _kept_plan(venue: VenueSnapshot, plan: dict[str, Any]) -> dict[str, Any]:
    plan["name"] = venue.name
    for kept in _kept_seats(venue, plan):
        kept.seat["seat_number"] = kept.known.label
        for axis in ("x", "y"):
            now = getattr(kept.known, axis)
            before = kept.seat["position"].get(axis, 0.0)
            if now is not None and now != _sum(kept.beginning[axis], before):
                kept.seat["position"][axis] = _sum(now, -kept.beginning[axis])
    return plan


class _KeptSeat(NamedTuple):
    """A seat of a plan, where its row begins on the whole plan, and what is known of the seat now."""

    seat: dict[str, Any]
    beginning: dict[str, float]
    known: SeatSnapshot


def _kept_seats(venue: VenueSnapshot, plan: dict[str, Any]) -> Iterator[_KeptSeat]:
    """The seats of a plan, which are those of the venue, in their order."""
    sections = iter(venue.sections)
    for zone in plan["zones"]:
        rows = [row for row in zone["rows"] if row["seats"]]
        if not rows:
            continue
        for row, known in zip(rows, next(sections).rows, strict=True):
            beginning = {
                axis: _sum(*(each.get("position", {}).get(axis, 0.0) for each in (zone, row))) for axis in ("x", "y")
            }
            for offset, seat in enumerate(row["seats"]):
                yield _KeptSeat(seat, beginning, known.seat(offset))


def _made_plan(venue: VenueSnapshot) -> dict[str, Any]:
    """Rows stand one behind the other, zones below one another; a seat that has coordinates keeps them."""
    zones, top, width = [], 0.0, 0.0
    for section in venue.sections:
        zone, right, height = _made_zone(section, top)
        zones.append(zone)
        width, top = max(width, right), top + height + _ZONE
    return {
        "name": venue.name,
        "categories": [{"name": section.name, "color": "#4a6a91"} for section in venue.sections],
        "zones": zones,
        "size": {"width": max(width, _SEAT), "height": max(top, _ROW)},
    }


def _made_zone(section: SectionSnapshot, top: float) -> tuple[dict[str, Any], float, float]:
    """A section as a zone, how far it reaches to the right, and its height; without seats it is drawn as an area."""
    zone: dict[str, Any] = {"name": section.name, "position": {"x": 0.0, "y": top}, "rows": [], "areas": []}
    if section.capacity:
        zone["areas"].append(
            {
                "shape": "rectangle",
                "color": "#dddddd",
                "border_color": "#999999",
                "rotation": 0,
                "position": {"x": 0.0, "y": 0.0},
                "rectangle": {"width": 10 * _SEAT, "height": 3 * _ROW},
                "text": {"position": {"x": 5 * _SEAT, "y": 1.5 * _ROW}, "color": "#333333", "text": section.name},
            }
        )
        return zone, 10 * _SEAT, 3 * _ROW
    right = 0.0
    for place, row in enumerate(section.rows):
        seats = []
        for offset in range(row.seats):
            seat = row.seat(offset)
            position = {
                "x": offset * _SEAT if seat.x is None else seat.x,
                "y": 0.0 if seat.y is None else _sum(seat.y, -top, -place * _ROW),
            }
            right = max(right, position["x"] + _SEAT)
            seats.append(
                {
                    "seat_number": seat.label,
                    "seat_guid": seat.external_id or str(row.first_seat_id + offset),
                    "position": position,
                    "category": section.name,
                }
            )
        beginning = {"x": 0.0, "y": place * _ROW}
        shown = {"row_number": row.name, "row_number_position": "both", "position": beginning, "seats": seats}
        zone["rows"].append(shown)
    return zone, right, len(section.rows) * _ROW
