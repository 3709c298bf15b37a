"""What each event on sale has left, held and sold, for whoever watches a drop."""

from collections import defaultdict
from typing import NamedTuple

import msgspec

from engine.client import Redis
from engine.keys import PartitionKeys
from engine.records import Terms
from engine.words import EventStatus

_TERMS = msgspec.msgpack.Decoder(Terms)


class Stock(NamedTuple):
    """Places of an event in all its pools: available + held + paying + sold is its capacity."""

    available: int
    held: int
    paying: int
    sold: int


async def stock_on_sale(redis: Redis, keys: PartitionKeys) -> dict[int, Stock]:
    """The stock of a partition's events that are on sale, by event id."""
    terms = await redis.hgetall(keys.events)
    on_sale = {
        int(event_id) for event_id, packed in terms.items() if _TERMS.decode(packed).status is EventStatus.ON_SALE
    }
    stock: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for field, counters in (await redis.hgetall(keys.pools)).items():
        event_id = int(field.partition(b"/")[0])
        if event_id in on_sale:
            _capacity, *places = map(int, counters.split())
            stock[event_id] = [total + more for total, more in zip(stock[event_id], places, strict=True)]
    return {event_id: Stock(*places) for event_id, places in stock.items()}
