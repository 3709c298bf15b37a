"""The venue of the benchmark, its event with assigned seats, and what is asked of it.

It has sections of the size that a stand of a stadium has, and seats enough for every request of a round: 104,000 pairs.
"""

from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.seats import RowSnapshot, SeatPlaces, SectionSnapshot, VenueSnapshot, section_pool
from engine.stock import SectionMap
from engine.words import EventStatus
from loadtest.bench.request_spec import Counter, RequestSpec

SEATED_EVENT_ID = 2
ANY_SECTION = 2
"""The ticket of all sections. Each section has one of its own besides."""

_VENUE_ID = 1
_SECTIONS, _ROWS, _ROW_SEATS = 40, 200, 26
_SECTION_SEATS = _ROWS * _ROW_SEATS
_SEATS = _SECTIONS * _SECTION_SEATS
_FIRST_SEAT_ID = 1_000_000
_FIRST_SECTION_ID = 101

# From one request to the next: a section and a pair of seats further. It meets every pair once.
_STEP = _SECTION_SEATS + 2

NAMED_SEATS = RequestSpec(
    f'[{{"ticket_id":{ANY_SECTION},"seat_ids":[%d,%d]}}]',
    (Counter(_FIRST_SEAT_ID, _STEP, _SEATS), Counter(_FIRST_SEAT_ID + 1, _STEP, _SEATS)),
)
"""Two neighbouring seats that nobody else asks for."""

BEST_AVAILABLE = RequestSpec(
    '[{"ticket_id":%d,"quantity":2,"best_available":true}]', (Counter(_FIRST_SECTION_ID, 1, _SECTIONS),)
)
"""The two best seats of a section; the sections take turns."""


def bench_venue() -> VenueSnapshot:
    """The manifest."""
    return VenueSnapshot(_VENUE_ID, "Stadium", [_section(number) for number in range(_SECTIONS)])


def _section(number: int) -> SectionSnapshot:
    first = _FIRST_SEAT_ID + number * _SECTION_SEATS
    rows = [RowSnapshot(str(row + 1), first + row * _ROW_SEATS, _ROW_SEATS) for row in range(_ROWS)]
    return SectionSnapshot(_FIRST_SECTION_ID + number, f"Block {number + 1}", rows)


def section_maps(venue: VenueSnapshot) -> list[SectionMap]:
    """The maps of its sections, all seats available."""
    return [
        SectionMap(section_pool(section.section_id), SeatPlaces(section).empty_map(())) for section in venue.sections
    ]


def seated_event(venue: VenueSnapshot) -> EventSnapshot:
    """The event in the venue, with holds of the usual length."""
    sections = [section.section_id for section in venue.sections]
    offers = [(ANY_SECTION, sections), *((section, [section]) for section in sections)]
    return EventSnapshot(
        event_id=SEATED_EVENT_ID,
        version=1,
        name="Big match",
        starts_ms=1_811_872_800_000,
        timezone="Europe/Warsaw",
        venue_id=venue.venue_id,
        status=EventStatus.ON_SALE,
        sale_opens_ms=None,
        sale_closes_ms=None,
        hold_seconds=900,
        max_per_customer=10,
        tickets=[
            TicketSnapshot(ticket_id=ticket, ticket_type="Adult", unit_minor=5_000, capacity=0, section_ids=offered)
            for ticket, offered in offers
        ],
    )
