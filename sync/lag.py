"""How far Postgres is behind Redis, how late holds are given back, whose money is awaited, and what is left on sale.

Asks Redis alone, because it matters most while Postgres is away.
Entries leave an outbox right after they are committed, so what is in it is what Postgres does not have.
"""

import asyncio

import msgspec
import structlog
from redis.exceptions import RedisError

from engine.client import Redis
from engine.facts import decode_booking_facts, decode_facts
from engine.keys import PartitionKeys
from engine.outbox import Entry
from engine.settings import Settings
from engine.upkeep import open_money, overdue_ms, server_time_ms
from sync.metrics import SyncMetrics
from sync.stock import Stock, stock_on_sale

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0


async def run_lag(settings: Settings, redis: Redis, partitions: list[PartitionKeys], metrics: SyncMetrics) -> None:
    """Measures every second, for ever. While Redis is away the last figures stand."""
    while True:
        try:
            stock: dict[int, Stock] = {}
            for keys in partitions:
                async with asyncio.timeout(settings.command_timeout_ms / 1000):
                    await _measure(redis, keys, metrics)
                    stock |= await stock_on_sale(redis, keys)
            _show_stock(metrics, stock)
        except (RedisError, OSError) as error:
            log.warning("lag_unknown", error=repr(error))
        await asyncio.sleep(_LOOK_SECONDS)


async def _measure(redis: Redis, keys: PartitionKeys, metrics: SyncMetrics) -> None:
    label = f"{keys.partition:02}"
    metrics.lag_entries.labels(label).set(await redis.xlen(keys.outbox))
    metrics.lag_seconds.labels(label).set(await _oldest_age_ms(redis, keys) / 1000)
    metrics.sweep_lag_ms.labels(label).set(await overdue_ms(redis, keys))
    try:
        money = await open_money(redis, keys)
    except msgspec.DecodeError as error:
        log.warning("open_money_unknown", partition=keys.partition, error=repr(error))
        return
    metrics.payments_pinned.labels(label).set(money.pinned)
    metrics.refunds_due.labels(label).set(money.refunds_due)
    metrics.money_lag_seconds.labels(label).set(money.oldest_ms / 1000)


def _show_stock(metrics: SyncMetrics, stock: dict[int, Stock]) -> None:
    """Events that are not on sale any more leave, so that what is shown does not grow with the years."""
    metrics.stock.clear()
    for event_id, places in stock.items():
        for state, count in places._asdict().items():
            metrics.stock.labels(str(event_id), state).set(count)


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
    return max(0, await server_time_ms(redis) - facts[0].at_ms) if facts else 0
