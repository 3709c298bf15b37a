"""Waiting for what happens elsewhere, without sleeping blindly."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

POLL_SECONDS, _MOST_SECONDS = 0.01, 0.2
_RESTS = 3
"""After each look it waits as many times as long as that took: what it waits for needs the processor more."""


async def wait_until(
    predicate: Callable[[], object | Awaitable[object]],
    timeout: float = 10,  # noqa: ASYNC109  # it says what was waited for  # the message names what did not happen
    what: str = "what the test waits for",
) -> None:
    """Returns as soon as the predicate, plain or awaitable, is true. Fails the test after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        looked_at = time.monotonic()
        seen = predicate()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen:
            return
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        await asyncio.sleep(rest_after(now - looked_at))


def rest_after(seconds: float) -> float:
    """The time until the next look, in seconds, after one that took so long."""
    return min(max(_RESTS * seconds, POLL_SECONDS), _MOST_SECONDS)


class WaitUntil(Protocol):
    """The type of the fixture `wait_until`."""

    async def __call__(
        self,
        predicate: Callable[[], object | Awaitable[object]],
        timeout: float = 10,  # noqa: ASYNC109  # says what it waited for
        what: str = "what the test waits for",
    ) -> None: ...
