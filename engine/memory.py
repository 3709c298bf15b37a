"""The memory of Redis: how much is used, and from where on nothing more is taken (lua/06_memory.lua)."""

import asyncio
from typing import NamedTuple

from engine.client import Redis
from engine.errors import OutcomeUnknown


class Memory(NamedTuple):
    """Memory in bytes, as the server counts it against its limit. `limit`: `maxmemory`; 0: it has none.

    `soft_limit`: from there on nothing is taken, so that what settles or gives back has room; 0: there is none.
    """

    used: int
    limit: int
    soft_limit: int

    @property
    def is_full(self) -> bool:
        """True if nothing more is taken."""
        return 0 < self.soft_limit <= self.used

    @property
    def used_ratio(self) -> float:
        """The used memory, divided by that from which on nothing is taken; 0: there is no limit."""
        return self.used / self.soft_limit if self.soft_limit else 0.0


async def memory_of(redis: Redis, percent: int) -> Memory:
    """The memory of the server now; `percent` of its limit is the soft limit. Raises Fault."""
    told = await redis.info("memory")
    limit: int = told["maxmemory"]
    used: int = told["used_memory"] - told["mem_not_counted_for_evict"]
    return Memory(used, limit, limit * percent // 100)


async def fullest_memory(redis: Redis, percent: int) -> Memory:
    """The memory of the server that is nearest to its limit. Raises Fault if none answers."""
    nodes = await redis.primaries()
    if len(nodes) == 1:
        return await memory_of(nodes[0], percent)
    told = await asyncio.gather(*(memory_of(node, percent) for node in nodes), return_exceptions=True)
    known = [memory for memory in told if isinstance(memory, Memory)]
    if not known:
        raise OutcomeUnknown("no server of the cluster tells its memory")
    return max(known, key=lambda memory: memory.used_ratio)
