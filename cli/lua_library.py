"""`onsale library …`: the Lua library on the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cli.errors import UserError
from engine.client import Redis
from engine.errors import Fault
from engine.library import install_library, installed_text, library_text, version_of
from engine.opening import opened_redis
from engine.server import check_servers
from engine.settings import Settings


def install_on_server(settings: Settings) -> str:
    """Installs the library; says what was done. Raises UserError or Misconfigured."""
    return asyncio.run(_install(settings))


def check_on_server(settings: Settings) -> tuple[bool, str]:
    """Check that the server has this release's library; returns the result and a sentence about it.

    Raises UserError or Misconfigured.
    """
    return asyncio.run(_check(settings))


async def _install(settings: Settings) -> str:
    async with _server(settings) as redis:
        written = await install_library(redis)
    version = version_of(library_text())
    return f"Version {version} is installed." if written else f"Version {version} is already installed."


async def _check(settings: Settings) -> tuple[bool, str]:
    async with _server(settings) as redis:
        texts = [await installed_text(node) for node in await redis.primaries()]
    theirs = next((text for text in texts if text != library_text()), library_text())
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
    """A server, or a cluster, that is fit to be used, for as long as two commands may take."""
    try:
        async with asyncio.timeout(2 * settings.command_timeout_ms / 1000), opened_redis(settings, 1) as redis:
            await check_servers(redis)
            yield redis
    except (Fault, TimeoutError) as error:
        raise UserError(f"Redis does not answer: {error.__cause__ or error}; check ONSALE_REDIS_URL") from error
