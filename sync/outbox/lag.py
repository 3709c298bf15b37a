"""Gauges of lag: Postgres behind Redis, late expiries, unsettled money, and stock on sale.

Asks Redis alone, because it matters most while Postgres is away.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import structlog

from engine.client import Redis
from engine.errors import Fault
from engine.open_work import OpenWork, open_work_of
from engine.redis_keys import PartitionKeys
from engine.settings import Settings
from sync.metrics import SyncMetrics
from sync.upkeep.stock_gauge import Stock, StockNames, stock_on_sale

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_IDLE_SECONDS = 5.0
"""Pause after a look at which nothing was sold since the one before."""


async def run_lag(settings: Settings, redis: Redis, partitions: list[PartitionKeys], metrics: SyncMetrics) -> None:
    """Measure every second, less often while nothing sells, forever. While Redis is away the last figures stand."""
    names = StockNames()
    before: dict[int, Stock] | None = None
    by_partition: dict[int, dict[int, Stock]] = {}
    while True:
        pause = _LOOK_SECONDS
        for keys in partitions:
            try:
                work = await open_work_of(redis, keys)
                _show(keys, work, metrics)
                by_partition[keys.partition] = await stock_on_sale(redis, keys) if work.events else {}
            except Fault:  # logged by the client's outage
                if len(await redis.primaries()) == 1:
                    break
        stock = {event_id: places for part in by_partition.values() for event_id, places in part.items()}
        with suppress(Fault):
            _show_stock(metrics, stock, await names.of(redis, stock))
            pause = _IDLE_SECONDS if stock == before else _LOOK_SECONDS
            before = stock
        await asyncio.sleep(pause)


def _show(keys: PartitionKeys, work: OpenWork, metrics: SyncMetrics) -> None:
    label = f"{keys.partition:02}"
    metrics.lag_entries.labels(label).set(work.outbox_entries)
    metrics.lag_seconds.labels(label).set(work.outbox_ms / 1000)
    metrics.sweep_lag_ms.labels(label).set(work.overdue_ms)
    if isinstance(work.payments, Exception):
        log.warning("open_money_unknown", partition=keys.partition, error=repr(work.payments))
        return
    metrics.payments_pinned.labels(label).set(work.payments.pinned)
    metrics.refunds_due.labels(label).set(work.payments.refunds_due)
    metrics.unsettled_age_seconds.labels(label).set(work.payments.oldest_ms / 1000)


def _show_stock(metrics: SyncMetrics, stock: Mapping[int, Stock], names: Mapping[int, str]) -> None:
    """Events that are not on sale any more leave, so that what is shown does not grow with the years."""
    metrics.stock.clear()
    for event_id, places in stock.items():
        for state, count in places._asdict().items():
            metrics.stock.labels(str(event_id), names[event_id], state).set(count)
