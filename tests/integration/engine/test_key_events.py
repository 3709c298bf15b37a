"""Events of idempotency keys: the first one counts, and many keys cost few calls."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from engine.engine import Engine
from engine.errors import Fault, Overloaded, Unready
from engine.settings import Settings
from tests.support.waiting import wait_until

EVENT, OTHER = 1, 2


async def calls(engine: Engine) -> int:
    stats = await engine.redis.info("commandstats")
    return int(stats.get("cmdstat_fcall", {"calls": 0})["calls"])


async def test_the_first_event_of_a_key_counts(engine: Engine) -> None:
    assert await engine.key_events.first_event("key", EVENT) == EVENT
    assert await engine.key_events.first_event("key", OTHER) == EVENT
    assert (
        await asyncio.gather(*(engine.key_events.first_event("new", event) for event in (OTHER, EVENT))) == [OTHER] * 2
    )


async def test_a_key_is_forgotten_soon_unless_it_is_kept(engine: Engine) -> None:
    for name in ("refused", "taken"):
        await engine.key_events.first_event(name, EVENT)
    engine.key_events.keep("taken")

    async def is_kept() -> bool:
        return await engine.redis.pttl("answer:{taken}") > 80_000_000

    await wait_until(is_kept)
    assert 0 < await engine.redis.pttl("answer:{refused}") <= 70_000


async def test_many_keys_cost_few_calls(engine: Engine) -> None:
    before = await calls(engine)
    events = await asyncio.gather(*(engine.key_events.first_event(f"key-{number}", number) for number in range(1, 501)))
    assert events == list(range(1, 501))
    assert await calls(engine) - before < 20


async def test_whoever_asks_is_told_of_a_fault(engine_settings: Settings) -> None:
    async with Engine(replace(engine_settings, queue_commands=3)) as engine:
        asked = [asyncio.ensure_future(engine.key_events.first_event(str(number), EVENT)) for number in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await asked.pop()
        assert await asyncio.gather(*asked) == [EVENT] * 3

    async def broken(*_: object) -> None:
        raise Overloaded("too many calls wait")

    async with Engine(engine_settings) as engine:
        engine.key_events._call = broken
        with pytest.raises(Fault, match="too many calls"):
            await engine.key_events.first_event("key", EVENT)


async def test_in_a_cluster_a_key_counts_as_new_while_its_node_hangs(engine: Engine) -> None:
    """The first ones wait for a moment, the others not at all; keys of other nodes are asked for all the while."""
    call, hangs = engine.key_events._call, asyncio.Event()
    asked: list[str] = []

    async def of_two_nodes(function: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        asked.extend(keys)
        if "answer:{away" in keys[0]:
            await hangs.wait()
        return await call(function, keys, arguments)

    engine.key_events.node_of, engine.key_events._call = (lambda key: "away" in key), of_two_nodes
    async with asyncio.timeout(5):
        assert await engine.key_events.first_event("away-1", EVENT) == EVENT
        assert await engine.key_events.first_event("away-2", EVENT) == EVENT
        assert await engine.key_events.first_event("there", OTHER) == OTHER
        assert await engine.key_events.first_event("there", EVENT) == OTHER
    assert asked == ["answer:{away-1}", "answer:{there}", "answer:{there}"]
    hangs.set()
    await wait_until(lambda: not engine.key_events._late.total())
    assert await engine.key_events.first_event("away-2", OTHER) == OTHER
    assert await engine.key_events.first_event("away-2", EVENT) == OTHER, "it is asked again"


class Hold:
    """An answer that goes on with something when it is told, so that it is not done by that."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def done(self) -> bool:
        return False

    def set_result(self, result: object, /) -> None:
        self.told.append(result)

    def set_exception(self, error: Exception, /) -> None:
        self.told.append(error)


@pytest.mark.parametrize("ends", ["with an answer", "with a fault"])
async def test_a_hold_is_told_of_its_key_once_however_late_its_node_answers(engine: Engine, ends: str) -> None:
    call, hangs = engine.key_events._call, asyncio.Event()

    async def late(function: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        await hangs.wait()
        if ends == "with a fault":
            raise Unready("it is away")
        return await call(function, keys, arguments)

    engine.key_events.node_of, engine.key_events._call = (lambda _: "node"), late
    hold = Hold()
    engine.key_events.ask("key", EVENT, hold)
    await wait_until(lambda: hold.told)
    hangs.set()
    await wait_until(lambda: not engine.key_events._late.total())
    assert hold.told == [EVENT]


async def test_in_a_cluster_no_key_waits_for_the_node_of_another(engine: Engine) -> None:
    call, hangs = engine.key_events._call, asyncio.Event()

    async def of_two_nodes(function: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        if "answer:{away}" in keys:
            await hangs.wait()
        return await call(function, keys, arguments)

    engine.key_events.node_of, engine.key_events._call = (lambda key: "away" in key), of_two_nodes
    waiting = asyncio.ensure_future(engine.key_events.first_event("away", EVENT))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert (
            await asyncio.gather(*(engine.key_events.first_event(f"{n}", EVENT) for n in range(300))) == [EVENT] * 300
        )
    assert await waiting == EVENT
    hangs.set()


@pytest.mark.parametrize("turns", [1, 5])
async def test_nobody_waits_for_an_engine_that_has_stopped(engine_settings: Settings, turns: int) -> None:
    """Neither who is asked for, nor who is not yet."""

    async def hanging(*_: object) -> None:
        await asyncio.Event().wait()

    async with Engine(engine_settings) as engine:
        engine.key_events._call = hanging
        waiting = asyncio.ensure_future(engine.key_events.first_event("key", EVENT))
        for _ in range(turns):
            await asyncio.sleep(0)
    async with asyncio.timeout(5):
        with pytest.raises(Fault):
            await waiting
