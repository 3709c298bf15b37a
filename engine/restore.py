"""Restore of lost partitions: the steps of lua/83_restore.lua, and what they take."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from engine.client import Redis
from engine.errors import Misconfigured
from engine.outbox import Position
from engine.records import Booking, Eticket, Record, WaitingEntry
from engine.redis_keys import PartitionKeys
from engine.terms import CodeTerms, Terms

_AT_ONCE = 1000
_STEP_SECONDS = 30
_ENCODER = msgspec.msgpack.Encoder()


class PoolDump(NamedTuple):
    """A pool; what is not taken is available. `start_ms`: of a slot; 0 of others."""

    event_id: int
    pool: str
    capacity: int
    held: int
    paying: int
    sold: int
    kept: int
    start_ms: int


class MapDump(NamedTuple):
    """The map of a section's seats at an event (engine/seats.py)."""

    event_id: int
    pool: str
    text: str


class CustomerDump(NamedTuple):
    """Places that a customer holds, pays for or has bought at an event."""

    event_id: int
    customer_id: str
    places: int


class RecordDump(NamedTuple):
    """A reservation. `since_ms`: of one that waits for money; `until_ms`: for how long one that ended is kept."""

    reservation_id: str
    record: Record
    since_ms: int
    until_ms: int


class SlotDump(NamedTuple):
    """A slot, by its pool, and by when it may go."""

    event_id: int
    pool: str
    until_ms: int


class VisitDump(NamedTuple):
    """The places of a slot that a reservation bought, and until when they count for its customer."""

    reservation_id: str
    pool: str
    places: int
    customer_id: str
    until_ms: int


class EticketDump(NamedTuple):
    """An e-ticket, by its number. Those of an event come in the order of their numbers, which have no gaps."""

    event_id: int
    number: int
    eticket: Eticket


class ScanDump(NamedTuple):
    """The answer that a scan of a gate got. `number`: -1: the code was none of the event.

    `state`, `first_in_ms` and `changed_ms` are of its e-ticket after the scan. A refund is not in `state`. `changed_ms`
    is 0 where the scan changed nothing: it is unknown then.
    """

    event_id: int
    gate: str
    nonce: str
    number: int
    issue: int
    result: str
    other_gate: str
    other_ms: int
    state: str
    first_in_ms: int
    changed_ms: int


class WaitingDump(NamedTuple):
    """An entry of a waiting list, and when it ended; 0: it is live, or of one forgotten only the number counts."""

    entry: WaitingEntry
    ended_ms: int


class CodeDump(NamedTuple):
    """A code and its counters (engine/codes.py)."""

    event_id: int
    code: str
    terms: CodeTerms
    uses: int
    spent_minor: int
    held: int
    paying: int
    sold: int
    kept: int
    free: int
    is_open: bool


class RoomDump(NamedTuple):
    """A waiting room. `drawn_ms`: 0: its order is not drawn yet; then it has no cohort and no seed."""

    event_id: int
    secret: str
    commitment: str
    joined: int
    digest: str
    drawn_ms: int
    cohort: int
    seed: str
    serving: int
    entered: int


class PlaceDump(NamedTuple):
    """The place of a customer in a waiting room. `entered_ms`: 0: the customer has never been inside."""

    event_id: int
    customer_id: str
    number: int
    entered_ms: int


class PartitionDump(NamedTuple):
    """All that a partition is to have."""

    events: Sequence[tuple[int, Terms]]
    pools: Sequence[PoolDump]
    maps: Sequence[MapDump]
    customers: Sequence[CustomerDump]
    records: Sequence[RecordDump]
    slots: Sequence[SlotDump]
    bookings: Sequence[Booking]
    visits: Sequence[VisitDump]
    waiting: Sequence[WaitingDump] = ()
    etickets: Sequence[EticketDump] = ()
    scans: Sequence[ScanDump] = ()
    codes: Sequence[CodeDump] = ()
    rooms: Sequence[RoomDump] = ()
    places: Sequence[PlaceDump] = ()


async def check_empty(redis: Redis) -> None:
    """Raises Misconfigured unless there is no key at all."""
    async with asyncio.timeout(_STEP_SECONDS):
        for node in await redis.primaries():
            async for key in node.scan_iter(count=_AT_ONCE):
                raise Misconfigured(
                    f"Redis is not empty: it has the key {key.decode(errors='replace')}. Restore does not overwrite "
                    "data; to discard it, stop `onsale serve` and `onsale sync`, empty Redis (FLUSHDB), and restore "
                    "again"
                )


async def begin_restore(redis: Redis, keys: PartitionKeys, known: Position) -> None:
    """Takes a partition: no process can use it until `finish_restore`. `known`: the last entry of its readers."""
    await _step(redis, keys, "begin", str(known).encode())


async def fill(redis: Redis, keys: PartitionKeys, lost: PartitionDump) -> None:
    """Writes what a partition has, in slices that each take the server some ms."""
    for position, rows in enumerate(lost):
        for start in range(0, len(rows), _AT_ONCE):
            part = [rows[start : start + _AT_ONCE] if place == position else [] for place in range(len(lost))]
            await _step(redis, keys, "fill", _ENCODER.encode(part))


async def finish_restore(redis: Redis, keys: PartitionKeys, partitions: int, id_secret: str) -> None:
    """Lets everybody use the partition. `id_secret`: of its keyed ids, if it is known."""
    await _step(redis, keys, "finish", partitions, id_secret)


async def _step(redis: Redis, keys: PartitionKeys, word: str, *arguments: int | str | bytes) -> None:
    async with asyncio.timeout(_STEP_SECONDS):
        await redis.execute_command("FCALL", "onsale_restore", len(keys.fixed), *keys.fixed, word, *arguments)
