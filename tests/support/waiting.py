"""Waiting for what happens elsewhere, without sleeping blindly."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

POLL_SECONDS = 0.01


async def wait_until(
    predicate: Callable[[], object | Awaitable[object]],
    timeout: float = 10,  # noqa: ASYNC109  # it says what was waited for  # the message names what did not happen
    what: str = "what the test waits for",
) -> None:
    """Returns as soon as the predicate, plain or awaitable, is true. Fails the test after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        seen = predicate()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        await asyncio.sleep(POLL_SECONDS)


class WaitUntil(Protocol):
    """The type of the fixture `wait_until`."""

    async def __call__(
        self,
        predicate: Callable[[], object | Awaitable[object]],
        timeout: float = 10,  # noqa: ASYNC109  # says what it waited for
        what: str = "what the test waits for",
    ) -> None: ...
