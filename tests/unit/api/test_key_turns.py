"""Requests with one Idempotency-Key wait for each other, and for nobody else."""

import asyncio
import gc

import pytest

from api.http.problems import Problem
from api.idempotency import KeyTurns


async def test_a_thousand_waiters_ask_one_after_the_other() -> None:
    turns, under_way, most, came = KeyTurns(), 0, 0, 0

    async def ask() -> None:
        nonlocal under_way, most, came
        async with turns.turn("a", 10):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1
            came += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(1000):
            tasks.create_task(ask())
    assert (most, came) == (1, 1000)
    gc.collect()
    assert not turns._locks, "nothing is kept of keys that nobody waits for"


async def test_other_keys_do_not_wait() -> None:
    turns = KeyTurns()
    async with turns.turn("a", 10), turns.turn("b", 10):
        pass


async def test_a_turn_that_does_not_come_is_refused_and_disturbs_nobody() -> None:
    turns = KeyTurns()
    async with turns.turn("a", 10):
        with pytest.raises(Problem, match="in progress") as caught:
            async with turns.turn("a", 0.01):
                raise AssertionError("two at once")
        assert caught.value.status == 503
    async with turns.turn("a", 10):
        pass


async def test_a_waiter_that_goes_away_frees_its_place() -> None:
    turns = KeyTurns()

    async def wait() -> None:
        async with turns.turn("a", 10):
            pass

    async with turns.turn("a", 10):
        waiter = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    async with turns.turn("a", 10):
        pass
