"""Venues, events in them, and their seats in Postgres."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

import sync.catalogue.event_publisher
import sync.catalogue.venues
from engine.catalogue import EventSnapshot, publish_venue, published_venues, read_venue
from engine.commands.events import Count
from engine.commands.holds import Hold
from engine.commands.items import NamedSeats, items_text
from engine.commands.seats import BlockSeats, ReadSeatMap
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.ids import new_reservation_id
from engine.results.events import BelowTaken, Counts, Published
from engine.results.holds import Held
from engine.results.seats import SeatMap, SeatTaken
from engine.seats import RowSnapshot, SectionSnapshot, VenueSnapshot, section_pool
from engine.settings import Settings
from engine.stock import SectionMap, SectionSeats, TicketCounts
from engine.words import EventStatus
from sync.audit.audit import audit
from sync.catalogue.editor import AddedTicket
from sync.catalogue.fields import NewEvent, NewTicket, TicketChanges
from sync.catalogue.refusals import OtherRevision, UnknownSeats, WrongVenue
from sync.catalogue.venues import NewRow, NewSection, NewVenue, VenueChanges, Venues
from sync.postgres import Connection
from sync.read_models.reservations import get_reservation
from sync.read_models.statistics import get_event_statistics
from tests.support.sync.box_office import DETAILS, BoxOffice, running
from tests.support.sync.locks import waiting_sessions
from tests.support.waiting import wait_until

HALL = NewVenue(
    "Hall",
    [
        NewSection("Stalls", [NewRow("A", 3), NewRow("B", 2)]),
        NewSection("Balcony", [NewRow("A", 2)]),
    ],
)


class Hall:
    """A hall whose stalls have two prices and whose balcony is not for sale, and the office that sells it."""

    def __init__(self, office: BoxOffice, venue: VenueSnapshot, event: EventSnapshot) -> None:
        self.office = office
        self.venue = venue
        self.event = event
        self.stalls, self.balcony = venue.sections
        self.first = self.stalls.rows[0].first_seat_id
        self.adult, self.child = event.tickets

    async def text(self, section: SectionSnapshot | None = None) -> str:
        pool = section_pool((section or self.stalls).section_id)
        seats = await self.office.engine.submit(ReadSeatMap(self.event.event_id, pool))
        assert isinstance(seats, SeatMap), seats
        return seats.text

    async def counts(self) -> list[TicketCounts]:
        counts = await self.office.engine.submit(Count(self.event.event_id))
        assert isinstance(counts, Counts)
        return counts.tickets

    async def block(
        self, *seats: int, blocked: bool = True
    ) -> EventSnapshot | SeatTaken | UnknownSeats | OtherRevision | None:
        """Blocks the seats of these numbers, counted from 0 through the venue."""
        seat_ids = [self.first + seat for seat in seats]
        return await self.office.catalogue.block_seats(self.event.event_id, seat_ids, blocked=blocked)

    async def blocked(self) -> list[int]:
        """The numbers of the seats that Postgres says are blocked."""
        async with self.office.postgres.connection() as connection:
            rows = await connection.fetch("SELECT seat_id FROM event_blocked_seats ORDER BY seat_id")
        return [seat_id - self.first for (seat_id,) in rows]

    async def hold(self, *places: int) -> str:
        rid, pool = new_reservation_id(self.event.event_id), section_pool(self.stalls.section_id)
        item = NamedSeats(self.adult.ticket_id, len(places), pool, list(places))
        held = await self.office.engine.submit(
            Hold(rid, self.event.event_id, "c1", DETAILS, "digest", items_text([item]))
        )
        assert isinstance(held, Held), held
        return rid

    async def synced(self) -> None:
        async with running(self.office.reader().run()):
            await wait_until(self.office.outbox_is_empty)


@pytest.fixture
def venues(office: BoxOffice) -> Venues:
    return Venues(office.postgres, office.engine)


@pytest.fixture
async def hall(office: BoxOffice, venues: Venues) -> Hall:
    venue = await venues.create(HALL)
    stalls = [venue.sections[0].section_id]
    office.event = await office.catalogue.create_event(
        NewEvent(
            name="Opera",
            starts_at=datetime(2027, 6, 1, 18, tzinfo=UTC),
            venue_id=venue.venue_id,
            status=EventStatus.ON_SALE,
            tickets=[NewTicket("Adult", 3000, section_ids=stalls), NewTicket("Child", 1500, section_ids=stalls)],
        )
    )
    return Hall(office, venue, office.event)


async def test_a_venue_is_published_as_postgres_has_it(office: BoxOffice, venues: Venues) -> None:
    before = await venues.create(NewVenue("Before", [NewSection("S", [NewRow("1", 7)])]))
    venue = await venues.create(HALL)
    stalls, balcony = venue.sections
    first = before.sections[0].rows[0].first_seat_id + 7
    assert stalls.rows == [RowSnapshot("A", first, 3), RowSnapshot("B", first + 3, 2)]
    assert balcony.rows == [RowSnapshot("A", first + 5, 2)]
    assert await read_venue(office.engine.redis, venue.venue_id) == venue
    assert await read_venue(office.engine.redis, 999) is None
    assert await published_venues(office.engine.redis) == [before.venue_id, venue.venue_id]
    assert await office.sql("SELECT count(*) FROM seats") == 14
    assert await office.sql("SELECT number FROM seats WHERE id = $1", first + 4) == 2


async def test_a_venue_that_was_not_published_is_by_the_publisher(
    office: BoxOffice, venues: Venues, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_engine: Engine, _venue: VenueSnapshot) -> None:
        raise OutcomeUnknown("no answer in time")

    published = await venues.create(HALL)
    with monkeypatch.context() as patch:
        patch.setattr(sync.catalogue.venues, "publish_venue", lost)
        with pytest.raises(OutcomeUnknown):
            await venues.create(HALL)
    assert await published_venues(office.engine.redis) == [published.venue_id]

    assert await venues.publish_missing() == 1
    assert await venues.publish_missing() == 0
    missing = (await published_venues(office.engine.redis))[-1]
    found = await read_venue(office.engine.redis, missing)
    assert found is not None
    assert [section.name for section in found.sections] == ["Stalls", "Balcony"]
    assert [row.first_seat_id - published.sections[0].rows[0].first_seat_id for row in found.sections[0].rows] == [
        7,
        10,
    ]


async def test_a_venue_that_changes_while_it_is_published_is_published_as_it_is_then(
    office: BoxOffice, venues: Venues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another manager renames it as soon as it is committed: that waits, or else the older state comes last."""
    renaming: list[asyncio.Future[object]] = []

    async def publish_later(engine: Engine, venue: VenueSnapshot) -> None:
        if not renaming:
            renaming.append(asyncio.ensure_future(venues.update(venue.venue_id, VenueChanges("Theatre", {}))))
            async with office.postgres.connection() as connection:
                await wait_until(lambda: _ends_or_waits(renaming[0], connection), what="the other change")
        await publish_venue(engine, venue)

    monkeypatch.setattr(sync.catalogue.venues, "publish_venue", publish_later)
    made = await venues.create(HALL)
    await renaming[0]
    published = await read_venue(office.engine.redis, made.venue_id)
    assert published is not None
    assert (published.name, published.revision) == ("Theatre", 1)
    assert await venues.publish_missing() == 0


async def _ends_or_waits(work: asyncio.Future[object], connection: Connection) -> bool:
    return work.done() or bool(await waiting_sessions(connection))


@pytest.mark.alone
async def test_a_stadium(office: BoxOffice, venues: Venues) -> None:
    """60,000 seats: on sale in less than 3 s, in less than 1 MB of Redis."""
    rows = [NewRow(f"Row {number}", 40) for number in range(25)]
    before = (await office.engine.redis.info("memory"))["used_memory"]
    began = time.monotonic()
    venue = await venues.create(NewVenue("Stadium", [NewSection(f"Block {number}", rows) for number in range(60)]))
    made = time.monotonic()
    sections = [section.section_id for section in venue.sections]
    event = await office.catalogue.create_event(
        NewEvent(
            name="Match",
            starts_at=datetime(2027, 6, 1, tzinfo=UTC),
            venue_id=venue.venue_id,
            tickets=[NewTicket("Seat", 100, section_ids=sections)],
        )
    )
    ended = time.monotonic()
    memory = (await office.engine.redis.info("memory"))["used_memory"] - before
    print(f"venue {made - began:.2f} s, event {ended - made:.2f} s, {memory:,} bytes of Redis")  # noqa: T201  # read
    counts = await office.engine.submit(Count(event.event_id))
    assert isinstance(counts, Counts)
    assert counts.tickets[0].available == 60_000
    assert ended - began < 3
    assert memory < 1_000_000


async def test_tickets_share_the_seats_of_their_sections(hall: Hall) -> None:
    assert [ticket.seating for ticket in hall.event.tickets] == ["assigned", "assigned"]
    assert await hall.text() == "aaa\naa"
    await hall.hold(2, 3)
    assert await hall.text() == "ahh\naa"
    assert [(count.capacity, count.available, count.held) for count in await hall.counts()] == [(5, 3, 2)] * 2

    catalogue, event_id = hall.office.catalogue, hall.event.event_id
    both = [hall.balcony.section_id, hall.stalls.section_id]
    more = await catalogue.add_ticket(event_id, NewTicket("Anywhere", 900, section_ids=both))
    assert isinstance(more, AddedTicket)
    assert more.event.ticket_by_id[more.ticket_id].section_ids == both
    assert await hall.text(hall.balcony) == "aa"
    assert (await hall.counts())[-1].available == 5
    assert await hall.text() == "ahh\naa", "what is there stays"
    dearer = await catalogue.update_ticket(hall.adult.ticket_id, TicketChanges(unit_minor=9))
    assert isinstance(dearer, EventSnapshot)
    assert [ticket.unit_minor for ticket in dearer.tickets] == [9, 1500, 900]


async def test_sections_are_of_the_venue_of_the_event(hall: Hall, venues: Venues) -> None:
    catalogue, event_id = hall.office.catalogue, hall.event.event_id
    other = await venues.create(HALL)
    strange = other.sections[1].section_id
    offer = NewTicket("Strange", 1, section_ids=[hall.balcony.section_id, strange])
    assert await catalogue.add_ticket(event_id, offer) == WrongVenue([strange])
    for venue_id in (other.venue_id, None):
        moved = await catalogue.update_event(event_id, dict(venue_id=venue_id))
        assert moved == WrongVenue([hall.stalls.section_id])
    stays = await catalogue.update_event(event_id, dict(venue_id=hall.venue.venue_id, name="Encore"))
    assert isinstance(stays, EventSnapshot)
    assert (stays.name, len(stays.tickets)) == ("Encore", 2)


async def test_blocked_seats_are_not_for_sale_until_they_are_unblocked(hall: Hall) -> None:
    assert isinstance(await hall.block(0, 4), EventSnapshot)
    assert (await hall.text(), await hall.blocked()) == ("baa\nab", [0, 4])
    assert [(count.capacity, count.available) for count in await hall.counts()] == [(3, 3)] * 2
    assert isinstance(await hall.block(0, 1), EventSnapshot), "a seat may be blocked already"
    assert (await hall.text(), await hall.blocked()) == ("bba\nab", [0, 1, 4])
    assert isinstance(await hall.block(0, 2, 4, blocked=False), EventSnapshot)
    assert (await hall.text(), await hall.blocked()) == ("aba\naa", [1])
    assert await hall.office.publisher.publish_missing() == 0


async def test_seats_are_blocked_all_or_none(hall: Hall) -> None:
    rid = await hall.hold(2)
    pool = section_pool(hall.stalls.section_id)
    assert await hall.block(0, 1) == SeatTaken([SectionSeats(pool, [2])])
    assert await hall.block(0, 7) == UnknownSeats([hall.first + 7])
    assert (await hall.text(), await hall.blocked()) == ("aha\naa", [])
    assert await hall.office.catalogue.block_seats(999, [hall.first], blocked=True) is None
    await hall.office.cancel(rid)
    assert isinstance(await hall.block(0, 1), EventSnapshot)


async def test_seats_are_blocked_before_their_section_is_offered(hall: Hall) -> None:
    assert isinstance(await hall.block(0, 6), EventSnapshot)
    offer = NewTicket("Balcony", 1, section_ids=[hall.balcony.section_id])
    assert isinstance(await hall.office.catalogue.add_ticket(hall.event.event_id, offer), AddedTicket)
    assert (await hall.text(), await hall.text(hall.balcony)) == ("baa\naa", "ab")
    assert (await hall.counts())[-1].available == 1


async def _die(
    _engine: Engine, _event: EventSnapshot, _sections: Sequence[SectionMap], *, keeps_slots: bool
) -> Published | BelowTaken:
    raise OutcomeUnknown("the process died")


@pytest.mark.parametrize("blocked", [True, False])
async def test_death_between_redis_and_the_commit(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, *, blocked: bool
) -> None:
    await hall.block(0, blocked=not blocked)
    with monkeypatch.context() as patch:
        patch.setattr(sync.catalogue.event_publisher, "publish_event", _die)
        with pytest.raises(OutcomeUnknown):
            await hall.block(0, 1, blocked=blocked)
    assert await hall.text() == ("bba\naa" if blocked else "aaa\naa"), "Redis has what Postgres did not commit"
    assert await hall.blocked() == ([] if blocked else [0])

    assert await hall.office.publisher.publish_missing() == 1
    assert await hall.text() == ("aaa\naa" if blocked else "baa\naa")
    assert await hall.office.publisher.publish_missing() == 0


async def test_a_seat_that_was_sold_by_a_lost_change_stays_sold(hall: Hall) -> None:
    await hall.block(0, 1)
    pool, event_id = section_pool(hall.stalls.section_id), hall.event.event_id
    await hall.office.engine.submit(BlockSeats(event_id, [SectionSeats(pool, [1, 2])], blocked=False))
    await hall.hold(1)

    assert isinstance(await hall.office.catalogue.update_event(event_id, dict(name="Encore")), EventSnapshot)
    assert (await hall.text(), await hall.blocked()) == ("hba\naa", [1])


async def test_redis_that_was_emptied_gets_the_maps_again(hall: Hall, venues: Venues) -> None:
    await hall.block(2)
    await hall.office.engine.redis.execute_command("FLUSHALL")
    await hall.office.engine.init_partitions()
    assert await venues.publish_missing() == 1
    assert await hall.office.publisher.publish_missing() == 2
    assert await hall.text() == "aab\naa"


async def test_reservations_keep_their_seats_in_postgres(hall: Hall, settings: Settings) -> None:
    held, paid, cancelled = await hall.hold(1), await hall.hold(3, 6), await hall.hold(2)
    await hall.office.pay(paid)
    await hall.office.cancel(cancelled)
    expected = await hall.office.record(paid)
    await hall.synced()

    stored = await get_reservation(hall.office.postgres, paid)
    assert stored is not None
    assert stored.record == expected
    assert stored.record.lines[0].seats == [3, 6]
    async with hall.office.postgres.connection() as connection:
        rows = await connection.fetch("SELECT * FROM reservation_seats ORDER BY seat_id")
    assert [(row["reservation_id"], row["row"], row["number"], row["seat_id"] - hall.first) for row in rows] == [
        (held, "A", 1, 0),
        (cancelled, "A", 2, 1),
        (paid, "A", 3, 2),
        (paid, "B", 2, 4),
    ]
    assert await audit(settings) == []


async def test_an_event_is_sold_out_when_the_seats_that_are_not_blocked_are_sold(hall: Hall) -> None:
    """The stalls count once, though two tickets offer them; the balcony, which none offers, does not count."""

    async def sold_out() -> bool:
        await hall.synced()
        figures = await get_event_statistics(hall.office.postgres, hall.event.event_id)
        assert figures is not None
        return figures.sold_out_at is not None

    await hall.block(3, 5)
    await hall.office.pay(await hall.hold(1, 2, 3))
    assert not await sold_out()
    await hall.office.pay(await hall.hold(6))
    assert await sold_out()
    await hall.block(3, blocked=False)
    assert not await sold_out()


async def test_the_audit_sees_seats_with_two_owners_or_none(hall: Hall, settings: Settings) -> None:
    paid, held = await hall.hold(1), await hall.hold(2)
    await hall.office.pay(paid)
    await hall.synced()
    assert await audit(settings) == []

    async with hall.office.postgres.connection() as connection:
        await connection.execute("UPDATE reservation_items SET seats = '{1}' WHERE reservation_id = $1", held)
    breaches = await audit(settings)
    assert any("both have seat 1" in breach for breach in breaches)
    assert any(f"{held} is held in Postgres, and its seat 1" in breach for breach in breaches)


@pytest.mark.damages_keys
async def test_the_audit_counts_seats(hall: Hall, settings: Settings) -> None:
    await hall.hold(2)
    await hall.synced()
    key = hall.office.keys.seat_map(hall.event.event_id, section_pool(hall.stalls.section_id))
    await hall.office.engine.redis.execute_command("SET", key, "sha\naa")
    assert any("does not count as its pool does" in breach for breach in await audit(settings))
    await hall.office.engine.redis.execute_command("SET", key, "haa\naa")
    assert any("seat 2 of section" in breach and "which is not" in breach for breach in await audit(settings))
    await hall.office.engine.redis.execute_command("DEL", key)
    assert any("has no map" in breach for breach in await audit(settings))
