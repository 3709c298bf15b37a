"""What is compared: each contestant is one process with one worker, served in the same way."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

from cli.children import Child
from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from engine.settings import PREFIX, Settings
from loadtest.bench.answers import ANSWER_VARIABLE, record_answer
from loadtest.bench.cpu import Cores, on_cores
from loadtest.bench.postgres_alone import CONNECTIONS_VARIABLE
from loadtest.bench.posting import Posting
from loadtest.bench.stock import PLACES, bench_event, postgres_sold, redis_sold, renew_postgres, renew_redis
from loadtest.bench.venue import BEST_AVAILABLE, NAMED_SEATS, SEATED_EVENT_ID

NOOP = "noop"
OURS = "onsale"
OURS_NAMED = "onsale, 2 named seats"
OURS_BEST = "onsale, best available"

_PATH = "/v1/reservations"
_READY_SECONDS = 30
_POLL_SECONDS = 0.1
_DATABASE = "onsale"
_POSTGRES_CONNECTIONS = 8


class Store(NamedTuple):
    """Where holds go: its process, how it is brought back to the beginning, and how many holds it has."""

    process: Child
    renew: Callable[[], None]
    sold: Callable[[], int]
    is_redis: bool


class Contestant(NamedTuple):
    """One way to answer a request for two places; `posting` is what it is asked."""

    name: str
    what: str
    url: str
    posting: Posting
    server: Child
    store: Store | None


class Stage(NamedTuple):
    """The contestants, and the settings of the Redis that they use."""

    contestants: list[Contestant]
    settings: Settings


@contextmanager
def contestants(directory: Path, cores: Cores) -> Iterator[Stage]:
    """Starts stores and servers; all of them are stopped at the end. Raises ChildError if one does not start."""
    with ExitStack() as stack:
        with on_cores(cores.rest):
            valkey = stack.enter_context(EmbeddedValkey(directory / "valkey", directory / "valkey.log"))
            postgres = stack.enter_context(EmbeddedPostgres(directory / "postgres", directory / "postgres.log"))
            postgres_url = postgres.ensure_database(_DATABASE)
        settings = Settings(redis_url=valkey.url, postgres_url=postgres_url)
        in_redis = _redis_store(valkey.child, settings, bench_event().event_id)
        seats_in_redis = _redis_store(valkey.child, settings, SEATED_EVENT_ID)
        in_postgres = Store(
            postgres.child,
            lambda: asyncio.run(renew_postgres(postgres_url)),
            lambda: asyncio.run(postgres_sold(postgres_url)),
            False,
        )
        in_redis.renew()
        in_postgres.renew()
        start = Starter(stack, directory, cores, settings)
        # Ours is first: its answer is what the noop answers.
        ours = start(OURS, "POST /v1/reservations", ["cli", "serve", "--auth", "off"], in_redis)
        record_answer(ours.url, PLACES, start.answer_file)
        named = start(
            OURS_NAMED, "the same, seats of 40 sections", ["cli", "serve", "--auth", "off"], seats_in_redis, NAMED_SEATS
        )
        best = start(
            OURS_BEST, "the same, 2 of a section", ["cli", "serve", "--auth", "off"], seats_in_redis, BEST_AVAILABLE
        )
        noop = start(NOOP, "no Redis call", _gunicorn("noop:make_app"), None)
        tuned = start("noop, tuned", "collects garbage as rarely as ours", _gunicorn("noop:make_tuned_app"), None)
        framed = start("noop, framed", "the same in our frame", _gunicorn("noop:make_framed_app"), None)
        single = start("one FCALL each", "64 connections", _gunicorn("call_per_request:make_app"), in_redis)
        alone = start(
            "Postgres alone", f"{_POSTGRES_CONNECTIONS} connections", _gunicorn("postgres_alone:make_app"), in_postgres
        )
        yield Stage([noop, tuned, framed, ours, named, best, single, alone], settings)


def _redis_store(process: Child, settings: Settings, event_id: int) -> Store:
    """The store of a contestant that sells this event."""
    return Store(
        process, lambda: asyncio.run(renew_redis(settings)), lambda: asyncio.run(redis_sold(settings, event_id)), True
    )


class Starter:
    """Starts one server after another, each on a port of its own."""

    def __init__(self, stack: ExitStack, directory: Path, cores: Cores, settings: Settings) -> None:
        self.answer_file = directory / "answer"
        self._stack = stack
        self._directory = directory
        self._cores = cores
        self._environ = _environ(settings, self.answer_file)

    def __call__(
        self, name: str, what: str, command: list[str], store: Store | None, posting: Posting = PLACES
    ) -> Contestant:
        """A contestant that answers. Raises ChildError if it ends instead."""
        port = free_port()
        listen = ["--port", str(port)] if command[0] == "cli" else ["--bind", f"{LOOPBACK}:{port}"]
        file = self._directory / name.replace(", ", "-").replace(" ", "-")
        server = Child(name, [sys.executable, "-m", *command, *listen], file.with_suffix(".log"), environ=self._environ)
        with on_cores(self._cores.api):
            server.start()
        self._stack.callback(server.stop)
        url = f"http://{LOOPBACK}:{port}{_PATH}"
        _wait_for(server, url, posting, file.with_suffix(".answer"))
        return Contestant(name, what, url, posting, server, store)


def _environ(settings: Settings, answer_file: Path) -> dict[str, str]:
    """Ours, without the settings of whoever runs us."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return environ | {
        f"{PREFIX}REDIS_URL": settings.redis_url,
        f"{PREFIX}POSTGRES_URL": settings.postgres_url,
        ANSWER_VARIABLE: str(answer_file),
        CONNECTIONS_VARIABLE: str(_POSTGRES_CONNECTIONS),
    }


def _gunicorn(app: str) -> list[str]:
    """As `onsale serve` serves (cli/serving.py)."""
    return [
        *("gunicorn", f"loadtest.bench.{app}", "--workers", "1", "--worker-class", "aiohttp.GunicornUVLoopWebWorker"),
        *("--keep-alive", "75", "--no-control-socket"),
    ]


def _wait_for(child: Child, url: str, posting: Posting, answer_file: Path) -> None:
    """Waits until the server answers a hold."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        if not child.running:
            raise child.failure()
        try:
            return record_answer(url, posting, answer_file)
        except (URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
