"""The Lua library: its text, its version, and how it gets onto a server."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import structlog
from redis.exceptions import ResponseError

from engine.client import Redis
from engine.errors import Misconfigured

log = structlog.get_logger(__name__)

T = TypeVar("T")

NAME = "onsale"
_FOLDER = Path(__file__).resolve().parents[1] / "lua"
_VERSION = re.compile(r"^-- version: ([1-9][0-9]*)$", re.MULTILINE)


@cache
def library_text() -> str:
    """The library: the files of `lua/`, joined in name order."""
    return "".join(path.read_text(encoding="utf-8") for path in sorted(_FOLDER.glob("*.lua")))


def version_of(text: str) -> int:
    """The number in the version line of a library's text; 0 if it has none."""
    match = _VERSION.search(text)
    return int(match[1]) if match else 0


async def installed_text(redis: Redis) -> str | None:
    """The text of the library on the server, None if there is none."""
    for library in await redis.execute_command("FUNCTION", "LIST", "LIBRARYNAME", NAME, "WITHCODE"):
        fields = library if isinstance(library, dict) else dict(zip(library[::2], library[1::2], strict=True))
        code: bytes = fields[b"library_code"]
        return code.decode()
    return None


async def install_library(redis: Redis) -> bool:
    """Puts this release's library on every primary unless it is there already; returns whether it wrote.

    An older one, or one of the same version with another text, is replaced while sales go on: a function call is never
    interrupted. A newer one is left alone and raises Misconfigured, because the processes that installed it rely on it.
    """
    return any([await install_on(node) for node in await redis.primaries()])


async def install_on(node: Redis) -> bool:
    """The same, on one server."""
    ours, theirs = library_text(), await installed_text(node)
    if theirs == ours:
        return False
    if theirs is not None and version_of(theirs) > version_of(ours):
        raise Misconfigured(
            f"the server has version {version_of(theirs)} of the Lua library, this release has {version_of(ours)}; "
            "start the newer release"
        )
    await node.execute_command("FUNCTION", "LOAD", "REPLACE", ours)
    return True


async def with_library(redis: Redis, key: str, call: Callable[[], Awaitable[T]]) -> T:
    """The result of a call of the library, which is put on the server of its key first if that has none.

    A slot of a cluster may have moved to a node that no process of ours has met.
    """
    try:
        return await call()
    except ResponseError as error:
        if not misses_library(error):
            raise
        log.warning("library_missing", remedy="installing it")
        await install_on(redis.at(key))
        return await call()


class LibraryKeeper:
    """Installs the library again on a server that lost it, once for all that miss it at the same time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = asyncio.Lock()
        self._installs = Counter[Redis]()

    def installs(self, key: str) -> int:
        """The number of installs on the server of a key."""
        return self._installs[self._redis.at(key)]

    async def install_again(self, key: str, installs: int) -> None:
        """Installs it on the server of a key, unless that was done since there were this many `installs`."""
        node = self._redis.at(key)
        async with self._lock:
            if self._installs[node] == installs:
                log.warning("library_missing", remedy="installing it again")
                await install_on(node)
                self._installs[node] += 1


def misses_library(error: Exception) -> bool:
    """True if Redis reports an unknown function. Redis has no error code for it."""
    return type(error) is ResponseError and "Function not found" in str(error)
