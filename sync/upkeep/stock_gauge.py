"""Gauges of available, held and sold places of each event on sale, to follow a drop."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from engine.catalogue import event_names
from engine.client import Redis
from engine.records import Terms
from engine.redis_keys import PartitionKeys
from engine.words import EventStatus

_NAMES_SECONDS = 60.0
_TERMS = msgspec.msgpack.Decoder(Terms)


class Stock(NamedTuple):
    """Places of an event in all its pools: available + held + paying + sold + kept is its capacity."""

    available: int
    held: int
    paying: int
    sold: int
    kept: int


class StockNames:
    """Names of events, read when an event is new and each minute: a name changes seldom, and is only for people."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._until = 0.0

    async def of(self, redis: Redis, event_ids: Collection[int]) -> Mapping[int, str]:
        """The name of each event; its id as text where it is not published."""
        now = asyncio.get_running_loop().time()
        if now >= self._until or not self._names.keys() >= set(event_ids):
            self._names = await event_names(redis, event_ids)
            self._until = now + _NAMES_SECONDS
        return self._names


async def stock_on_sale(redis: Redis, keys: PartitionKeys) -> dict[int, Stock]:
    """The stock of a partition's events that are on sale, by event id."""
    terms = await redis.hgetall(keys.events)
    on_sale = {
        int(event_id) for event_id, packed in terms.items() if _TERMS.decode(packed).status is EventStatus.ON_SALE
    }
    stock: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for field, counters in (await redis.hgetall(keys.pools)).items():
        event_id = int(field.partition(b"/")[0])
        if event_id in on_sale:
            places = map(int, counters.split()[1:6])
            stock[event_id] = [total + more for total, more in zip(stock[event_id], places, strict=True)]
    return {event_id: Stock(*places) for event_id, places in stock.items()}
