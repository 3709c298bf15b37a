"""Cost of the Lua library alone: holds in batches of an exact size, without HTTP."""

import asyncio
import statistics

import msgspec

from cli.errors import UserError
from engine.commands import Hold, items_text
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results import Held
from engine.settings import Settings
from loadtest.bench.stock import QUANTITY, bench_event, call_costs, renew_redis, reset_call_costs

_DETAILS = '{"first_name":"Islom","last_name":"Karimov"}'
_TIMEOUT_SECONDS = 60
_TIMES = 5
_MOST_CALLS = 1.1


def lua_micros_per_hold(settings: Settings, batch: int, holds: int) -> float:
    """Microseconds of FCALL per hold, by INFO commandstats, in batches of exactly `batch`.

    The median of a few times `holds` holds. Raises UserError if the batches had another size.
    """
    return statistics.median(_measure_once(settings, batch, holds) for _ in range(_TIMES))


def _measure_once(settings: Settings, batch: int, holds: int) -> float:
    asyncio.run(renew_redis(settings))
    batches = holds // batch
    asyncio.run(_hold_in_batches(settings, batch, batches))
    costs = asyncio.run(call_costs(settings))
    # The API that is measured besides follows the catalogue by calls of its own: few, and short.
    if not batches <= costs.calls <= batches * _MOST_CALLS:
        raise UserError(
            f"{batches} batches of {batch} were sent as {costs.calls} calls; does another program use the server?"
        )
    return costs.micros / (batches * batch)


async def _hold_in_batches(settings: Settings, batch: int, batches: int) -> None:
    event = bench_event()
    async with (
        asyncio.timeout(_TIMEOUT_SECONDS),
        Engine(msgspec.structs.replace(settings, batch_commands=batch)) as engine,
    ):
        await reset_call_costs(settings)
        for number in range(batches):
            commands = (
                Hold(
                    new_reservation_id(event.event_id),
                    event.event_id,
                    f"lua-{batch}-{number}-{place}",
                    _DETAILS,
                    "",
                    items_text([(event.tickets[0].ticket_id, QUANTITY)]),
                )
                for place in range(batch)
            )
            results = await asyncio.gather(*(engine.submit(command) for command in commands))
            if not all(isinstance(result, Held) for result in results):
                raise UserError("a hold of the benchmark was refused")
