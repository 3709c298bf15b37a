"""Publishes events of Postgres to Redis.

A change is announced (a new version is committed) before it is published. After a crash in between, the versions in
Postgres and Redis differ, and `publish_missing` publishes what Postgres says.
"""

from collections.abc import Sequence

import structlog

from engine.catalogue import EventSnapshot, publish_event, published_versions
from engine.commands.events import Count
from engine.engine import Engine
from engine.errors import EngineBug
from engine.results.events import BelowTaken, InUse, Published, UnknownPool
from sync.catalogue.event_rows import EventGone, lock_event, note_change
from sync.catalogue.refusals import OtherRevision
from sync.catalogue.section_maps import missing_maps
from sync.postgres import Connection, Postgres
from sync.sql import statement

log = structlog.get_logger(__name__)


class SalesLost(EngineBug):
    """Redis does not know an event with sold places in Postgres: publishing it would sell them again."""


class Refused(Exception):
    """Ends a change because of a refusal, and rolls its transaction back. None: there is no such event."""

    def __init__(self, result: BelowTaken | InUse | OtherRevision | None) -> None:
        self.result = result


class EventPublisher:
    """Publishes events. Every method raises PostgresAway, or Fault when Redis is away."""

    def __init__(self, postgres: Postgres, engine: Engine) -> None:
        self._postgres = postgres
        self._engine = engine

    async def publish_missing(self) -> int:
        """Publishes every event of which Redis does not have Postgres' version. Returns how many."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("event_versions"))
        published = await published_versions(self._engine.redis)
        count = 0
        for event_id, version in rows:
            if published.pop(event_id, None) != version:
                try:
                    await self.publish_new_version(event_id)
                    count += 1
                except EventGone:
                    continue  # it was deleted meanwhile
                except SalesLost as error:
                    log.error("sales_lost", event_id=event_id, error=str(error))
                except EngineBug:
                    # What is broken in one event must not keep the others from their publication.
                    log.exception("event_not_published", event_id=event_id)
        if published:
            log.error(
                "unknown_events", event_ids=sorted(published), error="Redis has events that Postgres does not know"
            )
        return count

    async def announce(self, event_id: int, revisions: Sequence[int] | None = None) -> None:
        """Commits that the event is about to change, so that a crash is found and healed.

        Raises Refused if there is none, or if it has none of these revisions.
        """
        async with self._postgres.connection() as connection:
            if await connection.fetchval(statement("new_version"), event_id, revisions) is None:
                known = await connection.fetchval(statement("event_exists"), event_id)
                raise Refused(OtherRevision() if known else None)

    async def publish_existing(self, event_id: int) -> EventSnapshot:
        """Publishes an event as it is committed. Under a lock: an older state is never published over a newer one."""
        async with self._postgres.transaction() as connection:
            return await self.publish_agreed(connection, event_id)

    async def publish_new_version(self, event_id: int) -> None:
        """Publishes an event as it is committed, as a newer version than any that Redis may have got.

        Raises EventGone.
        """
        async with self._postgres.transaction() as connection:
            # The stronger lock comes first. A change of codes may get a weaker one in between, and wait for this one.
            await lock_event(connection, event_id)
            await connection.execute(statement("new_version"), event_id, None)
            await self.publish_agreed(connection, event_id)

    async def publish_agreed(self, connection: Connection, event_id: int) -> EventSnapshot:
        """Publishes an event whose capacities Redis has agreed to, or must.

        Where Redis sold by a capacity that Postgres did not get to commit, what is sold is sold: Postgres follows.
        """
        while True:
            snapshot = await lock_event(connection, event_id)
            refusal = await self.publish(connection, snapshot, keeps_slots=True)
            if refusal is None:
                return snapshot
            if isinstance(refusal, InUse):
                log.warning("currency_kept", event_id=event_id, currency=refusal.currency)
                await connection.execute(statement("keep_currency"), event_id, refusal.currency)
                await note_change(connection, event_id)
                continue
            log.warning("capacity_raised", event_id=event_id, pool=refusal.pool, capacity=refusal.taken)
            ticket_id = next(ticket.ticket_id for ticket in snapshot.tickets if refusal.pool in ticket.pools)
            await connection.execute(statement("raise_capacity"), ticket_id, refusal.taken)
            await note_change(connection, event_id, ticket_id)

    async def publish(
        self, connection: Connection, snapshot: EventSnapshot, *, keeps_slots: bool = False
    ) -> BelowTaken | InUse | None:
        """Publishes a snapshot, or answers Redis' refusal."""
        known = await self._engine.submit(Count(snapshot.event_id))
        if isinstance(known, UnknownPool) and await connection.fetchval(
            statement("event_has_sales"), snapshot.event_id
        ):
            raise SalesLost(
                f"Redis does not know event {snapshot.event_id}, but Postgres has sold places of it. "
                "It is not put on sale, because those would be sold again: restore Redis"
            )
        sections = await missing_maps(connection, self._engine, snapshot)
        result = await publish_event(self._engine, snapshot, sections, keeps_slots=keeps_slots)
        return None if isinstance(result, Published) else result
