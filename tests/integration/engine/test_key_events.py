"""Events of idempotency keys in a cluster: the first one counts, and many keys cost few calls."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import Any, cast
from zlib import crc32

import pytest
from msgspec.structs import replace
from redis.exceptions import TryAgainError

import engine.key_events as key_events_module
from engine.engine import Engine
from engine.errors import Fault, OutcomeUnknown, Overloaded, Unready
from engine.key_events import Call, KeyEvents
from engine.settings import Settings
from engine.wire import Wire
from tests.support.waiting import wait_until

EVENT, OTHER = 1, 2


TAGS = ("p00.1", "p01.2")


def names_of(tag: int) -> Iterator[str]:
    """Names of keys that have the tag."""
    return (name for name in map("key-{}".format, count()) if crc32(name.encode()) % len(TAGS) == tag)


class Nodes:
    """A call to two nodes, of which the first hangs until it is let go, and then fails if it is to."""

    def __init__(self, call: Call) -> None:
        self._call, self.goes_on = call, asyncio.Event()
        self.fault: Fault | None = None
        self.called: list[Sequence[str]] = []

    async def __call__(self, function: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        self.called.append(keys)
        if TAGS[0] in keys[0]:
            await self.goes_on.wait()
            if self.fault is not None:
                raise self.fault
        return await self._call(function, keys, arguments)


@asynccontextmanager
async def in_cluster(
    engine: Engine, call: Call | None = None, **changed: int
) -> AsyncIterator[tuple[KeyEvents, Nodes]]:
    nodes = Nodes(call or partial(engine.call, confirmed=False))
    key_events = KeyEvents(replace(engine.settings, **changed), [nodes] * len(TAGS), TAGS)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(key_events.run())
        yield key_events, nodes
        running.cancel()
        key_events.refuse_all()


@pytest.fixture
async def key_events(engine: Engine) -> AsyncIterator[KeyEvents]:
    async with in_cluster(engine) as (key_events, nodes):
        nodes.goes_on.set()
        yield key_events


async def test_the_first_event_of_a_key_counts(key_events: KeyEvents) -> None:
    assert await key_events.first_event("key", EVENT) == EVENT
    assert await key_events.first_event("key", OTHER) == EVENT
    assert await asyncio.gather(*(key_events.first_event("new", event) for event in (OTHER, EVENT))) == [OTHER] * 2


async def test_a_key_is_forgotten_soon_unless_it_is_kept(engine: Engine, key_events: KeyEvents) -> None:
    names = names_of(0)
    refused, taken = next(names), next(names)
    for name in (refused, taken):
        await key_events.first_event(name, EVENT)
    key_events.keep(taken)

    async def is_kept() -> bool:
        return await engine.redis.pttl(f"answer:{{{TAGS[0]}}}:{taken}") > 80_000_000

    await wait_until(is_kept)
    assert 0 < await engine.redis.pttl(f"answer:{{{TAGS[0]}}}:{refused}") <= 70_000


async def test_callers_get_a_fault(engine: Engine) -> None:
    async with in_cluster(engine, queue_commands=3) as (key_events, nodes):
        nodes.goes_on.set()
        asked = [asyncio.ensure_future(key_events.first_event(str(number), EVENT)) for number in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await asked.pop()
        assert await asyncio.gather(*asked) == [EVENT] * 3

    async def broken(*_: object) -> None:
        raise Overloaded("too many calls wait")

    async with in_cluster(engine, broken) as (key_events, nodes):
        nodes.goes_on.set()
        with pytest.raises(Fault, match="too many calls"):
            await key_events.first_event("key", EVENT)


async def test_in_a_cluster_keys_of_a_tag_go_together(engine: Engine) -> None:
    async with in_cluster(engine) as (key_events, nodes):
        nodes.goes_on.set()
        names = [f"key-{number}" for number in range(200)]
        assert await asyncio.gather(*(key_events.first_event(name, EVENT) for name in names)) == [EVENT] * 200
        assert await asyncio.gather(*(key_events.first_event(name, OTHER) for name in names)) == [EVENT] * 200
    assert len(nodes.called) <= 8
    for keys in nodes.called:
        assert len({key.partition("}")[0] for key in keys}) == 1, "a call names keys of one slot"


async def test_in_a_cluster_a_key_counts_as_new_while_its_node_hangs(engine: Engine) -> None:
    """The first ones wait for a moment, the others not at all; keys of other nodes are asked for all the while."""
    away, there = names_of(0), names_of(1)
    async with in_cluster(engine) as (key_events, nodes), asyncio.timeout(10):
        first = [asyncio.ensure_future(key_events.first_event(next(away), EVENT)) for _ in range(3)]
        assert await asyncio.gather(*first) == [EVENT] * 3
        again = next(away)
        assert await key_events.first_event(again, EVENT) == EVENT
        known = next(there)
        assert await key_events.first_event(known, OTHER) == OTHER
        assert await key_events.first_event(known, EVENT) == OTHER
        assert sum(TAGS[0] in keys[0] for keys in nodes.called) == 1, "a node that hangs is not asked again"
        nodes.goes_on.set()
        await wait_until(lambda: not any(group.late for group in key_events._groups))
        assert await key_events.first_event(again, OTHER) == OTHER, "nobody had remembered it"
        assert await key_events.first_event(again, EVENT) == OTHER, "it is asked again"
        assert key_events.has_room()
        assert key_events._waiting == 0


class Hold:
    """An answer that goes on with something when it is notified, so that it is not done by that."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def done(self) -> bool:
        return False

    def set_result(self, result: object, /) -> None:
        self.told.append(result)

    def set_exception(self, error: Exception, /) -> None:
        self.told.append(error)


@pytest.mark.parametrize("fault", [None, Unready("it is away")], ids=["with an answer", "with a fault"])
async def test_a_hold_learns_of_its_key_once_however_late_its_node_answers(engine: Engine, fault: Fault | None) -> None:
    async with in_cluster(engine) as (key_events, nodes):
        nodes.fault, hold = fault, Hold()
        key_events.ask(next(names_of(0)), EVENT, hold)
        await wait_until(lambda: hold.told)
        nodes.goes_on.set()
        await wait_until(lambda: not any(group.calling for group in key_events._groups))
        assert hold.told == [EVENT]


async def test_a_node_that_failed_stops_nobody_until_it_answers(engine: Engine) -> None:
    """Callers meanwhile fail at once, and one of them finds out that the node is back."""
    async with in_cluster(engine) as (key_events, nodes), asyncio.timeout(10):
        away = names_of(0)
        nodes.fault = Unready("it is away")
        nodes.goes_on.set()
        assert await key_events.first_event(next(away), EVENT) == EVENT
        group = key_events._groups[0]
        assert group.late
        nodes.goes_on.clear()
        group.rests_until = 0
        for name in (next(away), next(away)):
            told = asyncio.ensure_future(key_events.first_event(name, EVENT))
            await asyncio.sleep(0)
            assert told.done(), "nobody waits for a node that failed"
            assert await told == EVENT
        await wait_until(lambda: len(nodes.called) == 2)
        nodes.fault = None
        nodes.goes_on.set()
        await wait_until(lambda: not group.late)
        assert len(nodes.called) == 2, "one of them looked whether it is back"
        assert await key_events.first_event(next(away), EVENT) == EVENT
        assert len(nodes.called) == 3


async def test_in_a_cluster_all_are_notified_together(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that holds of an event share a batch, whichever node has their keys."""
    monkeypatch.setattr(key_events_module, "_TOGETHER_SECONDS", 60)
    monkeypatch.setattr(key_events_module, "_LATE_SECONDS", 60)
    async with in_cluster(engine) as (key_events, nodes), asyncio.timeout(10):
        holds = [Hold(), Hold()]
        for tag, hold in enumerate(holds):
            key_events.ask(next(names_of(tag)), EVENT, hold)
        await wait_until(lambda: len(nodes.called) == len(TAGS))
        assert key_events._groups[0].calling
        assert [hold.told for hold in holds] == [[], []], "the second node has answered, and the first has not"
        nodes.goes_on.set()
        await wait_until(lambda: holds[0].told)
        assert [hold.told for hold in holds] == [[EVENT], [EVENT]]


async def test_in_a_cluster_a_slow_node_keeps_only_those_with_its_keys(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_events_module, "_LATE_SECONDS", 60)
    async with in_cluster(engine) as (key_events, nodes), asyncio.timeout(10):
        slow, others = names_of(0), names_of(1)
        waiting = asyncio.ensure_future(key_events.first_event(next(slow), EVENT))
        for _ in range(3):
            assert await key_events.first_event(next(others), EVENT) == EVENT
        assert not waiting.done()
        nodes.goes_on.set()
        assert await waiting == EVENT


async def test_all_who_waited_for_a_slow_node_are_told_that_it_failed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that it was asked for, and keys that wait for the next call to it."""
    monkeypatch.setattr(key_events_module, "_LATE_SECONDS", 60)
    async with in_cluster(engine) as (key_events, nodes), asyncio.timeout(10):
        slow, others = names_of(0), names_of(1)
        first = asyncio.ensure_future(key_events.first_event(next(slow), EVENT))
        for _ in range(2):  # the second one is asked for when the others wait no more for the first
            assert await key_events.first_event(next(others), EVENT) == EVENT
        second = asyncio.ensure_future(key_events.first_event(next(slow), EVENT))
        await asyncio.sleep(0)
        nodes.fault = Unready("it is away")
        nodes.goes_on.set()
        assert await first == EVENT
        assert await second == EVENT


async def test_an_answer_that_came_while_the_process_was_busy_is_in_time(engine: Engine) -> None:
    async def answering(*_: object) -> list[bytes]:
        await asyncio.to_thread(time.sleep, 0.01)
        return [b"%d" % OTHER]

    async with in_cluster(engine, answering) as (key_events, nodes):
        nodes.goes_on.set()
        asked = asyncio.ensure_future(key_events.first_event("key", EVENT))
        await wait_until(lambda: nodes.called)
        time.sleep(0.2)  # noqa: ASYNC251  # the process is busy
        assert await asked == OTHER


async def test_nobody_waits_long_behind_keys_that_are_kept(engine: Engine) -> None:
    """The call that hangs asks for nothing: it only keeps a key."""
    async with in_cluster(engine) as (key_events, nodes), asyncio.timeout(5):
        key_events.keep(next(names_of(0)))
        await wait_until(lambda: nodes.called)
        assert await key_events.first_event(next(names_of(0)), EVENT) == EVENT


async def test_keys_that_are_kept_go_with_the_next_call(engine: Engine) -> None:
    async with in_cluster(engine) as (key_events, nodes), asyncio.timeout(10):
        nodes.goes_on.set()
        names = names_of(1)
        taken, new = next(names), next(names)
        await key_events.first_event(taken, EVENT)
        key_events.keep(taken)
        await key_events.first_event(new, EVENT)
        assert [len(keys) for keys in nodes.called] == [1, 2]
        assert await engine.redis.pttl(f"answer:{{{TAGS[1]}}}:{taken}") > 80_000_000


@pytest.mark.parametrize("turns", [1, 5])
async def test_nobody_waits_for_an_engine_that_has_stopped(engine: Engine, turns: int) -> None:
    """Neither who is asked for, nor who is not yet."""

    async def hanging(*_: object) -> None:
        await asyncio.Event().wait()

    async with in_cluster(engine, hanging) as (key_events, nodes):
        nodes.goes_on.set()
        waiting = asyncio.ensure_future(key_events.first_event("key", EVENT))
        for _ in range(turns):
            await asyncio.sleep(0)
    async with asyncio.timeout(5):
        with pytest.raises(Fault):
            await waiting


async def test_a_node_that_hangs_is_waited_for_once(engine_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for one time-out over the wire, and then for another one over redis-py."""

    class Hanging:
        async def call(self, _call: Any) -> None:
            await asyncio.Event().wait()

    async def again(*_: object, **__: object) -> None:
        pytest.fail("the time is over")

    async with Engine(replace(engine_settings, command_timeout_ms=20)) as engine:
        monkeypatch.setattr(engine, "call", again)
        with pytest.raises(OutcomeUnknown):
            await engine._call_by_wire(cast("Wire", Hanging()), "onsale_key_events", ["key"], [1])


async def test_a_node_that_is_not_ready_is_not_waited_for(
    engine_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slot on the move, for one: its keys count as new until it is there."""

    class Moving:
        async def call(self, _call: Any) -> None:
            raise TryAgainError("Multiple keys request during rehashing of slot")

        def refused(self, _error: Exception) -> bool:
            return False

    async def again(*_: object, **__: object) -> None:
        pytest.fail("it tries for as long as a command may take")

    async with Engine(engine_settings) as engine:
        monkeypatch.setattr(engine, "call", again)
        with pytest.raises(Unready, match="TRYAGAIN"):
            await engine._call_by_wire(cast("Wire", Moving()), "onsale_key_events", ["key"], [1])
