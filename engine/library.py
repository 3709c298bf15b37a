"""The Lua library: its text, its version, and how it gets onto a server."""

import re
from functools import cache
from pathlib import Path

from engine.client import Redis
from engine.faults import Misconfigured

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
    """Puts this release's library on the server unless it is there already; tells whether it wrote.

    An older one, or one of the same version with another text, is replaced while sales go on: a function call is never
    interrupted. A newer one is left alone and raises Misconfigured, because the processes that installed it rely on it.
    """
    ours, theirs = library_text(), await installed_text(redis)
    if theirs == ours:
        return False
    if theirs is not None and version_of(theirs) > version_of(ours):
        raise Misconfigured(
            f"the server has version {version_of(theirs)} of the Lua library, this release has {version_of(ours)}; "
            "start the newer release"
        )
    await redis.execute_command("FUNCTION", "LOAD", "REPLACE", ours)
    return True
