"""Reading a partition's outbox: entries in order, and trimming what was read for good."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from engine.client import Redis
from engine.faults import EngineBug
from engine.keys import BOOKINGS_FIELD, OUTBOX_FIELD, PartitionKeys


class Position(NamedTuple):
    """An entry's place in an outbox. Positions compare in the order of writing; sequences of an epoch have no gaps.

    A new epoch begins when a partition is made anew, which means that the one before was lost.
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

    def is_next_of(self, before: "Position") -> bool:
        """True if no entry is missing between the two."""
        if self.epoch == before.epoch:
            return self.sequence == before.sequence + 1
        return self.epoch > before.epoch and self.sequence == 1


BEGINNING = Position(0, 0)
"""Before the first entry of any outbox."""


class Entry(NamedTuple):
    """One outbox entry: the facts of one batch, still packed (engine/facts.py).

    `payload` are those about reservations, perhaps none; `bookings` those about bookings, empty if there are none.
    """

    position: Position
    payload: bytes
    bookings: bytes = b""

    @classmethod
    def parse(cls, entry_id: bytes, fields: Mapping[bytes, bytes]) -> Self:
        """An entry of the stream."""
        return cls(Position.parse(entry_id), fields[OUTBOX_FIELD], fields.get(BOOKINGS_FIELD, b""))


async def read_outbox(redis: Redis, keys: PartitionKeys, after: Position, *, limit: int, block_ms: int) -> list[Entry]:
    """Up to `limit` entries after a position, in order; waits up to `block_ms` for the first."""
    reply = await redis.xread({keys.outbox: str(after)}, count=limit, block=block_ms)
    if not reply:
        return []
    ((entries,),) = reply.values()
    return [Entry.parse(entry_id, fields) for entry_id, fields in entries]


async def trim_outbox(redis: Redis, keys: PartitionKeys, committed: Position) -> None:
    """Removes entries up to and including a position that is committed elsewhere. Never by length."""
    await redis.xtrim(keys.outbox, minid=f"{committed.epoch}-{committed.sequence + 1}", approximate=False)


async def last_position(redis: Redis, keys: PartitionKeys) -> Position:
    """The position of the last entry ever written, trimmed or not."""
    epoch, sequence = await redis.hmget(keys.meta, ["epoch", "seq"])
    if epoch is None or sequence is None:
        raise EngineBug(f"partition {keys.partition} was never initialised")
    return Position(int(epoch), int(sequence))
