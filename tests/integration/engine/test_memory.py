"""The cost of 200,000 live holds: memory of each, and time of the next one."""

from collections.abc import AsyncIterator, Callable
from statistics import quantiles

import pytest

from engine.commands.holds import Cancel
from engine.engine import Engine
from tests.support.engine.bulk_holds import event_of, fill, holds, run_batch

MANY, FEW = 200_000, 1_000
CROWDED, QUIET = 16, 17
"""Events of two partitions."""

MOST_BYTES = 500
MOST_TIMES_AS_LONG = 1.3
ROUNDS = 100
BATCH = 64


def usual(times: list[float]) -> float:
    """The time that a quarter of calls stay below: what others do on the machine makes the rest longer."""
    return quantiles(times)[0]


@pytest.fixture
async def full(engine: Engine) -> AsyncIterator[Engine]:
    """Leaves nothing behind: the check after each test, key by key, would take longer than the test."""
    yield engine
    await engine.redis.execute_command("FLUSHDB")


async def used_bytes(engine: Engine) -> int:
    """Memory of the server without the outboxes, which are trimmed when they have been read."""
    outboxes = [
        await engine.redis.execute_command("MEMORY", "USAGE", keys.outbox, "SAMPLES", 0) for keys in engine.keys
    ]
    used: int = (await engine.redis.info("memory"))["used_memory"]
    return used - sum(size or 0 for size in outboxes)


async def call_us(engine: Engine, event_id: int, first: int) -> float:
    """Time of a call with 64 holds, by the server's own count; the holds are cancelled again."""
    keys = engine.keys[event_id % len(engine.keys)]
    commands = list(holds(event_id, BATCH, first=first))
    await engine.redis.execute_command("CONFIG", "RESETSTAT")
    await run_batch(engine, keys, commands)
    calls = (await engine.redis.info("commandstats"))["cmdstat_fcall"]
    assert calls["calls"] == 1
    await run_batch(engine, keys, [Cancel(command.reservation_id) for command in commands])
    return float(calls["usec"])


@pytest.mark.alone
async def test_memory_and_time_of_a_hold(full: Engine, record_property: Callable[[str, object], None]) -> None:
    for event_id, count in ((CROWDED, MANY), (QUIET, FEW)):
        await full.submit(event_of(event_id, 2 * count))
    before = await used_bytes(full)
    for event_id, count in ((CROWDED, MANY), (QUIET, FEW)):
        async for _ in fill(full, event_id, count):
            pass
    bytes_per_hold = (await used_bytes(full) - before) / (MANY + FEW)
    record_property("bytes per hold", bytes_per_hold)
    assert bytes_per_hold <= MOST_BYTES

    crowded, quiet = [], []
    for number in range(ROUNDS):
        crowded.append(await call_us(full, CROWDED, MANY + BATCH * number))
        quiet.append(await call_us(full, QUIET, MANY + BATCH * number))
    record_property("us per hold among many", usual(crowded) / BATCH)
    record_property("us per hold among few", usual(quiet) / BATCH)
    assert usual(crowded) <= MOST_TIMES_AS_LONG * usual(quiet)
