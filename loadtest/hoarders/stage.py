"""Stage of the hoarders: all servers as the recommended deployment runs them, with an event to hoard, in less time."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import msgspec

from cli.dev.child_process import Child, ChildError
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from engine.catalogue import EventSnapshot, publish_event
from engine.engine import Engine
from engine.settings import PREFIX, Settings
from loadtest.bench.stock import bench_event
from loadtest.recommended_settings import of_compose
from sync.migrations import migrate

PLACES, HOLD_SECONDS, MOST = 5000, 900, 10
"""Of the event, while time is as it is."""

_REPOSITORY = Path(__file__).resolve().parents[2]
_SECRET = "for hoarders, on loopback, 32 bytes"  # noqa: S105  # no secret
_READY_SECONDS = 60
_TIMEOUT_SECONDS = 30
_PACES = ("customer_per_minute", "address_per_minute")
_DURATIONS = (
    *("cool_down_seconds", "customer_idle_place_seconds", "address_idle_place_seconds", "shortest_hold_seconds"),
    "pin_seconds",
)
"""Settings that say how fast, and for how long: they go with the time."""


Onsale = Callable[..., Child]
"""As `onsale` here."""


class Stage(NamedTuple):
    """The running processes, and what they sell."""

    url: str
    redis_url: str
    event: EventSnapshot
    scale: int

    @property
    def issuer(self) -> Settings:
        """The settings of who signs tokens."""
        return Settings(jwt_secret=_SECRET)


def recommended(service: str, scale: int) -> dict[str, Any]:
    """The recommended settings of a service, where time runs `scale` times as fast."""
    given = of_compose(_REPOSITORY, service)
    all_of_them = msgspec.structs.replace(Settings(), **given)
    scaled = {name: getattr(all_of_them, name) * scale for name in _PACES}
    scaled |= {name: -(-getattr(all_of_them, name) // scale) for name in _DURATIONS}
    return given | scaled | {"trusted_proxies": "127.0.0.0/8"}


def onsale(name: str, arguments: Sequence[str], log_file: Path, *, environ: Mapping[str, str]) -> Child:
    """A process of `onsale` with these arguments."""
    return Child(name, [sys.executable, "-m", "cli", *arguments], log_file, environ=environ)


@contextmanager
def stage(directory: Path, scale: int, onsale: Onsale = onsale, postgres_url: str = "") -> Iterator[Stage]:
    """Starts everything; all of it is stopped at the end. Raises ChildError if a process does not start.

    `onsale` makes the processes of Onsale. `postgres_url`: a migrated, empty database; default: one of its own.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        valkey = stack.enter_context(EmbeddedValkey(directory / "valkey", directory / "valkey.log"))
        if not postgres_url:
            postgres = stack.enter_context(EmbeddedPostgres(directory / "postgres", directory / "postgres.log"))
            postgres_url = postgres.url()
            migrate(postgres_url)
        port, gateway_port = free_port(), free_port()
        data_file = ["--data-file", str(directory / "gateway.db")]
        _start(stack, onsale, directory, "gateway", ["gateway", "--port", str(gateway_port), *data_file], {})
        addresses = {
            "redis_url": valkey.url,
            "postgres_url": postgres_url,
            "gateway_url": f"http://{LOOPBACK}:{gateway_port}",
        }
        event = msgspec.structs.replace(
            bench_event(),
            hold_seconds=HOLD_SECONDS // scale,
            max_per_customer=MOST,
            tickets=[msgspec.structs.replace(bench_event().tickets[0], capacity=PLACES)],
        )
        asyncio.run(_publish(Settings(redis_url=valkey.url), event))
        api = recommended("api", scale) | addresses | {"jwt_secret": _SECRET}
        _start(stack, onsale, directory, "api", ["serve", "--port", str(port), "--workers", "1"], api)
        _start(stack, onsale, directory, "sync", ["sync"], recommended("sync", scale) | addresses)
        url = f"http://{LOOPBACK}:{port}"
        asyncio.run(_wait_until_ready(url))
        yield Stage(url, valkey.url, event, scale)


def _start(
    stack: ExitStack, onsale: Onsale, directory: Path, name: str, arguments: list[str], settings: Mapping[str, Any]
) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    environ |= {f"{PREFIX}{key.upper()}": str(value) for key, value in settings.items()}
    child = onsale(name, arguments, directory / f"{name}.log", environ=environ)
    child.start()
    stack.callback(child.stop)


async def _publish(settings: Settings, event: EventSnapshot) -> None:
    async with asyncio.timeout(_TIMEOUT_SECONDS), Engine(settings) as engine:
        await publish_event(engine, event)


async def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{url}/readyz", timeout=aiohttp.ClientTimeout(5)) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)
    raise ChildError("the API does not become ready; its log is beside its data")
