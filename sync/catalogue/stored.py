"""The catalogue as Postgres has it, for an API process that starts while Redis cannot tell it."""

from engine.catalogue import EventSnapshot
from engine.seats import VenueSnapshot
from sync.catalogue.event_rows import EventGone, lock_event
from sync.catalogue.venues import read_venue
from sync.postgres import Postgres
from sync.sql import statement


class StoredCatalogue:
    """Reads events and venues. Every method raises PostgresAway."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def events(self) -> list[EventSnapshot]:
        """All events."""
        async with self._postgres.transaction() as connection:
            versions = await connection.fetch(statement("event_versions"))
            found = []
            for event_id, _ in versions:
                try:
                    found.append(await lock_event(connection, event_id))
                except EventGone:
                    continue
            return found

    async def venue_ids(self) -> list[int]:
        """The ids of all venues, in ascending order."""
        async with self._postgres.connection() as connection:
            return [row[0] for row in await connection.fetch(statement("venue_ids"))]

    async def venue(self, venue_id: int) -> VenueSnapshot:
        """An existing venue."""
        async with self._postgres.connection() as connection:
            return await read_venue(connection, venue_id)
