"""Venues: their manifests are owned by Postgres and published to Redis, once: they never change."""

import asyncio
from itertools import groupby

import msgspec

from engine.batches import TROUBLE
from engine.catalogue import publish_venue, published_venues
from engine.engine import Engine
from engine.faults import OutcomeUnknown
from engine.seats import RowSnapshot, SectionSnapshot, VenueSnapshot
from sync.postgres import Connection, Postgres
from sync.sql import statement


class NewRow(msgspec.Struct, frozen=True):
    """A row and how many seats it has; they are numbered from 1."""

    name: str
    seats: int


class NewSection(msgspec.Struct, frozen=True):
    """A section with its rows, the best first. Their names differ."""

    name: str
    rows: list[NewRow]


class NewVenue(msgspec.Struct, frozen=True):
    """A venue with its sections. Their names differ."""

    name: str
    sections: list[NewSection]


class Venues:
    """Makes venues and publishes them.

    Every method raises PostgresAway, or Fault when Redis is away. What was begun then is finished by the publisher of
    the sync worker.
    """

    def __init__(self, postgres: Postgres, engine: Engine) -> None:
        self._postgres = postgres
        self._engine = engine

    async def create(self, venue: NewVenue) -> VenueSnapshot:
        """Makes a venue with all its seats. Every process knows it when this returns."""
        async with self._postgres.transaction() as connection:
            made = await _insert(connection, venue)
        await self._publish(made)
        return made

    async def publish_missing(self) -> int:
        """Publishes every venue that Redis does not have. Returns how many."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("venue_ids"))
        async with asyncio.timeout(self._postgres.timeout_seconds):
            published = await published_venues(self._engine.redis)
        missing = sorted({venue_id for (venue_id,) in rows}.difference(published))
        for venue_id in missing:
            async with self._postgres.connection() as connection:
                venue = await read_venue(connection, venue_id)
            await self._publish(venue)
        return len(missing)

    async def _publish(self, venue: VenueSnapshot) -> None:
        try:
            async with asyncio.timeout(self._postgres.timeout_seconds):
                await publish_venue(self._engine.redis, venue)
        except TROUBLE as error:
            raise OutcomeUnknown("no answer from Redis in time; the venue is there as soon as Redis is back") from error


async def read_sections(connection: Connection, section_ids: list[int]) -> list[SectionSnapshot]:
    """Sections with their rows, in the order of their manifest."""
    rows = await connection.fetch(statement("read_section_rows"), section_ids)
    return [
        SectionSnapshot(section_id, name, [RowSnapshot(*row[2:]) for row in of_section])
        for (section_id, name), of_section in groupby(map(tuple, rows), key=lambda row: (row[0], row[1]))
    ]


async def read_venue(connection: Connection, venue_id: int) -> VenueSnapshot:
    """A venue that there is."""
    name: str = await connection.fetchval(statement("read_venue_name"), venue_id)
    sections = await connection.fetch(statement("sections_of_venue"), venue_id)
    return VenueSnapshot(venue_id, name, await read_sections(connection, [section_id for (section_id,) in sections]))


async def _insert(connection: Connection, venue: NewVenue) -> VenueSnapshot:
    """Writes a venue; ids of seats ascend in the order of the manifest, those of a row follow one another."""
    venue_id: int = await connection.fetchval(statement("insert_venue"), venue.name)
    names = [section.name for section in venue.sections]
    section_ids = await connection.fetch(statement("insert_sections"), venue_id, names)
    seats = sum(row.seats for section in venue.sections for row in section.rows)
    next_id: int = await connection.fetchval(statement("take_seat_ids"), seats)
    sections: list[SectionSnapshot] = []
    for (section_id,), section in zip(section_ids, venue.sections, strict=True):
        rows: list[RowSnapshot] = []
        for row in section.rows:
            rows.append(RowSnapshot(row.name, next_id, row.seats))
            next_id += row.seats
        sections.append(SectionSnapshot(section_id, section.name, rows))
    await _insert_rows(connection, sections)
    return VenueSnapshot(venue_id, venue.name, sections)


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
