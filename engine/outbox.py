"""Reading a partition's outbox: entries in order, and trimming what was read for good."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple, Self

from engine.client import Redis
from engine.errors import EngineBug
from engine.library import with_library
from engine.redis_keys import (
    ACTS_FIELD,
    BEFORE_FIELD,
    BOOKINGS_FIELD,
    ETICKETS_FIELD,
    OUTBOX_FIELD,
    QUEUES_FIELD,
    SCANS_FIELD,
    TRACE_FIELD,
    WAITING_FIELD,
    PartitionKeys,
)
from engine.replicas import calls_with_acks


class Position(NamedTuple):
    """An entry's place in an outbox. Positions compare in the order of writing; sequences of an epoch have no gaps.

    A new epoch begins with each server process: after a restart, a failover, and when a partition is rebuilt.
    """

    epoch: int
    sequence: int

    @classmethod
    def parse(cls, entry_id: bytes) -> Self:
        """The position of a stream entry's id."""
        epoch, sequence = entry_id.split(b"-")
        return cls(int(epoch), int(sequence))

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"


BEGINNING = Position(0, 0)
"""Before the first entry of any outbox."""


class Entry(NamedTuple):
    """One outbox entry: the facts of one batch, still packed (engine/facts.py).

    `payload` has the facts about reservations, perhaps none. `bookings`, `waiting` and `queues` have those about
    bookings, waiting lists and waiting rooms; each is empty if there are none.
    `acts` say on whose behalf facts were made, empty if nothing is logged. `etickets` and `scans` are of the doors,
    empty if nothing happened there.
    `trace` is the `traceparent` of the batch, empty if it is not traced.
    `before` is what the first entry of an epoch names: the last entry that its server knew.
    """

    position: Position
    payload: bytes
    bookings: bytes = b""
    acts: bytes = b""
    before: Position = BEGINNING
    waiting: bytes = b""
    etickets: bytes = b""
    scans: bytes = b""
    queues: bytes = b""
    trace: bytes = b""

    @classmethod
    def parse(cls, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Self:
        """An entry of the stream."""
        before = fields.get(BEFORE_FIELD)
        return cls(
            Position.parse(entry_id),
            fields[OUTBOX_FIELD],
            fields.get(BOOKINGS_FIELD, b""),
            fields.get(ACTS_FIELD, b""),
            BEGINNING if before is None else Position.parse(before),
            fields.get(WAITING_FIELD, b""),
            fields.get(ETICKETS_FIELD, b""),
            fields.get(SCANS_FIELD, b""),
            fields.get(QUEUES_FIELD, b""),
            fields.get(TRACE_FIELD, b""),
        )

    def follows(self, position: Position) -> bool:
        """True if no entry is missing between the two, and their server knew no other one."""
        if self.position.epoch == position.epoch:
            return self.position.sequence == position.sequence + 1
        return self.position.epoch > position.epoch and self.position.sequence == 1 and self.before == position


async def read_outbox(redis: Redis, keys: PartitionKeys, after: Position, *, limit: int, block_ms: int) -> list[Entry]:
    """Up to `limit` entries after a position, in order; waits up to `block_ms` for the first."""
    reply = await redis.xread({keys.outbox: str(after)}, count=limit, block=block_ms)
    return _entries(reply)


async def read_confirmed(
    redis: Redis, keys: PartitionKeys, after: Position, *, limit: int, acks: int, timeout_ms: int
) -> list[Entry]:
    """Up to `limit` entries after a position, in order, all of which `acks` replicas have: no failover loses them.

    Reading, mark and WAIT share a connection: another might lead to another server. Raises OutcomeUnknown.
    """
    read = ("XREAD", "COUNT", limit, "STREAMS", keys.outbox, str(after))
    mark = ("FCALL", "onsale_mark", 1, keys.meta)
    call = partial(calls_with_acks, redis, [read, mark], acks, timeout_ms)
    reply, _ = await with_library(redis, keys.meta, call)
    return _entries(reply)


def _entries(reply: Any) -> list[Entry]:
    if not reply:
        return []
    ((entries,),) = reply.values()
    return [Entry.parse(entry_id, fields) for entry_id, fields in entries]


async def trim_outbox(redis: Redis, keys: PartitionKeys, committed: Position) -> None:
    """Removes entries up to and including a position that is committed elsewhere. Never by length."""
    await redis.xtrim(keys.outbox, minid=f"{committed.epoch}-{committed.sequence + 1}", approximate=False)


async def last_position(redis: Redis, keys: PartitionKeys) -> Position:
    """The position of the last entry ever written, trimmed or not; sequence 0 if there was none yet."""
    epoch, sequence, before = await redis.hmget(keys.meta, ["epoch", "seq", "before"])
    if epoch is None or sequence is None:
        raise EngineBug(f"partition {keys.partition} was never initialised")
    return last_of(epoch, sequence, before)


def last_of(epoch: bytes, sequence: bytes, before: bytes | None) -> Position:
    """The position of the last entry, as a partition's meta tells it: an epoch without entries has that before it."""
    if before is not None and int(sequence) == 0:
        return Position.parse(before)
    return Position(int(epoch), int(sequence))
