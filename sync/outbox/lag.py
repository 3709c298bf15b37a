"""Gauges of lag: Postgres behind Redis, late expiries, unsettled money, and stock on sale.

Asks Redis alone, because it matters most while Postgres is away.
Entries leave an outbox right after they are committed, so what is in it is what Postgres does not have.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import msgspec
import structlog

from engine.client import Redis
from engine.errors import Fault
from engine.facts import decode_booking_facts, decode_facts
from engine.inspection import (
    Sizes,
    UnsettledPayments,
    overdue_ms,
    server_time_ms,
    sizes_of,
    unsettled_payments,
)
from engine.outbox import Entry
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
                sizes = await sizes_of(redis, keys)
                await _measure(redis, keys, sizes, metrics)
                by_partition[keys.partition] = await stock_on_sale(redis, keys) if sizes.events else {}
            except Fault:  # told by the client's outage
                if len(await redis.primaries()) == 1:
                    break
        stock = {event_id: places for part in by_partition.values() for event_id, places in part.items()}
        with suppress(Fault):
            _show_stock(metrics, stock, await names.of(redis, stock))
            pause = _IDLE_SECONDS if stock == before else _LOOK_SECONDS
            before = stock
        await asyncio.sleep(pause)


async def _measure(redis: Redis, keys: PartitionKeys, sizes: Sizes, metrics: SyncMetrics) -> None:
    label = f"{keys.partition:02}"
    metrics.lag_entries.labels(label).set(sizes.outbox)
    metrics.lag_seconds.labels(label).set(await _oldest_age_ms(redis, keys) / 1000 if sizes.outbox else 0)
    metrics.sweep_lag_ms.labels(label).set(await overdue_ms(redis, keys) if sizes.deadlines else 0)
    try:
        money = await unsettled_payments(redis, keys) if sizes.unsettled else UnsettledPayments(0, 0, 0)
    except msgspec.DecodeError as error:
        log.warning("open_money_unknown", partition=keys.partition, error=repr(error))
        return
    metrics.payments_pinned.labels(label).set(money.pinned)
    metrics.refunds_due.labels(label).set(money.refunds_due)
    metrics.unsettled_age_seconds.labels(label).set(money.oldest_ms / 1000)


def _show_stock(metrics: SyncMetrics, stock: Mapping[int, Stock], names: Mapping[int, str]) -> None:
    """Events that are not on sale any more leave, so that what is shown does not grow with the years."""
    metrics.stock.clear()
    for event_id, places in stock.items():
        for state, count in places._asdict().items():
            metrics.stock.labels(str(event_id), names[event_id], state).set(count)


async def _oldest_age_ms(redis: Redis, keys: PartitionKeys) -> int:
    """Age of the oldest fact in the outbox; 0 if there is none, or if it cannot be read (the reader tells of that)."""
    entries = await redis.xrange(keys.outbox, min="-", max="+", count=1)
    if not entries:
        return 0
    entry = Entry.parse(*entries[0])
    try:
        facts = [*decode_facts(entry.payload), *(decode_booking_facts(entry.bookings) if entry.bookings else ())]
    except ValueError:
        return 0
    return max(0, await server_time_ms(redis, keys) - facts[0].at_ms) if facts else 0
