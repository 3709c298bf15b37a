"""100,000 holds that expire at one instant: nothing stands still, and everything is for sale again soon.

How long a call blocks is what the server's slow log says, the clock on the wall; tests/support/timing.py judges it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from engine.commands.events import Count
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.results.events import Counts
from engine.results.holds import Held
from sync.metrics import SyncMetrics
from sync.upkeep.sweeper import run_sweeper
from tests.support.engine.bulk_holds import TICKET_ID, bring_forward, event_of, fill
from tests.support.timing import Round, are_good
from tests.support.waiting import wait_until

HOLDS = 100_000
CROWD, BYSTANDER = 16, 32
"""Two events of one partition."""

ROUNDS = 4


async def hold_and_expire(engine: Engine) -> None:
    """Returns right after the instant at which all holds of the crowd, then that of the bystander, expired."""
    keys = engine.keys[0]
    await engine.submit(event_of(CROWD, HOLDS))
    await engine.submit(event_of(BYSTANDER, 1))
    taken = [batch async for batch in fill(engine, CROWD, HOLDS)]
    (last,) = [batch async for batch in fill(engine, BYSTANDER, 1)]
    instant_ms, ahead_ms = 0, 2_000
    while instant_ms <= await server_time_ms(engine.redis):  # it came before all were moved there: a later one
        ahead_ms *= 2
        instant_ms = await server_time_ms(engine.redis) + ahead_ms
        for batch in taken:
            await bring_forward(engine, keys, batch, instant_ms)
        await bring_forward(engine, keys, last, instant_ms + 1)

    async def ran_out() -> bool:
        return await server_time_ms(engine.redis) > instant_ms + 1

    await wait_until(ran_out, ahead_ms / 1000 + 1)


async def forget_all(engine: Engine) -> None:
    """Leaves nothing behind: the check after each test, key by key, would take longer than the test."""
    await engine.redis.execute_command("FLUSHDB")
    await engine.init_partitions()


async def available(engine: Engine, event_id: int) -> int:
    counts = await engine.submit(Count(event_id))
    assert isinstance(counts, Counts)
    return counts.tickets[0].available


async def start_slow_log(engine: Engine) -> None:
    # A rewrite of the append-only file forks the server: it would copy its memory page by page within our calls.
    await engine.redis.execute_command("CONFIG", "SET", "auto-aof-rewrite-percentage", 0)
    await engine.redis.execute_command("CONFIG", "SET", "slowlog-log-slower-than", 100)
    await engine.redis.execute_command("CONFIG", "SET", "slowlog-max-len", 5000)
    await engine.redis.execute_command("SLOWLOG", "RESET")


async def calls_ms(engine: Engine) -> list[float]:
    """The time of each call on the partition, in order: those that give back a slice are all above 0.1 ms."""
    entries = await engine.redis.execute_command("SLOWLOG", "GET", 5000)
    meta = engine.keys[0].meta.encode()
    entries.reverse()
    return [took_us / 1000 for _, _, took_us, (name, *words), *_ in entries if name == b"FCALL" and meta in words]


GiveBack = Callable[[Engine], Awaitable[None]]
"""Returns when all expired holds were given back."""


async def play(engine: Engine, give_back: GiveBack) -> Round:
    await hold_and_expire(engine)
    assert await engine.redis.zcard(engine.keys[0].deadlines) == HOLDS + 1
    await start_slow_log(engine)
    began = time.monotonic()
    await give_back(engine)
    seconds = time.monotonic() - began
    calls = await calls_ms(engine)
    assert len(calls) >= HOLDS // engine.settings.sweep_slice
    assert await available(engine, CROWD) == HOLDS
    await forget_all(engine)
    return Round(seconds, calls)


async def sweep(engine: Engine) -> None:
    async def swept() -> bool:
        return not await engine.redis.zcard(engine.keys[0].deadlines)

    async with asyncio.TaskGroup() as group:
        sweeper = group.create_task(run_sweeper(engine.settings, engine, SyncMetrics()))
        await wait_until(swept, 60)
        sweeper.cancel()
    assert await available(engine, BYSTANDER) == 1


async def hold_the_last(engine: Engine) -> None:
    """The hold of the place that it wants expired after 100,000 others of its partition."""
    items = items_text([(TICKET_ID, 1)])
    result = await engine.submit(Hold(new_reservation_id(BYSTANDER), BYSTANDER, "22", "{}", "digest", items))
    assert isinstance(result, Held)
    assert not result.replayed


@pytest.mark.alone
@pytest.mark.timeout(300)  # some rounds, on a machine that has other things to do
@pytest.mark.parametrize(
    ("give_back", "patience_seconds"),
    # Without a sweeper a caller waits longer: for one call after the other, and each for the disk.
    [pytest.param(sweep, 5, id="the sweeper"), pytest.param(hold_the_last, 10, id="no sweeper, the next hold")],
)
async def test_all_is_given_back_soon_and_no_call_blocks(
    engine: Engine, give_back: GiveBack, patience_seconds: float, record_property: Callable[[str, object], None]
) -> None:
    rounds: list[Round] = []
    while len(rounds) < ROUNDS and not (rounds and rounds[-1].is_good(patience_seconds)):
        rounds.append(await play(engine, give_back))
        record_property("round", str(rounds[-1]))
    assert are_good(rounds, patience_seconds), "\n".join(map(str, rounds))
