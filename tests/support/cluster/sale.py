"""A sale on an API and a sync worker while servers fail, and what must be true of it afterwards."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import asyncpg
import structlog
from msgspec.structs import replace

from api.metrics import METRICS
from engine.settings import Settings
from sync.audit.audit import audit
from sync.worker import run_sync
from tests.integration.api.conftest import GatewayLedger, StartApi
from tests.support.api.api_client import Front
from tests.support.cluster.figures import Figures, figures_of
from tests.support.cluster.history import KINDS, History, Shop
from tests.support.effort import effort
from tests.support.waiting import wait_until

log = structlog.get_logger(__name__)

PATIENT = {"command_timeout_ms": 2000, "replica_timeout_ms": 500, "connect_timeout_ms": 500}
"""Settings for servers that share a machine with everything else."""

UNHURRIED = {
    "sync_poll_ms": 1000,
    "sweep_interval_ms": 250,
    "purge_interval_ms": 1000,
    "resolve_interval_ms": 250,
}
"""Settings for a worker of several partitions whose upkeep nobody waits for: with those of other tests it is busy."""

_SHOPPERS = effort(6, 10)
_FIRST_SALES, _CALM_SALES = effort((10, 20), (100, 300))
"""The first ones open connections, and do not show how long one takes."""

_PATIENCE_SECONDS = 60


class Happening(NamedTuple):
    """A failure that is over when `happen` returns. `hits`: the partitions that it concerns."""

    name: str
    happen: Callable[[], Awaitable[None]]
    hits: Callable[[], Awaitable[set[int]]]


class Sale:
    """Customers at work on APIs and a sync worker, while things fail."""

    def __init__(self, settings: Settings, sync_url: str, start_api: StartApi, seed: int) -> None:
        self.settings, self._sync_url, self._start_api, self._seed = settings, sync_url, start_api, seed
        self.history = History()
        self.lost_alarms = 0.0
        """The number of times that the APIs found acknowledged changes missing on a server."""
        self.figures: list[Figures] = []

    async def run(self, happenings: Sequence[Happening], *, audits: bool = True, far_url: str = "") -> list[str]:
        """The answers that are not true at the end; with `audits` also where Redis and Postgres differ.

        `far_url`: how another API, with half of the customers, gets to Redis.
        """
        how = {"partitions": self.settings.partitions, "replica_acks": self.settings.replica_acks, **PATIENT}
        front = await self._start_api(redis_url=self.settings.redis_url, **how)
        fronts = [front, *([await self._start_api(redis_url=far_url, **how)] if far_url else [])]
        shop = Shop(front, self.history, self._seed)
        await shop.open(self.settings.partitions)
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(run_sync(replace(self.settings, postgres_url=self._sync_url, **UNHURRIED)))
            shops = [shop.through(each) for each in fronts]
            buyers = [group.create_task(shops[number % len(shops)].buy_forever()) for number in range(_SHOPPERS)]
            buyers += [group.create_task(each.hold_forever(event)) for each in shops for event in shop.events]
            sales = self.history.sales
            await wait_until(
                lambda: len(sales) > _FIRST_SALES and self.history.acknowledged.keys() >= KINDS,
                _PATIENCE_SECONDS,
                "it sells in every way",
            )
            for happening in happenings:
                await self._fail(happening, shop, fronts)
            for buyer in buyers:
                buyer.cancel()
            await asyncio.gather(*buyers, return_exceptions=True)
            try:
                found = await self.history.violations(front)
                if audits:
                    await wait_until(self._is_settled, _PATIENCE_SECONDS, "no payment is open")
                    found += await audit(self.settings)
                self.lost_alarms = sum(map(_lost_alarms, fronts))
            finally:
                worker.cancel()
        return found

    async def _fail(self, happening: Happening, shop: Shop, fronts: Sequence[Front]) -> None:
        """Lets something fail after a calm moment, and waits until every event sells again through every API."""
        hits = await happening.hits()
        hit = {event["id"] for event in shop.events if event["id"] % self.settings.partitions in hits}
        seen = len(self.history.sales)
        await wait_until(lambda: len(self.history.sales) > seen + _CALM_SALES, _PATIENCE_SECONDS, "it sells calmly")
        log.warning("failure", name=happening.name)
        began = time.monotonic()
        await happening.happen()
        back = len(self.history.sales)
        wanted = {(event["id"], id(front)) for event in shop.events for front in fronts}
        await wait_until(
            lambda: wanted <= {(sold.event_id, id(sold.front)) for sold in self.history.sales[back:]},
            _PATIENCE_SECONDS,
            f"all events sell again after: {happening.name}",
        )
        near = [sold for sold in self.history.sales[seen:] if sold.front is shop.front]
        self.figures.append(figures_of(happening.name, near, began, near[-1].at, hit))

    async def _is_settled(self) -> bool:
        connection = await asyncpg.connect(self.settings.postgres_url, timeout=_PATIENCE_SECONDS)
        try:
            count = await connection.fetchval(
                "SELECT count(*) FROM payments WHERE status = 'pending' AND id LIKE 'pay-%'"
            )
        finally:
            await connection.close(timeout=_PATIENCE_SECONDS)
        return bool(count == 0)

    async def charged_and_sold(self, ledger: GatewayLedger) -> tuple[int, int]:
        """The numbers of payments that the gateway has charged and kept, and that Postgres knows as completed."""
        connection = await asyncpg.connect(self.settings.postgres_url, timeout=_PATIENCE_SECONDS)
        try:
            sold = await connection.fetchval("SELECT count(DISTINCT id) FROM payments WHERE status = 'completed'")
        finally:
            await connection.close(timeout=_PATIENCE_SECONDS)
        return len(ledger.kept()), int(sold)


def _lost_alarms(front: Front) -> float:
    app = front.client.server.app  # type: ignore[attr-defined]  # of a TestServer
    return app[METRICS].registry.get_sample_value("onsale_acknowledged_lost_total") or 0.0
