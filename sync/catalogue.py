"""The catalogue: events and tickets are owned by Postgres and published to Redis, which sells from what is published.

The two cannot be written at once, so the order decides what a crash leaves behind:
- A new event or ticket is committed first. Left behind: it is not on sale yet.
- A change is announced (a new version is committed), then published, then committed: Redis may refuse it. Left behind:
  Redis sells by terms that Postgres does not have.
Either way Redis has another version published than Postgres has, and `publish_missing` publishes what Postgres says.
"""

import asyncio
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from engine.catalogue import EventSnapshot, Schedule, TicketSnapshot, publish_event, published_versions
from engine.commands import BlockSeats, Count
from engine.engine import Engine
from engine.faults import EngineBug
from engine.results import BelowTaken, Published, SeatTaken, UnknownPool
from engine.words import EventStatus
from sync.postgres import Connection, Postgres
from sync.seating import missing_maps, section_seats
from sync.sql import statement

log = structlog.get_logger(__name__)


class NewTicket(msgspec.Struct, frozen=True):
    """A ticket to be offered. The price is in minor units of the only currency.

    It offers either a capacity of places that are all alike, or the seats of sections of the event's venue.
    """

    ticket_type: str
    unit_minor: int
    capacity: int = 0
    section_ids: list[int] = []


class EventFields(msgspec.Struct, frozen=True):
    """What a manager says about an event. Times are aware; `sale_opens_at` and `sale_closes_at` None: no such limit."""

    name: str
    starts_at: datetime
    timezone: str = "UTC"
    venue_id: int | None = None
    status: EventStatus = EventStatus.DRAFT
    sale_opens_at: datetime | None = None
    sale_closes_at: datetime | None = None
    hold_seconds: int = 900
    max_per_customer: int = 10


class NewEvent(EventFields, frozen=True, kw_only=True):
    """An event to be made, with its tickets; with a schedule it is timed, and they have no places of their own."""

    tickets: list[NewTicket]
    schedule: Schedule | None = None


class EventChanges(msgspec.Struct, frozen=True):
    """What changes of an event; UNSET stays as it is, None takes a limit away."""

    name: str | UnsetType = UNSET
    starts_at: datetime | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    venue_id: int | UnsetType | None = UNSET
    status: EventStatus | UnsetType = UNSET
    sale_opens_at: datetime | UnsetType | None = UNSET
    sale_closes_at: datetime | UnsetType | None = UNSET
    hold_seconds: int | UnsetType = UNSET
    max_per_customer: int | UnsetType = UNSET


class TicketChanges(msgspec.Struct, frozen=True):
    """What changes of a ticket; UNSET stays as it is. Prices of places that are held already stay as they were."""

    unit_minor: int | UnsetType = UNSET
    capacity: int | UnsetType = UNSET


class WrongVenue(msgspec.Struct, frozen=True):
    """These sections, which tickets of the event offer, are not of its venue. Nothing was changed."""

    section_ids: list[int]


class UnknownSeats(msgspec.Struct, frozen=True):
    """These seats are not of the event's venue. Nothing was changed."""

    seat_ids: list[int]


class SalesLost(EngineBug):
    """Redis does not know an event of which Postgres has sold places: to publish it would sell them again."""


class Catalogue:
    """Edits the catalogue and publishes it.

    Every method raises PostgresAway, or Fault when Redis is away. What was begun then is finished by the publisher of
    the sync worker, as Postgres has it.
    """

    def __init__(self, postgres: Postgres, engine: Engine) -> None:
        self._postgres = postgres
        self._engine = engine

    async def create_event(self, event: NewEvent) -> EventSnapshot:
        """Makes an event. It is on sale, if its status says so, when this returns.

        Raises asyncpg.IntegrityConstraintViolationError if its venue is not there, or has not the sections that its
        tickets offer.
        """
        async with self._postgres.transaction() as connection:
            event_id: int = await connection.fetchval(statement("insert_event"), *_fields(event))
            if not isinstance(await self._engine.submit(Count(event_id)), UnknownPool):
                raise EngineBug(
                    f"Redis sells an event {event_id} that Postgres does not know; do they belong together?"
                )
            if event.schedule is not None:
                times = [event.schedule.capacity, event.schedule.times]
                await connection.execute(statement("insert_schedule"), event_id, *times)
            await _insert_tickets(connection, event_id, event.tickets)
        return await self._publish_existing(event_id)

    async def update_event(self, event_id: int, changes: EventChanges) -> EventSnapshot | WrongVenue | None:
        """Changes an event under live sales; None if there is no such event.

        Its venue stays once tickets offer sections of it. Raises asyncpg.IntegrityConstraintViolationError for a venue
        that is not there.
        """
        if not await self._announce(event_id):
            return None
        async with self._postgres.transaction() as connection:
            (before,) = await connection.fetch(statement("read_event_fields"), event_id)
            after = msgspec.structs.replace(msgspec.convert(dict(before), EventFields), **_given(changes))
            if after.venue_id != before["venue_id"]:
                offered = await connection.fetch(statement("sections_of_event"), event_id)
                if offered:
                    return WrongVenue([section_id for (section_id,) in offered])
                await connection.execute(statement("unblock_all"), event_id)
            await connection.execute(statement("update_event"), event_id, *_fields(after))
            return await self._publish_surely(connection, event_id)

    async def add_tickets(self, event_id: int, tickets: list[NewTicket]) -> EventSnapshot | WrongVenue | None:
        """Offers more tickets of an event; None if there is no such event."""
        offered = [section_id for ticket in tickets for section_id in ticket.section_ids]
        async with self._postgres.transaction() as connection:
            if await connection.fetchval(statement("new_version"), event_id) is None:
                return None
            strange = await connection.fetch(statement("strange_sections"), event_id, offered)
            if strange:
                return WrongVenue(sorted({section_id for (section_id,) in strange}))
            await _insert_tickets(connection, event_id, tickets)
        return await self._publish_existing(event_id)

    async def update_ticket(self, ticket_id: int, changes: TicketChanges) -> EventSnapshot | BelowTaken | None:
        """Changes a ticket under live sales; None if there is no such ticket.

        Answers BelowTaken, and changes nothing, if the new capacity is less than what is taken.
        """
        async with self._postgres.connection() as connection:
            event_id: int | None = await connection.fetchval(statement("event_of_ticket"), ticket_id)
        if event_id is None or not await self._announce(event_id):
            return None
        try:
            async with self._postgres.transaction() as connection:
                await lock_event(connection, event_id)
                await connection.execute(
                    statement("update_ticket"), ticket_id, _or_none(changes.unit_minor), _or_none(changes.capacity)
                )
                await connection.execute(statement("new_version"), event_id)
                snapshot = await lock_event(connection, event_id)
                refusal = await self._publish(connection, snapshot)
                if refusal is not None:
                    raise _Refused(refusal)
                return snapshot
        except _Refused as refused:
            return refused.result

    async def block_seats(
        self, event_id: int, seat_ids: list[int], *, blocked: bool
    ) -> EventSnapshot | SeatTaken | UnknownSeats | None:
        """Takes seats off sale, or puts them back on, under live sales; None if there is no such event.

        All of them or none: answers SeatTaken where one is held or sold. Seats of sections that no ticket offers yet
        are blocked for when one does.
        """
        if not await self._announce(event_id):
            return None
        async with self._postgres.transaction() as connection:
            snapshot = await lock_event(connection, event_id)
            known = await connection.fetch(statement("seats_of_event"), event_id, seat_ids)
            unknown = set(seat_ids).difference(seat_id for (seat_id,) in known)
            if unknown:
                return UnknownSeats(sorted(unknown))
            command = BlockSeats(event_id, await section_seats(connection, snapshot, seat_ids), blocked)
            result = await self._engine.submit(command)
            if isinstance(result, UnknownPool):  # a crash left its stock unpublished
                await self._publish_surely(connection, event_id)
                result = await self._engine.submit(command)
            if isinstance(result, SeatTaken):
                return result
            if isinstance(result, UnknownPool):
                raise EngineBug(f"Redis does not know the sections of event {event_id}, which was just published")
            await connection.execute(statement("block_seats" if blocked else "unblock_seats"), event_id, seat_ids)
            await connection.execute(statement("new_version"), event_id)
            return await self._publish_surely(connection, event_id)

    async def publish_missing(self) -> int:
        """Publishes every event of which Redis does not have Postgres' version. Returns how many."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("event_versions"))
        async with asyncio.timeout(self._postgres.timeout_seconds):
            published = await published_versions(self._engine.redis)
        count = 0
        for event_id, version in rows:
            if published.pop(event_id, None) != version:
                try:
                    await self._publish_anew(event_id)
                    count += 1
                except SalesLost as error:
                    log.error("sales_lost", event_id=event_id, error=str(error))
        if published:
            log.error(
                "unknown_events", event_ids=sorted(published), error="Redis has events that Postgres does not know"
            )
        return count

    async def _announce(self, event_id: int) -> bool:
        """Commits that the event is about to change, so that a crash is found and healed; False if there is none."""
        async with self._postgres.connection() as connection:
            return await connection.fetchval(statement("new_version"), event_id) is not None

    async def _publish_existing(self, event_id: int) -> EventSnapshot:
        """Publishes an event as it is committed. Under a lock: an older state is never published over a newer one."""
        async with self._postgres.transaction() as connection:
            return await self._publish_surely(connection, event_id)

    async def _publish_anew(self, event_id: int) -> None:
        """Publishes an event as it is committed, as a newer version than any that Redis may have got."""
        async with self._postgres.transaction() as connection:
            await connection.execute(statement("new_version"), event_id)
            await self._publish_surely(connection, event_id)

    async def _publish_surely(self, connection: Connection, event_id: int) -> EventSnapshot:
        """Publishes an event whose capacities Redis has agreed to, or must.

        Where Redis sold by a capacity that Postgres did not get to commit, what is sold is sold: Postgres follows.
        """
        while True:
            snapshot = await lock_event(connection, event_id)
            refusal = await self._publish(connection, snapshot)
            if refusal is None:
                return snapshot
            log.warning("capacity_raised", event_id=event_id, pool=refusal.pool, capacity=refusal.taken)
            ticket_id = next(ticket.ticket_id for ticket in snapshot.tickets if refusal.pool in ticket.pools)
            await connection.execute(statement("raise_capacity"), ticket_id, refusal.taken)

    async def _publish(self, connection: Connection, snapshot: EventSnapshot) -> BelowTaken | None:
        """Publishes a snapshot, or answers Redis' refusal."""
        known = await self._engine.submit(Count(snapshot.event_id))
        if isinstance(known, UnknownPool) and await connection.fetchval(
            statement("event_has_sales"), snapshot.event_id
        ):
            raise SalesLost(
                f"Redis does not know event {snapshot.event_id}, of which Postgres has sold places; "
                "it is not put on sale, because those would be sold again; restore Redis"
            )
        sections = await missing_maps(connection, self._engine, snapshot)
        result = await publish_event(self._engine, snapshot, sections)
        return None if isinstance(result, Published) else result


class _Refused(Exception):
    """Rolls a transaction back because of a refusal of Redis."""

    def __init__(self, result: BelowTaken) -> None:
        self.result = result


async def lock_event(connection: Connection, event_id: int) -> EventSnapshot:
    """The event as it is in this transaction, locked until its end."""
    event = await connection.fetchrow(statement("lock_event"), event_id)
    tickets = await connection.fetch(statement("read_tickets"), event_id)
    schedule = await connection.fetchrow(statement("read_schedule"), event_id)
    if event is None:
        raise EngineBug(f"event {event_id} has gone; events are never deleted")
    fields = dict(event) | {
        "tickets": [TicketSnapshot(**ticket) for ticket in tickets],
        "schedule": Schedule(**schedule) if schedule else None,
    }
    return msgspec.convert(fields, EventSnapshot)


async def _insert_tickets(connection: Connection, event_id: int, tickets: list[NewTicket]) -> None:
    ticket_ids = await connection.fetch(
        statement("insert_tickets"),
        event_id,
        [ticket.ticket_type for ticket in tickets],
        [ticket.unit_minor for ticket in tickets],
        [ticket.capacity for ticket in tickets],
    )
    offered = [
        (ticket_id, position, section_id)
        for (ticket_id,), ticket in zip(ticket_ids, tickets, strict=True)
        for position, section_id in enumerate(ticket.section_ids)
    ]
    if offered:
        columns = [list(column) for column in zip(*offered, strict=True)]
        await connection.execute(statement("insert_ticket_sections"), event_id, *columns)


def _fields(event: EventFields) -> list[Any]:
    """Values of the columns that sync/sql/insert_event.sql and update_event.sql set, in their order."""
    return [getattr(event, name) for name in EventFields.__struct_fields__]


def _given(changes: EventChanges) -> dict[str, Any]:
    values = msgspec.structs.asdict(changes)
    return {name: value for name, value in values.items() if value is not UNSET}


def _or_none(value: int | UnsetType) -> int | None:
    return None if value is UNSET else value
