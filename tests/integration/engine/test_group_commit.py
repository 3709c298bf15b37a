"""Group commit: nothing waits for a timer, what comes meanwhile goes together, and nobody is hurt by a neighbour."""

import asyncio

import pytest
from msgspec.structs import replace

from engine.commands.events import Count, PutEvent
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.errors import EngineBug, Overloaded
from engine.ids import new_reservation_id
from engine.results.events import Counts
from engine.results.holds import Held
from engine.results.result import Result
from engine.settings import Settings
from engine.stock import PoolCapacity, TicketCounts
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus

EVENT, POISONED = 16, 32
"""Two events of one partition."""

CAPACITY = 1000


def event_of(event_id: int, pools: list[PoolCapacity]) -> PutEvent:
    return PutEvent(event_id, Terms(EventStatus.ON_SALE, 0, 0, 900_000, 10, [TicketTerms(7, ["7"], 100)]), pools)


def hold() -> Hold:
    reservation_id = new_reservation_id(EVENT)
    return Hold(reservation_id, EVENT, reservation_id, "{}", "digest", items_text([(7, 1)]))


async def counts(engine: Engine) -> TicketCounts:
    answer = await engine.submit(Count(EVENT))
    assert isinstance(answer, Counts)
    return answer.tickets[0]


async def under_way(engine: Engine) -> None:
    """Returns when the first command was queued and has left the queue, long before its answer."""
    queued: list[int] = []
    while 0 not in queued[queued.index(1) if 1 in queued else len(queued) :]:
        await asyncio.sleep(0)  # no waiting: others' turn
        queued.append(engine.queued())


class Sizes:
    """Sees the batches that an engine sends."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, results: list[Result], waited: float, took: float) -> None:
        assert waited >= 0
        assert took > 0
        self.seen.append(len(results))


async def test_idle_command_leaves_at_once(engine_settings: Settings) -> None:
    sizes = Sizes()
    async with Engine(engine_settings, sizes) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", CAPACITY)]))
        for _ in range(3):
            await engine.submit(hold())
    assert sizes.seen == [1, 1, 1, 1]


async def test_next_batch_gathers_while_one_is_under_way(engine_settings: Settings) -> None:
    sizes = Sizes()
    async with Engine(replace(engine_settings, batch_commands=128, batch_redis_ms=1000), sizes) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", CAPACITY)]))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.submit(hold()))
            await under_way(engine)
            for _ in range(300):
                tasks.create_task(engine.submit(hold()))
    assert sizes.seen == [1, 1, 128, 128, 44]


async def test_the_next_batch_leaves_before_the_last_is_answered(engine_settings: Settings) -> None:
    left: list[int] = []

    def note(results: list[Result], _waited: float, _took: float) -> None:
        left.extend(engine.queued() for _ in results)

    async with Engine(replace(engine_settings, batch_commands=1), note) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", CAPACITY)]))
        left.clear()
        await asyncio.gather(*(engine.submit(hold()) for _ in range(3)))
    assert left == [1, 0, 0], "Redis works while answers are written"


async def test_a_long_queue_goes_in_large_batches(engine_settings: Settings) -> None:
    sizes = Sizes()
    async with Engine(replace(engine_settings, batch_redis_ms=1000), sizes) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", 10 * CAPACITY)]))
        answers = await asyncio.gather(*(engine.submit(hold()) for _ in range(3 * 1024)))
    assert {type(answer) for answer in answers} == {Held}
    assert max(sizes.seen) == 1024, sizes.seen


async def test_batches_take_no_more_time_of_redis_than_they_may(engine_settings: Settings) -> None:
    sizes = Sizes()
    async with Engine(replace(engine_settings, batch_redis_ms=1), sizes) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", 10 * CAPACITY)]))
        for _ in range(5):
            await asyncio.gather(*(engine.submit(hold()) for _ in range(600)))
    assert max(sizes.seen[-20:]) < 600, "the first ones told what a command costs"


async def test_partitions_do_not_wait_for_one_another(engine_settings: Settings) -> None:
    sizes = Sizes()
    async with Engine(engine_settings, sizes) as engine:
        await asyncio.gather(*(engine.submit(Count(event_id)) for event_id in range(1, 17)))
    assert sizes.seen == [1] * 16


async def test_full_queue_refuses_and_does_nothing_half(engine_settings: Settings) -> None:
    async with Engine(replace(engine_settings, queue_commands=10)) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", CAPACITY)]))
        answers = await asyncio.gather(*(engine.submit(hold()) for _ in range(25)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [Held] * 10 + [Overloaded] * 15
        assert (await counts(engine)).held == 10
        assert isinstance(await engine.submit(hold()), Held)


async def test_poisoned_command_does_not_hurt_its_neighbours(engine_settings: Settings) -> None:
    sizes = Sizes()
    async with Engine(engine_settings, sizes) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", CAPACITY)]))
        await engine.submit(event_of(POISONED, []))  # its ticket has no pool: to count it raises
        first, last = hold(), hold()
        answers = await asyncio.gather(
            engine.submit(first), engine.submit(Count(POISONED)), engine.submit(last), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [Held, EngineBug, Held]
        assert not any(answer.replayed for answer in answers if isinstance(answer, Held)), "the batch had no effect"
        assert (await counts(engine)).held == 2
    assert sizes.seen == [1, 1, 1, 1, 1], "halves, down to the one that raised"


async def test_caller_that_gave_up_leaves_no_trace_in_the_queue(engine_settings: Settings) -> None:
    async with Engine(engine_settings) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", CAPACITY)]))
        async with asyncio.TaskGroup() as tasks:
            given_up = tasks.create_task(engine.submit(hold()))
            tasks.create_task(engine.submit(hold()))
            await asyncio.sleep(0)
            given_up.cancel()
        assert (await counts(engine)).held == 1


async def test_waiting_commands_are_answered_at_shutdown(engine_settings: Settings) -> None:
    async with asyncio.TaskGroup() as tasks, Engine(engine_settings) as engine:
        await engine.submit(event_of(EVENT, [PoolCapacity("7", CAPACITY)]))
        waiting = [tasks.create_task(answer_of(engine)) for _ in range(500)]
        await asyncio.sleep(0)
    answers = [task.result() for task in waiting]
    async with Engine(engine_settings) as engine:
        held = (await counts(engine)).held
    refused = sum(isinstance(answer, Overloaded) for answer in answers)
    assert refused >= 500 - 128
    assert held <= 500 - refused, "what was refused has no effect"


async def answer_of(engine: Engine) -> Result | Exception:
    try:
        return await engine.submit(hold())
    except Exception as error:  # the test looks at it
        return error


@pytest.mark.parametrize("reservation_id", ["", "1", "0-aaaaaaaaaaaaaaaa", "1-short", "99999999999-aaaaaaaaaaaaaaaa"])
async def test_invalid_reservation_ids_are_not_sent(engine: Engine, reservation_id: str) -> None:
    with pytest.raises(ValueError, match="not a reservation id"):
        await engine.submit(replace(hold(), reservation_id=reservation_id))
