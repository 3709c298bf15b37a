"""A server of which no memory is left, and one that has it back."""

from enum import Enum

from engine.client import Redis
from engine.library import library_text


class Fullness(Enum):
    """The state of memory: `SOFT`, some is left for commands that settle; `HARD`, none is left."""

    SOFT = "soft"
    HARD = "hard"


async def fill_up(redis: Redis, fullness: Fullness, percent: int = 90) -> None:
    """Leaves the server a limit below what it uses, or so little above it that `percent` are used."""
    used: int = (await redis.info("memory"))["used_memory"]
    await set_limit(redis, used // 2 if fullness is Fullness.HARD else used * 99 // percent)


async def set_limit(redis: Redis, limit: int) -> None:
    """Gives the server so much memory in bytes; 0: all that there is.

    The library is loaded again in the same step, because one that knows nothing yet looks at once.
    """
    load, change = ("FUNCTION", "LOAD", "REPLACE", library_text()), ("CONFIG", "SET", "maxmemory", limit)
    await redis.calls([("CONFIG", "SET", "maxmemory", 0), ("MULTI",), load, change, ("EXEC",)])
