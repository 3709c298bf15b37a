"""Failures of a cluster of three primaries with two replicas each, while customers buy: nothing acknowledged is lost.

The suite runs each failure once. `make failover` runs each of them 20 times.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs

from cli.dev.embedded import EmbeddedPostgres
from cli.dev.embedded_cluster import EmbeddedCluster
from engine.redis_keys import slot_of, spread_keys
from engine.settings import Settings
from sync.audit.audit import audit
from sync.worker import run_sync
from tests.integration.api.conftest import GatewayLedger, StartApi
from tests.support.cluster.failures import FAILURES
from tests.support.cluster.history import History, Shop
from tests.support.invariants import check_invariants
from tests.support.postgres_users import SYNC
from tests.support.waiting import wait_until

log = structlog.get_logger(__name__)

TIMES = int(os.environ.get("FAILOVER_TIMES", "1"))
SEED = int(os.environ.get("FAILOVER_SEED", "1"))
_NODE_TIMEOUT_MS = 1000
_SHOPPERS = 10
_PARTITIONS = 6
_PATIENCE_SECONDS = 60


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(
        tmp_path / "cluster", tmp_path, 3, 2, password="secret", node_timeout_ms=_NODE_TIMEOUT_MS
    ) as cluster:
        yield cluster


class Sale:
    """Customers at work on an API and a sync worker, while things fail."""

    def __init__(self, settings: Settings, sync_url: str, start_api: StartApi) -> None:
        self.settings, self._sync_url, self._start_api = settings, sync_url, start_api
        self.history = History()

    async def run(self, cluster: EmbeddedCluster, failures: list[str], *, audits: bool = True) -> list[str]:
        """What is not as it was told, at the end; with `audits` also where Redis and Postgres differ."""
        front = await self._start_api(redis_url=cluster.url, replica_acks=self.settings.replica_acks, **_PATIENT)
        shop = Shop(front, self.history, SEED)
        await shop.open(_PARTITIONS)
        slots = [slot_of(keys.meta) for keys in spread_keys(_PARTITIONS)]
        chance = random.Random(SEED)  # noqa: S311  # a seed to play it again
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(run_sync(replace(self.settings, postgres_url=self._sync_url)))
            shoppers = [group.create_task(shop.buy_forever()) for _ in range(_SHOPPERS)]
            for name in failures:
                log.warning("failure", name=name)
                await FAILURES[name](cluster, chance.choice(slots))
                await self._sells(shop, name)
            for shopper in shoppers:
                shopper.cancel()
            await asyncio.gather(*shoppers, return_exceptions=True)
            try:
                found = await self.history.violations(front)
                if audits:
                    await wait_until(self._is_settled, _PATIENCE_SECONDS, "no payment is open")
                    found += await audit(self.settings)
            finally:
                worker.cancel()
        return found

    async def _sells(self, shop: Shop, after: str) -> None:
        """Every event sells again."""
        seen = len(self.history.sold_at)
        wanted = {event["id"] for event in shop.events}
        await wait_until(
            lambda: wanted <= {event_id for _, event_id in self.history.sold_at[seen:]},
            _PATIENCE_SECONDS,
            f"all events sell again after: {after}",
        )

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
        """How many payments the gateway has charged and kept, and how many Postgres knows as completed."""
        connection = await asyncpg.connect(self.settings.postgres_url, timeout=_PATIENCE_SECONDS)
        try:
            sold = await connection.fetchval("SELECT count(DISTINCT id) FROM payments WHERE status = 'completed'")
        finally:
            await connection.close(timeout=_PATIENCE_SECONDS)
        return len(ledger.kept()), int(sold)


_PATIENT = {"command_timeout_ms": 2000, "replica_timeout_ms": 500, "connect_timeout_ms": 500}


@pytest.fixture
def sale(shop: Settings, postgres: EmbeddedPostgres, start_api: StartApi, cluster: EmbeddedCluster) -> Sale:
    settings = replace(shop, redis_url=cluster.url, replica_acks=1, partitions=_PARTITIONS, **_PATIENT)
    sync_url = postgres.url("contract", SYNC)

    async def start(**changes: object):  # type: ignore[no-untyped-def]
        return await start_api(partitions=_PARTITIONS, **changes)

    return Sale(settings, sync_url, start)


@pytest.mark.timeout(600 * TIMES)
async def test_nothing_acknowledged_is_lost_whatever_fails(
    sale: Sale, cluster: EmbeddedCluster, ledger: GatewayLedger
) -> None:
    failures = [name for _ in range(TIMES) for name in FAILURES]
    random.Random(SEED).shuffle(failures)  # noqa: S311  # a seed to play it again
    assert await sale.run(cluster, failures) == []
    history = sale.history
    assert 500 not in history.statuses
    assert all(history.acknowledged[kind] for kind in ("held", "paid", "cancelled", "completed", "booked"))
    charged, sold = await sale.charged_and_sold(ledger)
    assert charged == sold, "each sale was charged once, and nothing else was"
    print(dict(history.acknowledged), dict(history.statuses))  # noqa: T201  # figures of the run
    await asyncio.to_thread(check_invariants, cluster.url, 1000)


@pytest.mark.timeout(300)
async def test_without_acknowledging_replicas_a_failover_loses_sales_and_the_history_shows_it(
    sale: Sale, cluster: EmbeddedCluster
) -> None:
    """The negative control."""
    sale.settings, sale.history.loses = replace(sale.settings, replica_acks=0), True
    with capture_logs() as logs:
        found = await sale.run(cluster, ["kill with stalled replicas"], audits=False)
    assert found, "nothing was lost, so the history cannot see it"
    assert any(line["event"] == "outbox_broken" for line in logs), "the loss is not silent"
