"""The memory of Redis: how much is used, and from where on nothing more is taken (lua/06_memory.lua)."""

from typing import NamedTuple

from engine.client import Redis


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


async def memory_of(redis: Redis, percent: int) -> Memory:
    """The memory of the server now; `percent` of its limit is the soft limit. Raises Fault."""
    told = await redis.info("memory")
    limit: int = told["maxmemory"]
    used: int = told["used_memory"] - told["mem_not_counted_for_evict"]
    return Memory(used, limit, limit * percent // 100)
