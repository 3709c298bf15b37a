"""Readings that many ask for: one at a time, and not again too soon."""

import asyncio

import pytest

from api.console.remembered import Remembered
from tests.support.waiting import wait_until


async def test_many_who_ask_at_once_cause_one_reading() -> None:
    readings: list[int] = []
    go_on = asyncio.Event()

    async def read() -> int:
        readings.append(len(readings))
        await go_on.wait()
        return len(readings)

    remembered = Remembered(read, 3600)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(remembered.get()) for _ in range(5)]
        go_on.set()
    assert [task.result() for task in asked] == [1] * 5
    assert await remembered.get() == 1


async def test_a_reading_is_made_again_when_it_is_old() -> None:
    readings: list[int] = []

    async def read() -> int:
        readings.append(0)
        return len(readings)

    remembered = Remembered(read, 0)

    async def third() -> bool:
        return await remembered.get() == 3

    await wait_until(third)


async def test_an_error_is_remembered_like_a_reading() -> None:
    tries: list[int] = []

    async def read() -> int:
        tries.append(0)
        raise ValueError("no luck")

    remembered = Remembered(read, 3600)
    for _ in range(3):
        with pytest.raises(ValueError, match="no luck"):
            await remembered.get()
    assert len(tries) == 1
