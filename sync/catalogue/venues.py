"""Venues: their manifests are owned by Postgres and published to Redis. The number of their seats never changes."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from engine.catalogue import publish_venue, published_venues
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.seats import RowSnapshot, SeatSnapshot, SectionSnapshot, VenueSnapshot
from sync.audit_log.entries import log_change
from sync.catalogue.refusals import OtherRevision, RepeatedLabel, UnknownSeats
from sync.creations import ONCE, Creation
from sync.postgres import Connection, Postgres
from sync.sql import statement


class NewRow(msgspec.Struct, frozen=True):
    """A row and how many seats it has; they are numbered from 1. `known` of each of them, or empty."""

    name: str
    seats: int
    known: list[SeatSnapshot] = []


class NewSection(msgspec.Struct, frozen=True):
    """A section with its rows, the best first, whose names differ; or a capacity and no rows."""

    name: str
    rows: list[NewRow]
    capacity: int = 0


class NewVenue(msgspec.Struct, frozen=True):
    """A venue with its sections. Their names differ. `plan`: the seating plan that it is made of, as JSON text."""

    name: str
    sections: list[NewSection]
    plan: str | None = None


class VenueChanges(msgspec.Struct, frozen=True):
    """Changes of a venue. `seats`: by id, the members of SeatSnapshot that change; None takes one away."""

    name: str | None
    seats: Mapping[int, Mapping[str, Any]]


class Venues:
    """Makes venues and publishes them.

    Every method raises PostgresAway, or Fault when Redis is away. What was begun then is finished by the publisher of
    the sync worker.
    """

    def __init__(self, postgres: Postgres, engine: Engine) -> None:
        self._postgres = postgres
        self._engine = engine

    async def create(self, venue: NewVenue, creation: Creation = ONCE) -> VenueSnapshot:
        """Makes a venue with all its seats, once for a creation. Every process knows it when this returns.

        Raises OutOfMemory.
        """
        await self._engine.check_memory()
        async with self._postgres.transaction() as connection:
            venue_id = await creation.made(connection)
            if venue_id is None or await connection.fetchval(statement("lock_venue"), venue_id) is None:
                venue_id = await _insert(connection, venue)
                await creation.note(connection, venue_id)
                sections = [section.name for section in venue.sections]
                await log_change(connection, f"venue/{venue_id}", after={"name": venue.name, "sections": sections})
        return await self._publish_existing(venue_id)

    async def update(
        self, venue_id: int, changes: VenueChanges, revisions: Sequence[int] | None = None
    ) -> VenueSnapshot | UnknownSeats | RepeatedLabel | OtherRevision | None:
        """Changes the name, and labels and flags of seats; None if there is no such venue.

        `revisions`: those of which it must have one, compared under its lock. Every process knows it when this returns.
        """
        async with self._postgres.transaction() as connection:
            revision = await connection.fetchval(statement("lock_venue"), venue_id)
            if revision is None:
                return None
            if revisions is not None and revision not in revisions:
                return OtherRevision()
            known = await connection.fetch(statement("seats_of_venue"), venue_id, list(changes.seats))
            unknown = set(changes.seats).difference(seat_id for (seat_id,) in known)
            if unknown:
                return UnknownSeats(sorted(unknown))
            before = await read_venue(connection, venue_id)
            repeated = _repeated_label(before, changes.seats)
            if repeated is not None:
                return RepeatedLabel(repeated)
            seats = {
                row.first_seat_id + offset: seat
                for section in before.sections
                for row in section.rows
                for offset, seat in enumerate(row.known)
            }
            described = {
                seat_id: msgspec.structs.replace(seats.get(seat_id, SeatSnapshot()), **given)
                for seat_id, given in changes.seats.items()
            }
            await _describe(connection, described)
            await connection.execute(statement("update_venue"), venue_id, changes.name)
            after = {"name": changes.name or before.name, "seat_ids": sorted(changes.seats)}
            await log_change(connection, f"venue/{venue_id}", before={"name": before.name}, after=after)
        return await self._publish_existing(venue_id)

    async def plan(self, venue_id: int) -> str | None:
        """The seating plan that a venue was made of, as JSON text; None if it was not made of one."""
        async with self._postgres.connection() as connection:
            plan: str | None = await connection.fetchval(statement("read_venue_plan"), venue_id)
            return plan

    async def publish_missing(self) -> int:
        """Publishes every venue that Redis does not have, or not as it is. Returns how many."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("venue_ids"))
        published = await published_venues(self._engine.redis)
        missing = sorted(venue_id for venue_id, changed in rows if changed or venue_id not in published)
        for venue_id in missing:
            await self._publish_existing(venue_id)
        return len(missing)

    async def _publish_existing(self, venue_id: int) -> VenueSnapshot:
        """Publishes a venue as it is committed, under its lock: an older state is never published over a newer one."""
        async with self._postgres.transaction() as connection:
            await connection.execute(statement("lock_venue"), venue_id)
            venue = await read_venue(connection, venue_id)
            try:
                await publish_venue(self._engine, venue)
            except OutcomeUnknown as unknown:
                raise OutcomeUnknown(
                    "no answer from Redis in time; the venue is there as soon as Redis is back"
                ) from unknown
            await connection.execute(statement("venue_published"), venue_id, venue.revision)
            return venue


async def read_sections(connection: Connection, section_ids: list[int]) -> list[SectionSnapshot]:
    """Sections with their rows, in the order of their manifest."""
    rows = await connection.fetch(statement("read_section_rows"), section_ids)
    known: dict[int, dict[int, SeatSnapshot]] = {}
    for first_seat_id, number, label, *rest in await connection.fetch(statement("known_seats"), section_ids):
        known.setdefault(first_seat_id, {})[number] = SeatSnapshot(label or "", *rest)

    def row_of(name: str, first_seat_id: int, seats: int) -> RowSnapshot:
        of_row = known.get(first_seat_id)
        described = [of_row.get(number, SeatSnapshot()) for number in range(1, seats + 1)] if of_row else []
        return RowSnapshot(name, first_seat_id, seats, described)

    return [
        SectionSnapshot(section_id, name, [row_of(*row[3:]) for row in of_section if row[3] is not None], capacity or 0)
        for (section_id, name, capacity), of_section in groupby(map(tuple, rows), key=lambda row: row[:3])
    ]


async def read_venue(connection: Connection, venue_id: int) -> VenueSnapshot:
    """An existing venue."""
    (venue,) = await connection.fetch(statement("read_venue_name"), venue_id)
    sections = await connection.fetch(statement("sections_of_venue"), venue_id)
    described = await read_sections(connection, [section_id for (section_id,) in sections])
    return VenueSnapshot(venue_id, venue["name"], described, venue["revision"])


def _repeated_label(venue: VenueSnapshot, changes: Mapping[int, Mapping[str, Any]]) -> int | None:
    """The first seat whose new label another seat of its row would have, too; None if there is no such seat.

    Rows of a section that have the same name, on both sides of an aisle, count as one.
    """
    labels = {seat_id: given["label"] for seat_id, given in changes.items() if "label" in given}
    rows = [(section.section_id, row) for section in venue.sections for row in section.rows]
    first_ids = [row.first_seat_id for _, row in rows]
    row_of = {seat_id: rows[bisect_right(first_ids, seat_id) - 1] for seat_id in labels}
    taken: dict[tuple[int, str], set[str]] = {(section_id, row.name): set() for section_id, row in row_of.values()}
    for section_id, row in rows:
        if (section_id, row.name) in taken:
            stay = (offset for offset in range(row.seats) if row.first_seat_id + offset not in labels)
            taken[section_id, row.name].update(row.seat(offset).label for offset in stay)
    for seat_id, label in labels.items():
        section_id, row = row_of[seat_id]
        if label in taken[section_id, row.name]:
            return seat_id
        taken[section_id, row.name].add(label)
    return None


async def _insert(connection: Connection, venue: NewVenue) -> int:
    """Writes a venue; returns its id. Ids of seats ascend as in the manifest, those of a row follow one another."""
    venue_id: int = await connection.fetchval(statement("insert_venue"), venue.name)
    names = [section.name for section in venue.sections]
    capacities = [section.capacity or None for section in venue.sections]
    section_ids = await connection.fetch(statement("insert_sections"), venue_id, names, capacities)
    seats = sum(row.seats for section in venue.sections for row in section.rows)
    next_id: int = await connection.fetchval(statement("allocate_seat_ids"), seats)
    sections: list[SectionSnapshot] = []
    for (section_id,), section in zip(section_ids, venue.sections, strict=True):
        rows: list[RowSnapshot] = []
        for row in section.rows:
            rows.append(RowSnapshot(row.name, next_id, row.seats, row.known))
            next_id += row.seats
        sections.append(SectionSnapshot(section_id, section.name, rows, section.capacity))
    await _insert_rows(connection, sections)
    if venue.plan is not None:
        await connection.execute(statement("insert_venue_plan"), venue_id, venue.plan)
    return venue_id


async def _insert_rows(connection: Connection, sections: list[SectionSnapshot]) -> None:
    rows = [(section.section_id, position, row) for section in sections for position, row in enumerate(section.rows)]
    first_seat_ids, seats = [row.first_seat_id for _, _, row in rows], [row.seats for _, _, row in rows]
    await connection.execute(
        statement("insert_section_rows"),
        [section_id for section_id, _, _ in rows],
        [position for _, position, _ in rows],
        [row.name for _, _, row in rows],
        first_seat_ids,
        seats,
    )
    await connection.execute(statement("insert_seats"), first_seat_ids, seats)
    described = {row.first_seat_id + offset: seat for _, _, row in rows for offset, seat in enumerate(row.known)}
    await _describe(connection, described)


async def _describe(connection: Connection, seats: Mapping[int, SeatSnapshot]) -> None:
    """Writes what is known of seats, by their ids."""
    if seats:
        columns = [list(column) for column in zip(*map(msgspec.structs.astuple, seats.values()), strict=True)]
        await connection.execute(statement("describe_seats"), list(seats), *columns)
