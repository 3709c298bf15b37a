"""Restoring: an empty Redis gets all that Postgres knows of sales.

What Redis alone knew is lost: outcomes that the sync worker had not written, and carts. Nothing else may run meanwhile;
a process that starts all the same is refused by the partitions until they are whole.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import structlog

from engine.catalogue import EventSnapshot, describe_event, describe_venue
from engine.client import Redis
from engine.errors import EngineBug, Misconfigured
from engine.inspection import server_time_ms
from engine.library import install_library
from engine.opening import opened_redis
from engine.outbox import last_position
from engine.records import MOST_PASSES, Booking, Eticket, Pass, Record
from engine.redis_keys import PartitionKeys, partition_of
from engine.restore import (
    CodeDump,
    CustomerDump,
    EticketDump,
    MapDump,
    PartitionDump,
    PlaceDump,
    PoolDump,
    RecordDump,
    RoomDump,
    SlotDump,
    VisitDump,
    WaitingDump,
    begin_restore,
    check_empty,
    fill,
    finish_restore,
)
from engine.seats import AVAILABLE, BLOCKED, HELD, KEPT, LENT, PAYING, SOLD
from engine.server import check_servers
from engine.settings import Settings
from engine.slots import local_slot, parse_slot, slot_of_pool, slot_pool, slot_start_ms
from engine.stock import PoolCapacity, SectionMap
from engine.words import AttemptState, EticketState, State
from sync.audit.invariants import counted_bookings
from sync.catalogue.event_rows import read_event
from sync.catalogue.section_maps import maps_of_event
from sync.catalogue.venues import read_venue
from sync.outbox.writer import read_offset
from sync.postgres import Connection, Postgres, own_connection, postgres_faults
from sync.read_models.reservations import PendingExchange, pending_exchanges, stored_record
from sync.read_models.waiting_lists import stored_entry
from sync.restore.codes import PlacesLeft, restored_codes
from sync.restore.rooms import restored_rooms
from sync.restore.scans import restored_scans
from sync.sql import statement

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 3600
"""Time for all of it."""

_REDIS_SECONDS = 30
"""Time for one call of Redis."""

_SEAT_OF = {"held": HELD, "paying": PAYING, "sold": SOLD, "kept": KEPT}
_A_DAY_MS = 86_400_000


class Restored(NamedTuple):
    """The restored state.

    `newest`: the time of the last fact in Postgres; everything after it is lost.
    """

    events: int
    live: int
    ended: int
    newest: datetime | None


async def restore(settings: Settings, *, only_lost: bool = False) -> Restored:
    """Restores every partition and the catalogue; with `only_lost` those of a cluster that are not there.

    Raises Misconfigured, before any change, if Redis must not be used or has any key; with `only_lost`, if nothing is
    lost. Raises it also if Redis has fewer partitions than outcomes came from. Raises PostgresAway, Fault,
    redis.RedisError or OSError if a server is away. Empty Redis then before the next try.
    """
    patient = msgspec.structs.replace(settings, postgres_timeout_ms=_PATIENCE_SECONDS * 1000)
    async with Postgres(patient) as postgres, opened_redis(settings, 4, timeout_seconds=_REDIS_SECONDS) as redis:
        await check_servers(redis)
        if not only_lost:
            await check_empty(redis)
        async with _kept_catalogue(patient), postgres.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return await _Restore(settings, redis, connection, only_lost=only_lost).run()


@asynccontextmanager
async def _kept_catalogue(settings: Settings) -> AsyncIterator[None]:
    """No event and no venue of Postgres changes in this block: what is published here is never older than in Redis.

    The restore cannot take these locks itself. Its state of Postgres would be from before it waits for them, and
    Postgres refuses to lock what changed since.
    """
    async with (
        own_connection(settings, "onsale-restore") as connection,
        postgres_faults(_PATIENCE_SECONDS),
        connection.transaction(),
    ):
        for name in ("lock_venues", "lock_events"):
            await connection.execute(statement(name))
        yield


class _Restore:
    """One restore, over one state of Postgres."""

    def __init__(self, settings: Settings, redis: Redis, connection: Connection, *, only_lost: bool) -> None:
        self._redis, self._only_lost = redis, only_lost
        self._connection = connection
        self._keys = redis.partition_keys(settings.partitions)
        self._archive_ms = settings.archive_seconds * 1000
        self._booking_ms = settings.booking_expires_ms

    async def run(self) -> Restored:
        ((newest, last_partition),) = await self._fetch("restore_newest")
        if last_partition is not None and last_partition >= len(self._keys):
            raise Misconfigured(
                f"outcomes came from partition {last_partition}, ONSALE_PARTITIONS is {len(self._keys)}; "
                "restore the earlier value"
            )
        await install_library(self._redis)
        partitions = self._keys
        if self._only_lost:
            partitions = await self._lost_partitions()
        for keys in partitions:
            offset = await read_offset(self._connection, keys.partition)
            await begin_restore(self._redis, keys, offset)
        events = await self._catalogue()
        live = ended = 0
        for keys in partitions:
            here = [event for event in events if partition_of(event.event_id, len(self._keys)) == keys.partition]
            lost = await self._partition(keys, here)
            await fill(self._redis, keys, lost)
            kept = sum(record.until_ms > 0 for record in lost.records)
            live, ended = live + len(lost.records) - kept, ended + kept
        for keys in partitions:
            secret = await self._connection.fetchval(statement("read_id_secret"), keys.partition)
            await finish_restore(self._redis, keys, len(self._keys), secret or "")
        return Restored(len(events), live, ended, newest)

    async def _lost_partitions(self) -> list[PartitionKeys]:
        """The partitions that have nothing. A process that started meanwhile may have made a new one: it is empty.

        Raises Misconfigured if there is none.
        """
        lost = []
        for keys in self._keys:
            found: list[int] = await self._redis.calls([("EXISTS", key) for key in keys.fixed])
            if any(found[1:]):
                continue
            offset = await read_offset(self._connection, keys.partition)
            if not found[0] or await last_position(self._redis, keys) < offset:
                await self._redis.delete(keys.meta)
                lost.append(keys)
        if not lost:
            raise Misconfigured("no partition is lost: each of them has data; nothing was restored")
        log.info("restoring_partitions", partitions=[keys.partition for keys in lost])
        return lost

    async def _catalogue(self) -> list[EventSnapshot]:
        """All events, whose descriptions, and those of venues, are in Redis when this returns."""
        for venue_id, _changed in await self._connection.fetch(statement("venue_ids")):
            await describe_venue(self._redis, await read_venue(self._connection, venue_id))
        versions = await self._connection.fetch(statement("event_versions"))
        events = [await read_event(self._connection, event_id) for event_id, _ in versions]
        for event in events:
            await describe_event(self._redis, event)
        return events

    async def _partition(self, keys: PartitionKeys, events: Sequence[EventSnapshot]) -> PartitionDump:
        event_ids, by_id = [event.event_id for event in events], {event.event_id: event for event in events}
        now_ms = await server_time_ms(self._redis, keys)
        forgotten_ms = now_ms - self._booking_ms  # what began until then is forgotten
        taken = await self._taken(event_ids)
        bookings = [
            msgspec.json.decode(record, type=Booking)
            for (record,) in await self._fetch("restore_bookings", event_ids, now_ms)
        ]
        timezones = {event.event_id: event.timezone for event in events}
        slots = self._slots(taken, bookings, forgotten_ms, timezones)
        capacities: list[tuple[int, PoolCapacity]] = []
        maps: list[MapDump] = []
        for event in events:
            capacities += [(event.event_id, pool) for pool in event.pools()]
            for section in await maps_of_event(self._connection, event):
                filled = _map(event.event_id, section, taken.get((event.event_id, section.pool), {}))
                lent = sum(map(filled.text.count, LENT.values()))
                capacity = PoolCapacity(section.pool, section.text.count(AVAILABLE) + lent)
                capacities.append((event.event_id, capacity))
                maps.append(filled)
        for slot in slots:
            capacities.append((slot.event_id, PoolCapacity(slot.pool, _slot_capacity(by_id[slot.event_id], slot.pool))))
        strange = taken.keys() - {(event_id, pool.pool) for event_id, pool in capacities}
        if strange:
            raise EngineBug(f"Postgres has places of pools that its catalogue does not know: {sorted(strange)}")
        visits = await self._visits(event_ids, timezones, forgotten_ms)
        left = PlacesLeft(
            by_id,
            {
                (event_id, pool.pool): pool.capacity - _places(taken.get((event_id, pool.pool), {}))
                for event_id, pool in capacities
            },
        )
        codes = await self._codes(event_ids, now_ms, left)
        rooms, places = await self._rooms([event.event_id for event in events if event.waiting_room])
        return PartitionDump(
            events=[(event.event_id, event.terms()) for event in events],
            pools=[
                _pool(
                    event_id,
                    pool,
                    taken.get((event_id, pool.pool), {}),
                    _start_ms(pool.pool, timezones[event_id]) or 0,
                    left.set_aside[event_id, pool.pool],
                )
                for event_id, pool in capacities
            ],
            maps=maps,
            customers=await self._customers(event_ids, bookings, timezones, forgotten_ms),
            records=await self._records(event_ids, now_ms),
            slots=slots,
            bookings=bookings,
            visits=visits,
            etickets=await self._etickets(event_ids),
            scans=restored_scans(await self._fetch("restore_scans", event_ids)),
            waiting=await self._waiting(event_ids, now_ms),
            codes=codes,
            rooms=rooms,
            places=places,
        )

    async def _etickets(self, event_ids: Sequence[int]) -> list[EticketDump]:
        """All e-tickets with their last passes."""
        return [
            EticketDump(
                row["event_id"],
                row["number"],
                Eticket(
                    row["reservation_id"],
                    row["ticket_id"],
                    row["pool"],
                    row["seat"],
                    row["issue"],
                    EticketState(row["status"]),
                    row["holder"],
                    row["first_in_ms"],
                    row["changed_ms"],
                    msgspec.json.decode(row["passes"], type=list[Pass])[-MOST_PASSES:],
                    row["transfer_id"],
                ),
            )
            for row in await self._fetch("restore_etickets", event_ids)
        ]

    async def _waiting(self, event_ids: Sequence[int], now_ms: int) -> list[WaitingDump]:
        """The entries of waiting lists that are live, or ended so recently that Redis must still have them."""
        rows = await self._fetch("restore_waiting_entries", event_ids, now_ms - self._archive_ms)
        return [WaitingDump(stored_entry(row[:-1]), row["ended_ms"]) for row in rows]

    async def _rooms(self, event_ids: Sequence[int]) -> tuple[list[RoomDump], list[PlaceDump]]:
        """Waiting rooms and the places in them."""
        rooms = await self._fetch("restore_queue_rooms", event_ids)
        return restored_rooms(rooms, await self._fetch("restore_queue_places", event_ids))

    async def _codes(self, event_ids: Sequence[int], now_ms: int, left: PlacesLeft) -> list[CodeDump]:
        """All codes, with what is used of them; takes what is set aside for them out of what pools have left."""
        used = await self._fetch("restore_codes", event_ids, [])
        return restored_codes(await self._fetch("codes_of_events", event_ids), used, now_ms, left)

    async def _visits(
        self, event_ids: Sequence[int], timezones: Mapping[int, str], forgotten_ms: int
    ) -> list[VisitDump]:
        """The purchases of slots that are not forgotten."""
        return [
            VisitDump(rid, pool, places, customer_id, begins_ms + self._booking_ms)
            for rid, event_id, pool, places, customer_id in await self._fetch(
                "restore_visits", event_ids, _surely_before(forgotten_ms)
            )
            if (begins_ms := _start_ms(pool, timezones[event_id]) or 0) > forgotten_ms
        ]

    async def _customers(
        self, event_ids: Sequence[int], bookings: Sequence[Booking], timezones: Mapping[int, str], forgotten_ms: int
    ) -> list[CustomerDump]:
        """The customers whose places count: held, paid for, bought, or booked."""
        counted = counted_bookings(bookings)
        rows = await self._fetch("restore_customers", event_ids, _surely_before(forgotten_ms))
        for event_id, customer_id, paid_slot, places in rows:
            begins_ms = _start_ms(paid_slot, timezones[event_id])
            if begins_ms is None or begins_ms > forgotten_ms:
                counted[event_id, customer_id] += places
        for _, event_id, customer_id, exchange in await self._exchanges(event_ids):
            counted[event_id, customer_id] += exchange.places_gained
        return [CustomerDump(event_id, customer_id, places) for (event_id, customer_id), places in counted.items()]

    async def _taken(self, event_ids: Sequence[int]) -> "_TakenByPool":
        taken: _TakenByPool = defaultdict(dict)
        for event_id, pool, counter, places, seats in await self._fetch("restore_taken", event_ids):
            taken[event_id, pool][counter] = _Taken(places, list(map(int, filter(None, seats.split(",")))))
        for _, event_id, _, exchange in await self._exchanges(event_ids):
            for line in exchange.pinned:
                paying = taken[event_id, line.pool].get("paying", _Taken(0, []))
                taken[event_id, line.pool]["paying"] = _Taken(
                    paying.places + line.quantity, [*paying.seats, *line.seats]
                )
        return taken

    async def _exchanges(self, event_ids: Sequence[int]) -> list[PendingExchange]:
        """The exchanges of these events that wait for their money."""
        known = set(event_ids)
        return [one for one in await pending_exchanges(self._connection) if one.event_id in known]

    def _slots(
        self, taken: "_TakenByPool", bookings: Sequence[Booking], forgotten_ms: int, timezones: Mapping[int, str]
    ) -> list[SlotDump]:
        """Slots of which something is taken. Adds bookings to what is taken, and takes out what is forgotten."""
        until: dict[tuple[int, str], int] = {}
        for event_id, pool in list(taken):
            start_ms = _start_ms(pool, timezones[event_id])
            if start_ms is not None and start_ms <= forgotten_ms and taken[event_id, pool].keys() <= {"sold", "kept"}:
                del taken[event_id, pool]
            elif start_ms is not None:
                until[event_id, pool] = start_ms + self._booking_ms
        for booking in bookings:
            key = (booking.event_id, slot_pool(booking.slot))
            sold = taken[key].get("sold", _Taken(0, []))
            taken[key]["sold"] = sold._replace(places=sold.places + 1)
            until_ms = slot_start_ms(booking.slot, timezones[booking.event_id]) + self._booking_ms
            until[key] = max(until.get(key, 0), booking.expires_ms, until_ms)
        return [SlotDump(event_id, pool, until_ms) for (event_id, pool), until_ms in until.items()]

    async def _records(self, event_ids: Sequence[int], now_ms: int) -> list[RecordDump]:
        """The records that are live, wait for money, or ended so recently that Redis must still have them."""
        rows = await self._fetch("restore_records", event_ids, now_ms - self._archive_ms)
        return [self._lost(*stored_record(row), row["updated_ms"]) for row in rows]

    def _lost(self, reservation_id: str, record: Record, updated_ms: int) -> RecordDump:
        since_ms = min(_waits_since(record), default=0)
        archived = not since_ms and record.state is not State.HELD
        return RecordDump(reservation_id, record, since_ms, updated_ms + self._archive_ms if archived else 0)

    async def _fetch(self, name: str, *arguments: Any) -> list[Any]:
        return list(await self._connection.fetch(statement(name), *arguments))


class _Taken(NamedTuple):
    """Places of a pool in one of its counters, and which seats they are."""

    places: int
    seats: Sequence[int]


_TakenByPool = dict[tuple[int, str], dict[str, _Taken]]
"""By event and pool, then by counter."""


def _places(taken: Mapping[str, _Taken]) -> int:
    """All places of a pool that are taken."""
    return sum(each.places for each in taken.values())


def _start_ms(pool: str, timezone: str) -> int | None:
    """When a slot begins, by its pool; None for a pool of another kind."""
    slot = slot_of_pool(pool)
    return None if slot is None else slot_start_ms(slot, timezone)


def _surely_before(instant_ms: int) -> str:
    """A local date and time that every zone had before the instant."""
    return local_slot(instant_ms - _A_DAY_MS, "UTC")


def _slot_capacity(event: EventSnapshot, pool: str) -> int:
    """Places of a slot by the event's schedule, taken or not."""
    slot = slot_of_pool(pool)
    has = event.schedule is not None and slot is not None and event.schedule.has(*parse_slot(slot))
    return event.schedule.capacity if event.schedule and has else 0


def _pool(event_id: int, pool: PoolCapacity, taken: Mapping[str, _Taken], start_ms: int, aside: int) -> PoolDump:
    places = [taken[counter].places if counter in taken else 0 for counter in _SEAT_OF]
    places[-1] += aside
    capacity = max(pool.capacity, sum(places))
    if capacity > pool.capacity:
        # A change of capacity was under way: what is taken is taken.
        log.warning("capacity_raised", event_id=event_id, pool=pool.pool, capacity=capacity)
    held, paying, sold, kept = places
    return PoolDump(event_id, pool.pool, capacity, held, paying, sold, kept, start_ms)


def _map(event_id: int, section: SectionMap, taken: Mapping[str, _Taken]) -> MapDump:
    text = list(section.text)
    for counter, seats in taken.items():
        for place in seats.seats:
            seat = _SEAT_OF[counter]
            text[place - 1] = LENT[seat] if text[place - 1] == BLOCKED else seat
    return MapDump(event_id, section.pool, "".join(text))


def _waits_since(record: Record) -> Iterator[int]:
    """The start of the wait for each attempt whose money may come or must go back."""
    for attempt in record.attempts:
        if attempt.state is AttemptState.PENDING:
            yield attempt.started_ms
        for refund in attempt.due_refunds:
            yield refund.created_ms
