"""`onsale library …`: the Lua library on the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cli.complaints import Complaint
from engine.batches import TROUBLE
from engine.client import Redis
from engine.library import install_library, installed_text, library_text, version_of
from engine.server import check_server, connect
from engine.settings import Settings


def install_on_server(settings: Settings) -> str:
    """Installs the library; says what was done. Raises Complaint or Misconfigured."""
    return asyncio.run(_install(settings))


def check_on_server(settings: Settings) -> tuple[bool, str]:
    """Whether the server has this release's library, and a sentence about it. Raises Complaint or Misconfigured."""
    return asyncio.run(_check(settings))


async def _install(settings: Settings) -> str:
    async with _server(settings) as redis:
        written = await install_library(redis)
    version = version_of(library_text())
    return f"Version {version} is installed." if written else f"Version {version} was there already."


async def _check(settings: Settings) -> tuple[bool, str]:
    async with _server(settings) as redis:
        theirs = await installed_text(redis)
    version = version_of(library_text())
    if theirs == library_text():
        return True, f"The server has version {version}, as this release."
    if theirs is None:
        return False, f"The server has no library; `onsale library install` puts version {version} there."
    if version_of(theirs) > version:
        return False, f"The server has version {version_of(theirs)}, this release {version}: start the newer release."
    return False, (
        f"The server has version {version_of(theirs)} with another text than this release's version {version}; "
        "`onsale library install` replaces it."
    )


@asynccontextmanager
async def _server(settings: Settings) -> AsyncIterator[Redis]:
    """A server that is fit to be used, for as long as one command may take."""
    redis = connect(settings, 1)
    try:
        async with asyncio.timeout(settings.command_timeout_ms / 1000):
            await check_server(redis)
            yield redis
    except TROUBLE as error:
        raise Complaint(f"Redis does not answer: {str(error) or 'timeout'}; check ONSALE_REDIS_URL") from error
    finally:
        await redis.aclose()
