"""Cost of the Lua library alone: holds in batches of an exact size, without HTTP."""

import asyncio
import statistics
from collections.abc import Sequence

import msgspec

from cli.errors import UserError
from engine.alike import in_columns
from engine.client import Redis
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.redis_keys import PartitionKeys, partition_of
from engine.results.any_result import ANY_RESULT
from engine.results.holds import Held
from engine.results.internal import Alike
from engine.settings import Settings
from loadtest.bench.stock import QUANTITY, bench_event, renew_redis

_DETAILS = '{"first_name":"Islom","last_name":"Karimov"}'
_TIMEOUT_SECONDS = 60
_MEMORY_PERCENT = 90
_REPLY = msgspec.msgpack.Decoder(list[ANY_RESULT | int | str])


def lua_micros_per_hold(settings: Settings, batch: int, holds: int) -> float:
    """Microseconds of processor time that Lua takes for a hold, in batches of exactly `batch`: the median of the calls.

    Each call tells its own (lua/90_run.lua): what other programs do on the machine is not in it, but for what they take
    of the caches.
    """
    asyncio.run(renew_redis(settings))
    return asyncio.run(_hold_in_batches(settings, batch, holds // batch))


async def _hold_in_batches(settings: Settings, batch: int, batches: int) -> float:
    event = bench_event()
    keys = PartitionKeys(partition_of(event.event_id, settings.partitions))
    async with asyncio.timeout(_TIMEOUT_SECONDS), Engine(settings) as engine:
        micros = [
            await hold_in_one_call(engine.redis, settings, keys, [f"lua-{number}-{place}" for place in range(batch)])
            for number in range(batches)
        ]
    return statistics.median(micros) / batch


def _hold(customer_id: str, code: str) -> Hold:
    event = bench_event()
    items = items_text([(event.tickets[0].ticket_id, QUANTITY)])
    return Hold(new_reservation_id(event.event_id), event.event_id, customer_id, _DETAILS, "", items, code=code)


async def hold_in_one_call(
    redis: Redis, settings: Settings, keys: PartitionKeys, customer_ids: Sequence[str], codes: Sequence[str] = ()
) -> int:
    """Makes a hold for each customer; returns the microseconds that it took. Raises UserError if one was refused.

    `codes`: those that the holds name, one each; empty: none does.
    """
    holds = list(map(_hold, customer_ids, codes or [""] * len(customer_ids)))
    reply = await redis.execute_command(
        "FCALL",
        "onsale_run",
        len(keys.fixed) + len(holds),
        *keys.fixed,
        *(keys.hold(hold.reservation_id) for hold in holds),
        msgspec.msgpack.encode(in_columns(holds)),
        settings.sweep_slice,
        settings.archive_seconds * 1000,
        settings.booking_expires_ms,
        b"",
        0,
        b"",
        _MEMORY_PERCENT,
    )
    *results, micros = _REPLY.decode(reply)
    if not isinstance(micros, int) or not all(isinstance(result, Held | Alike) for result in results):
        raise UserError("a hold of the benchmark was refused")
    return micros
