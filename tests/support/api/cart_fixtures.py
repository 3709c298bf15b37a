"""Fixtures of carts: the API on real servers, two shows in two partitions, and a clock that can be put forward."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

import uvloop
from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace
from redis import Redis

from api.app import create_app
from api.app_keys import ENGINE, POSTGRES
from cli.gateway.app import create_gateway_app
from engine.settings import Settings
from sync.metrics import SyncMetrics
from sync.outbox.reader import OutboxReader
from tests.support.api.api_client import Front, Json, ticket
from tests.support.api.cart_entities import Moment, Show
from tests.support.invariants import check_partition
from tests.support.sync.box_office import running
from tests.support.waiting import wait_until

T = TypeVar("T")

SEATS = 4
SHOWS = (
    Show(SEATS, 0, hold_ms=900_000, limit=3, prices=(3000, 1500, 0)),
    Show(SEATS, 3, hold_ms=100_000, limit=4, prices=(2000, 0, 500)),
)
"""Seats, for which one may hesitate; and seats and standing room, for which one may not."""

SHORT_WAIT_MS, LONG_WAIT_MS = 70_000, 850_000
"""However they follow one another, no deadline comes nearer than ten seconds: calls may take as long as they do."""

_HALL = {"name": "Hall", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": SEATS}]}]}
_PASS_TIME = Path(__file__).with_name("pass_time.lua").read_text(encoding="utf-8")
_PATIENCE_SECONDS = 30.0


class CartStage:
    """Drives its own event loop, because Hypothesis is not asynchronous."""

    def __init__(self, settings: Settings, gateway_file: Path) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._settings = replace(settings, partitions=2, sync_poll_ms=10)
        self._gateway_file = gateway_file
        self._plays = 0

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._stack = AsyncExitStack()
        self.run(self._open())
        return self

    def __exit__(self, *error: Any) -> None:
        self._redis.close()
        self.run(self._stack.aclose())
        self._runner.__exit__(*error)

    async def _open(self) -> None:
        gateway = await self._stack.enter_async_context(TestServer(create_gateway_app(self._gateway_file)))
        settings = replace(self._settings, gateway_url=str(gateway.make_url("/")))
        app = create_app(settings)
        self.front = Front(await self._stack.enter_async_context(TestClient(TestServer(app))))
        self.engine, self._postgres = app[ENGINE], app[POSTGRES]
        self._readers = [
            OutboxReader(settings, self.engine.redis, self._postgres, keys, SyncMetrics()) for keys in self.engine.keys
        ]
        self._redis: Any = Redis.from_url(settings.redis_url, socket_timeout=_PATIENCE_SECONDS)
        await self._open_shows()
        self._opened = {key: self._redis.dump(key) for key in self._keys_of_stock()}

    async def _open_shows(self) -> None:
        venue = (await self.front.call("POST", "/v1/venues", _HALL)).body
        (section,) = (await self.front.get(f"/v1/venues/{venue['id']}/sections")).body["items"]
        self.pool = f"s{section['id']}"
        self.seat_ids: list[int] = [seat["id"] for row in section["rows"] for seat in row["seats"]]
        self.event_ids: list[int] = []
        self.ticket_ids: list[list[int]] = []
        """By show: adult, child, and standing where it is offered."""
        for show in SHOWS:
            tickets: list[Json] = [
                {"ticket_type": name, "price": {"amount": price, "currency": "EUR"}, "section_ids": [section["id"]]}
                for name, price in zip(("Adult", "Child"), show.prices[:2], strict=True)
            ]
            if show.standing:
                tickets.append(ticket("Standing", show.standing, show.prices[2]))
            terms = {"hold_seconds": show.hold_ms // 1000, "max_per_customer": show.limit}
            event = await self.front.event(venue_id=venue["id"], tickets=tickets, **terms)
            self.event_ids.append(event["id"])
            self.ticket_ids.append([each["id"] for each in event["tickets"]])

    def run(self, work: Awaitable[T]) -> T:
        """Does it, within the patience of a test."""

        async def bounded() -> T:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await work

        return self._runner.get_loop().run_until_complete(bounded())

    def begin(self) -> None:
        """Nothing is taken, and there are no carts. The outboxes and Postgres go on from where they are."""
        with self._redis.pipeline() as calls:
            for key in self._keys_of_stock():
                calls.delete(key)
            for key, content in self._opened.items():
                calls.restore(key, 0, content)
            calls.execute()
        self._plays += 1
        self.passed_ms = 0

    def moment(self) -> Moment:
        """This instant. What passes by `pass_time` is counted; stored instants are as much less than these."""
        now_ms = time.time_ns() // 1_000_000 + self.passed_ms
        return Moment(now_ms, now_ms)

    def pass_time(self, passed_ms: int) -> None:
        """Everything comes nearer to its deadline."""
        carts = [*self._redis.scan_iter("cart:*", count=1000)]
        keys = [key for each in self.engine.keys for key in (each.ledger, each.deadlines)]
        self._redis.eval(_PASS_TIME, len(carts) + len(keys), *carts, *keys, passed_ms, len(carts))
        self.passed_ms += passed_ms

    def cart_id(self, name: str) -> str:
        """The id of a cart of this play."""
        return str(UUID(int=self._plays << 8 | ord(name), version=4))

    def tell_postgres(self) -> None:
        """Lets the outboxes be read completely."""

        async def tell() -> None:
            async with running(*(reader.run() for reader in self._readers)):
                await wait_until(self._is_told)

        if not self.run(self._is_told()):
            self.run(tell())

    async def _is_told(self) -> bool:
        return not any([await self.engine.redis.xlen(keys.outbox) for keys in self.engine.keys])

    def dead_letters(self) -> int:
        """Facts that Postgres could not take in."""

        async def count() -> int:
            async with self._postgres.connection() as connection:
                return int(await connection.fetchval("SELECT count(*) FROM dead_letters"))

        self.tell_postgres()
        return self.run(count())

    def check_invariants(self) -> None:
        """The invariants of the stock, and that nothing stays for ever that should not."""
        for keys in self.engine.keys:
            check_partition(self._redis, keys.meta.removesuffix("meta"))

    def _keys_of_stock(self) -> list[bytes]:
        """All keys but those of the catalogue, and where the outboxes are."""
        kept = {b"meta", b"outbox"}
        return [
            key
            for key in self._redis.scan_iter(count=1000)
            if not key.startswith(b"{catalogue}") and key.rpartition(b":")[2] not in kept
        ]
