"""The catalogue as Postgres has it, for an API process that starts while Redis cannot tell it."""

from engine.catalogue import EventSnapshot
from engine.seats import VenueSnapshot
from sync.catalogue.event_rows import read_event
from sync.catalogue.venues import read_venue
from sync.postgres import Postgres
from sync.sql import statement


class StoredCatalogue:
    """Reads events and venues. Every method raises PostgresAway."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def events(self) -> list[EventSnapshot]:
        """All events, of one state of Postgres. Waits for no lock: a restore keeps those of events for long."""
        async with self._postgres.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            versions = await connection.fetch(statement("event_versions"))
            return [await read_event(connection, event_id) for event_id, _ in versions]

    async def venue_ids(self) -> list[int]:
        """The ids of all venues, in ascending order."""
        async with self._postgres.connection() as connection:
            return [row[0] for row in await connection.fetch(statement("venue_ids"))]

    async def venue(self, venue_id: int) -> VenueSnapshot:
        """An existing venue."""
        async with self._postgres.connection() as connection:
            return await read_venue(connection, venue_id)
