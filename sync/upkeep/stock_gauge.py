"""Gauges of available, held and sold places of each event on sale, to follow a drop.

As in the API, places that are set aside for a waiting list count as held: nobody else can have them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec

from engine.catalogue import event_names
from engine.client import Redis
from engine.redis_keys import PartitionKeys
from engine.terms import Terms
from engine.waiting_lists import places_set_aside
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
    packed = await redis.hgetall(keys.events)
    terms = {int(event_id): _TERMS.decode(each) for event_id, each in packed.items()}
    on_sale = {event_id: each for event_id, each in terms.items() if each.status is EventStatus.ON_SALE}
    stock: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for field, counters in (await redis.hgetall(keys.pools)).items():
        event_id = int(field.partition(b"/")[0])
        if event_id in on_sale:
            places = map(int, counters.split()[1:6])
            stock[event_id] = [total + more for total, more in zip(stock[event_id], places, strict=True)]
    for event_id, (available, held, *others) in list(stock.items()):
        if on_sale[event_id].waiting is not None:
            aside = min(available, await _set_aside(redis, keys, event_id))
            stock[event_id] = [available - aside, held + aside, *others]
    return {event_id: Stock(*places) for event_id, places in stock.items()}


async def _set_aside(redis: Redis, keys: PartitionKeys, event_id: int) -> int:
    """Places of an event that returned and wait for the first in line; 0 after a restore, until the next call."""
    (aside,) = await redis.hmget(keys.waiting(event_id), ["aside"])
    return sum(places_set_aside(aside or b"").values())
