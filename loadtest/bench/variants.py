"""Variants of the benchmark: each is one process with one worker, served in the same way."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from engine.settings import PREFIX, Settings
from loadtest.bench.cpu import Cores, on_cores
from loadtest.bench.postgres_alone import CONNECTIONS_VARIABLE
from loadtest.bench.recorded_response import ANSWER_VARIABLE, Unanswered, record_answer
from loadtest.bench.request_spec import RequestSpec
from loadtest.bench.stock import (
    AVAILABILITY,
    GUARDED,
    KEYED,
    PLACES,
    WITH_CODE,
    WITH_OWN_CODES,
    bench_event,
    postgres_sold,
    redis_sold,
    renew_postgres,
    renew_redis,
)
from loadtest.bench.venue import BEST_AVAILABLE, NAMED_SEATS, SEATED_EVENT_ID

NOOP = "noop"
NOOP_TOKENS = "noop, with tokens"
NOOP_KEYS = "noop, with keys"
NOOP_READ = "noop, reads"
OURS = "onsale"
OURS_NAMED = "onsale, 2 named seats"
OURS_BEST = "onsale, best available"
OURS_GUARDED = "onsale, guarded"
OURS_KEYED = "onsale, keyed"
OURS_READ = "onsale, reads"
OURS_CODE = "onsale, a code"
OURS_CODES = "onsale, own codes"

_OPEN = ["cli", "serve", "--auth", "off"]
_GUARDED = ["cli", "serve", "--auth", "jwt"]

_READY_SECONDS = 30
_POLL_SECONDS = 0.1
_DATABASE = "onsale"
_POSTGRES_CONNECTIONS = 8


class Store(NamedTuple):
    """The place where holds are stored: its process, how to reset it, and how many holds it has."""

    process: Child
    renew: Callable[[], None]
    sold: Callable[[], int]
    is_redis: bool


class Variant(NamedTuple):
    """One way to answer what is asked. `noop` is the name of the one that it is compared with.

    That one does nothing else than to answer; of holds under a code it is the one that takes them without.
    """

    name: str
    what: str
    url: str
    asking: RequestSpec
    server: Child
    store: Store | None
    noop: str = NOOP

    @property
    def calls_lua(self) -> bool:
        """True if the Lua library takes its holds."""
        return self.asking.takes and self.store is not None and self.store.is_redis


class Stage(NamedTuple):
    """The variants, and the settings of the Redis that they use."""

    variants: list[Variant]
    settings: Settings


@contextmanager
def variants(directory: Path, cores: Cores, only: frozenset[str] = frozenset()) -> Iterator[Stage]:
    """Starts stores and servers; all of them are stopped at the end. Raises ChildError if one does not start.

    `only`: the names of those that are measured; empty: all.
    """
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
        # Ours are first: a noop answers what ours that is asked the same has answered.
        ours = start(OURS, "POST /v1/reservations", _OPEN, in_redis)
        start.answers = ours
        named = start(OURS_NAMED, "the same, seats of 40 sections", _OPEN, seats_in_redis, NAMED_SEATS)
        best = start(OURS_BEST, "the same, 2 of a section", _OPEN, seats_in_redis, BEST_AVAILABLE)
        keyed = start(OURS_KEYED, "the same, a key each", _OPEN, in_redis, KEYED, NOOP_KEYS)
        keys = start(NOOP_KEYS, "asked as the next", _gunicorn("noop:make_app"), None, KEYED, NOOP_KEYS)
        code = start(OURS_CODE, "the same under one code", _OPEN, in_redis, WITH_CODE, OURS)
        codes = start(OURS_CODES, "each under another code", _OPEN, in_redis, WITH_OWN_CODES, OURS)
        noop = start(NOOP, "no Redis call", _gunicorn("noop:make_app"))
        tuned = start("noop, tuned", "collects garbage as rarely as ours", _gunicorn("noop:make_tuned_app"))
        framed = start("noop, framed", "the same in our frame", _gunicorn("noop:make_framed_app"))
        single = start("one FCALL each", "64 connections", _gunicorn("call_per_request:make_app"), in_redis)
        alone = start(
            "Postgres alone", f"{_POSTGRES_CONNECTIONS} connections", _gunicorn("postgres_alone:make_app"), in_postgres
        )
        guarded = start(OURS_GUARDED, "the same, tokens and limits", _GUARDED, in_redis, GUARDED, NOOP_TOKENS)
        start.answers = guarded
        tokens = start(NOOP_TOKENS, "asked as the next", _gunicorn("noop:make_app"), None, GUARDED, NOOP_TOKENS)
        read = start(OURS_READ, "GET …/availability", _OPEN, in_redis, AVAILABILITY, NOOP_READ)
        start.answers = read
        reads = start(NOOP_READ, "asked as the next", _gunicorn("noop:make_reading_app"), None, AVAILABILITY, NOOP_READ)
        everybody = [noop, tuned, framed, ours, code, codes, named, best, single, alone, keys, keyed]
        everybody += [tokens, guarded, reads, read]
        yield Stage([variant for variant in everybody if not only or variant.name in only], settings)


def _redis_store(process: Child, settings: Settings, event_id: int) -> Store:
    """The store of a variant that sells this event."""
    return Store(
        process, lambda: asyncio.run(renew_redis(settings)), lambda: asyncio.run(redis_sold(settings, event_id)), True
    )


class Starter:
    """Starts one server after another, each on a port of its own."""

    def __init__(self, stack: ExitStack, directory: Path, cores: Cores, settings: Settings) -> None:
        self.answers: Variant | None = None
        """Whose answer the noops give from here on."""
        self._stack = stack
        self._directory = directory
        self._cores = cores
        self._settings = settings

    def __call__(
        self,
        name: str,
        what: str,
        command: list[str],
        store: Store | None = None,
        asking: RequestSpec = PLACES,
        noop: str = NOOP,
    ) -> Variant:
        """A variant that answers. Raises ChildError if it ends instead."""
        port = free_port()
        listen = ["--port", str(port)] if command[0] == "cli" else ["--bind", f"{LOOPBACK}:{port}"]
        log = self._directory / f"{_file_name(name)}.log"
        environ = _environ(self._settings, asking.issuer)
        if self.answers:
            environ[ANSWER_VARIABLE] = str(self._answer_file(self.answers.name))
        server = Child(name, [sys.executable, "-m", *command, *listen], log, environ=environ)
        with on_cores(self._cores.api):
            server.start()
        self._stack.callback(server.stop)
        url = f"http://{LOOPBACK}:{port}{asking.path}"
        _wait_for(server, url, asking, self._answer_file(name))
        return Variant(name, what, url, asking, server, store, noop)

    def _answer_file(self, name: str) -> Path:
        return self._directory / f"{_file_name(name)}.answer"


def _file_name(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")


def _environ(settings: Settings, guarded: Settings | None) -> dict[str, str]:
    """Ours, without the settings of the user who runs us; with all that `guarded` has besides."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environ |= {
        f"{PREFIX}REDIS_URL": settings.redis_url,
        f"{PREFIX}POSTGRES_URL": settings.postgres_url,
        CONNECTIONS_VARIABLE: str(_POSTGRES_CONNECTIONS),
    }
    if guarded:
        environ |= {
            f"{PREFIX}{name.upper()}": str(value)
            for name, value in msgspec.structs.asdict(guarded).items()
            if value != getattr(Settings(), name)
        }
    return environ


def _gunicorn(app: str) -> list[str]:
    """As `onsale serve` serves (cli/serve.py)."""
    return [
        *("gunicorn", f"loadtest.bench.{app}", "--workers", "1", "--worker-class", "aiohttp.GunicornUVLoopWebWorker"),
        *("--keep-alive", "75", "--no-control-socket"),
    ]


def _wait_for(child: Child, url: str, asking: RequestSpec, answer_file: Path) -> None:
    """Waits until the server answers a hold."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        if not child.running:
            raise child.failure()
        try:
            return record_answer(url, asking, answer_file)
        except Unanswered:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
