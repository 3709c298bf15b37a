"""Everything a gate needs to know of an event's e-tickets, read in slices beside the sale (lua/38_etickets.lua)."""

from typing import NamedTuple

import msgspec

from engine.client import Redis
from engine.records import Eticket, NumberedEticket
from engine.redis_keys import PartitionKeys

_AT_ONCE = 1000
_DECODER = msgspec.msgpack.Decoder(Eticket)


class GateSnapshot(NamedTuple):
    """E-tickets of an event at a version, or those that changed since another one.

    What changes meanwhile may be in it, and comes again after the version.
    """

    version: int
    etickets: list[NumberedEticket]


async def read_gate_snapshot(redis: Redis, keys: PartitionKeys, event_id: int, since: int) -> GateSnapshot:
    """The e-tickets of an event that changed after version `since`; 0: all. Raises Fault."""
    doors = keys.doors(event_id)
    stored = await redis.hget(doors, "version")
    version = 0 if stored is None else int(stored)
    if since >= version:
        return GateSnapshot(version, [])
    found = await (_changed(redis, doors, since) if since else _all(redis, doors))
    return GateSnapshot(version, [NumberedEticket(number, found[number]) for number in sorted(found)])


async def _all(redis: Redis, doors: str) -> dict[int, Eticket]:
    etickets = redis.hscan_iter(f"{doors}:etickets", count=_AT_ONCE)
    return {int(number): _DECODER.decode(packed) async for number, packed in etickets}


async def _changed(redis: Redis, doors: str, since: int) -> dict[int, Eticket]:
    changed = await redis.zrangebyscore(f"{doors}:changes", f"({since}", "+inf", withscores=True)
    numbers = [number for number, _ in changed]
    found: dict[int, Eticket] = {}
    for first in range(0, len(numbers), _AT_ONCE):
        part = numbers[first : first + _AT_ONCE]
        stored = await redis.hmget(f"{doors}:etickets", part)
        found.update(
            {int(number): _DECODER.decode(packed) for number, packed in zip(part, stored, strict=True) if packed}
        )
    return found
