"""Writing lost partitions anew: the steps of lua/83_restore.lua, and what they take."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from engine.client import Redis
from engine.faults import Misconfigured
from engine.keys import PartitionKeys
from engine.records import Booking, Record, Terms

_AT_ONCE = 1000
_STEP_SECONDS = 30
_ENCODER = msgspec.msgpack.Encoder()


class LostPool(NamedTuple):
    """A pool; what is not taken is available."""

    event_id: int
    pool: str
    capacity: int
    held: int
    paying: int
    sold: int


class LostMap(NamedTuple):
    """The map of a section's seats at an event (engine/seats.py)."""

    event_id: int
    pool: str
    text: str


class LostCustomer(NamedTuple):
    """Places that a customer holds, pays for or has bought at an event."""

    event_id: int
    customer_id: str
    places: int


class LostRecord(NamedTuple):
    """A reservation. `since_ms`: of one that waits for money; `until_ms`: for how long one that ended is kept."""

    reservation_id: str
    record: Record
    since_ms: int
    until_ms: int


class LostSlot(NamedTuple):
    """A slot, by its pool, and by when it may go."""

    event_id: int
    pool: str
    until_ms: int


class LostVisit(NamedTuple):
    """What a reservation bought of a slot, and until when that counts for its customer."""

    reservation_id: str
    pool: str
    places: int
    customer_id: str
    until_ms: int


class LostPartition(NamedTuple):
    """All that a partition is to have."""

    events: Sequence[tuple[int, Terms]]
    pools: Sequence[LostPool]
    maps: Sequence[LostMap]
    customers: Sequence[LostCustomer]
    records: Sequence[LostRecord]
    slots: Sequence[LostSlot]
    bookings: Sequence[Booking]
    visits: Sequence[LostVisit]


async def check_empty(redis: Redis) -> None:
    """Raises Misconfigured unless there is no key at all."""
    async with asyncio.timeout(_STEP_SECONDS):
        async for key in redis.scan_iter(count=_AT_ONCE):
            raise Misconfigured(
                f"Redis is not empty: it has the key {key.decode(errors='replace')}. Nothing live is written over; "
                "if all of it may go, stop `onsale serve` and `onsale sync`, empty it (FLUSHDB), and restore again"
            )


async def begin_restore(redis: Redis, keys: PartitionKeys, epoch: int) -> None:
    """Takes a partition: no process can use it until `finish_restore`. `epoch`: the last that its readers know."""
    await _step(redis, keys, "begin", epoch)


async def fill(redis: Redis, keys: PartitionKeys, lost: LostPartition) -> None:
    """Writes what a partition has, in slices that each take the server some ms."""
    for position, rows in enumerate(lost):
        for start in range(0, len(rows), _AT_ONCE):
            part = [rows[start : start + _AT_ONCE] if place == position else [] for place in range(len(lost))]
            await _step(redis, keys, "fill", _ENCODER.encode(part))


async def finish_restore(redis: Redis, keys: PartitionKeys, partitions: int) -> None:
    """Lets everybody use the partition."""
    await _step(redis, keys, "finish", partitions)


async def _step(redis: Redis, keys: PartitionKeys, word: str, argument: int | bytes) -> None:
    async with asyncio.timeout(_STEP_SECONDS):
        await redis.execute_command("FCALL", "onsale_restore", len(keys.fixed), *keys.fixed, word, argument)
