"""Restoring: an empty Redis gets all that Postgres knows of sales.

What Redis alone knew is lost: outcomes that the sync worker had not written, and carts. Nothing else may run meanwhile;
a process that starts all the same is refused by the partitions until they are whole.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import structlog

from engine.catalogue import EventSnapshot, describe_event, publish_venue
from engine.client import Redis
from engine.faults import EngineBug, Misconfigured
from engine.keys import PartitionKeys, partition_of
from engine.library import install_library
from engine.records import Booking, PoolCapacity, Record, SectionMap
from engine.restoring import (
    LostCustomer,
    LostMap,
    LostPartition,
    LostPool,
    LostRecord,
    LostSlot,
    LostVisit,
    begin_restore,
    check_empty,
    fill,
    finish_restore,
)
from engine.seats import AVAILABLE
from engine.server import check_server, connect
from engine.settings import Settings
from engine.slots import slot_pool, slot_start_ms
from engine.upkeep import server_time_ms
from engine.words import AttemptState, State
from sync.catalogue import lock_event
from sync.outbox_to_tables import read_offset
from sync.postgres import Connection, Postgres
from sync.reservations import stored_record
from sync.seating import maps_of_event
from sync.sql import statement
from sync.venues import read_venue

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 3600
"""Time for all of it."""

_SEAT_OF = {"held": "h", "paying": "p", "sold": "s"}
_LATE = "late"


class Restored(NamedTuple):
    """What there is again. `newest`: when the last thing happened that Postgres knows; what came after it is lost."""

    events: int
    live: int
    ended: int
    newest: datetime | None


async def restore(settings: Settings) -> Restored:
    """Restores every partition and the catalogue.

    Raises Misconfigured, having changed nothing, if Redis has any key, must not be used, or is to have fewer partitions
    than outcomes came from. Raises PostgresAway, redis.RedisError or OSError if a server cannot be asked: then Redis is
    to be emptied before the next try.
    """
    patient = msgspec.structs.replace(settings, postgres_timeout_ms=_PATIENCE_SECONDS * 1000)
    async with Postgres(patient) as postgres, aclosing(connect(settings, 4)) as redis:
        await check_server(redis)
        await check_empty(redis)
        async with postgres.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            return await _Restore(settings, redis, connection).run()


class _Restore:
    """One restore, over one state of Postgres."""

    def __init__(self, settings: Settings, redis: Redis, connection: Connection) -> None:
        self._redis = redis
        self._connection = connection
        self._keys = [PartitionKeys(partition) for partition in range(settings.partitions)]
        self._archive_ms = settings.archive_seconds * 1000
        self._booking_ms = settings.booking_expires_ms

    async def run(self) -> Restored:
        ((newest, last_partition),) = await self._fetch("restore_newest")
        if last_partition is not None and last_partition >= len(self._keys):
            raise Misconfigured(
                f"outcomes came from partition {last_partition}, ONSALE_PARTITIONS is {len(self._keys)}; "
                "set it to what it was"
            )
        await install_library(self._redis)
        for keys in self._keys:
            offset = await read_offset(self._connection, keys.partition)
            await begin_restore(self._redis, keys, offset.epoch)
        events = await self._catalogue()
        live = ended = 0
        for keys in self._keys:
            here = [event for event in events if partition_of(event.event_id, len(self._keys)) == keys.partition]
            lost = await self._partition(here)
            await fill(self._redis, keys, lost)
            kept = sum(record.until_ms > 0 for record in lost.records)
            live, ended = live + len(lost.records) - kept, ended + kept
        for keys in self._keys:
            await finish_restore(self._redis, keys, len(self._keys))
        return Restored(len(events), live, ended, newest)

    async def _catalogue(self) -> list[EventSnapshot]:
        """All events, whose descriptions, and those of venues, are in Redis when this returns."""
        for (venue_id,) in await self._connection.fetch(statement("venue_ids")):
            await publish_venue(self._redis, await read_venue(self._connection, venue_id))
        versions = await self._connection.fetch(statement("event_versions"))
        events = [await lock_event(self._connection, event_id) for event_id, _ in versions]
        for event in events:
            await describe_event(self._redis, event)
        return events

    async def _partition(self, events: Sequence[EventSnapshot]) -> LostPartition:
        event_ids, by_id = [event.event_id for event in events], {event.event_id: event for event in events}
        now_ms = await server_time_ms(self._redis)
        forgotten_ms = now_ms - self._booking_ms  # what began until then is forgotten
        taken = await self._taken(event_ids)
        bookings = [
            msgspec.json.decode(record, type=Booking)
            for (record,) in await self._fetch("restore_bookings", event_ids, now_ms)
        ]
        slots = self._slots(taken, bookings, forgotten_ms)
        capacities: list[tuple[int, PoolCapacity]] = []
        maps: list[LostMap] = []
        for event in events:
            capacities += [(event.event_id, pool) for pool in event.pools()]
            for section in await maps_of_event(self._connection, event):
                capacity = PoolCapacity(section.pool, section.text.count(AVAILABLE))
                capacities.append((event.event_id, capacity))
                maps.append(_map(event.event_id, section, taken.get((event.event_id, section.pool), {})))
        for slot in slots:
            schedule = by_id[slot.event_id].schedule
            capacities.append((slot.event_id, PoolCapacity(slot.pool, schedule.capacity if schedule else 0)))
        strange = taken.keys() - {(event_id, pool.pool) for event_id, pool in capacities}
        if strange:
            raise EngineBug(f"Postgres has places of pools that its catalogue does not know: {sorted(strange)}")
        visits = await self._fetch("restore_visits", event_ids, forgotten_ms)
        return LostPartition(
            events=[(event.event_id, event.terms()) for event in events],
            pools=[_pool(event_id, pool, taken.get((event_id, pool.pool), {})) for event_id, pool in capacities],
            maps=maps,
            customers=[LostCustomer(*row) for row in await self._fetch("restore_customers", event_ids, forgotten_ms)],
            records=await self._records(event_ids, now_ms),
            slots=slots,
            bookings=bookings,
            visits=[
                LostVisit(rid, pool, places, customer_id, self._until_ms(pool))
                for rid, pool, places, customer_id in visits
            ],
        )

    async def _taken(self, event_ids: Sequence[int]) -> "_TakenByPool":
        taken: _TakenByPool = defaultdict(dict)
        for event_id, pool, counter, places, seats in await self._fetch("restore_taken", event_ids):
            taken[event_id, pool][counter] = _Taken(places, list(map(int, filter(None, seats.split(",")))))
        return taken

    def _slots(self, taken: "_TakenByPool", bookings: Sequence[Booking], forgotten_ms: int) -> list[LostSlot]:
        """Slots of which something is taken. Adds bookings to what is taken, and takes out what is forgotten."""
        until: dict[tuple[int, str], int] = {}
        for event_id, pool in list(taken):
            start_ms = slot_start_ms(pool)
            if start_ms is not None and start_ms <= forgotten_ms and taken[event_id, pool].keys() <= {"sold"}:
                del taken[event_id, pool]
            elif start_ms is not None:
                until[event_id, pool] = self._until_ms(pool)
        for booking in bookings:
            key = (booking.event_id, slot_pool(booking.start_ms))
            sold = taken[key].get("sold", _Taken(0, []))
            taken[key]["sold"] = sold._replace(places=sold.places + 1)
            until[key] = max(until.get(key, 0), booking.expires_ms, self._until_ms(key[1]))
        return [LostSlot(event_id, pool, until_ms) for (event_id, pool), until_ms in until.items()]

    def _until_ms(self, pool: str) -> int:
        """By when a slot may go."""
        return (slot_start_ms(pool) or 0) + self._booking_ms

    async def _records(self, event_ids: Sequence[int], now_ms: int) -> list[LostRecord]:
        """What is live, what waits for money, and what ended so recently that it is still to be known."""
        rows = await self._fetch("restore_records", event_ids, now_ms - self._archive_ms)
        return [self._lost(*stored_record(row)) for row in rows]

    def _lost(self, reservation_id: str, record: Record) -> LostRecord:
        since_ms = min(_waits_since(record), default=0)
        archived = not since_ms and record.state is not State.HELD
        return LostRecord(reservation_id, record, since_ms, record.ended_ms + self._archive_ms if archived else 0)

    async def _fetch(self, name: str, *arguments: Any) -> list[Any]:
        return list(await self._connection.fetch(statement(name), *arguments))


class _Taken(NamedTuple):
    """Places of a pool in one of its counters, and which seats they are."""

    places: int
    seats: Sequence[int]


_TakenByPool = dict[tuple[int, str], dict[str, _Taken]]
"""By event and pool, then by counter."""


def _pool(event_id: int, pool: PoolCapacity, taken: Mapping[str, _Taken]) -> LostPool:
    held, paying, sold = (taken[counter].places if counter in taken else 0 for counter in _SEAT_OF)
    capacity = max(pool.capacity, held + paying + sold)
    if capacity > pool.capacity:
        # A change of capacity was under way: what is taken is taken.
        log.warning("capacity_raised", event_id=event_id, pool=pool.pool, capacity=capacity)
    return LostPool(event_id, pool.pool, capacity, held, paying, sold)


def _map(event_id: int, section: SectionMap, taken: Mapping[str, _Taken]) -> LostMap:
    text = list(section.text)
    for counter, seats in taken.items():
        for place in seats.seats:
            text[place - 1] = _SEAT_OF[counter]
    return LostMap(event_id, section.pool, "".join(text))


def _waits_since(record: Record) -> Iterator[int]:
    """For each attempt whose money may come or must go back: since when."""
    for attempt in record.attempts:
        if attempt.state is AttemptState.PENDING:
            yield attempt.started_ms
        elif attempt.state is AttemptState.REFUND_DUE:
            yield attempt.settled_ms if attempt.reason == _LATE else record.ended_ms
