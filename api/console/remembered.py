"""Readings that many ask for and that cost work: one at a time, and not again too soon."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_SHARE = 20
"""A reading is not made again for this multiple of the time that it took."""


class Remembered(Generic[T]):
    """A reading, kept for `seconds` at least. An error that it raised is kept for as long, too."""

    def __init__(self, read: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._read, self._seconds = read, seconds
        self._turn = asyncio.Lock()
        self._until = 0.0
        self._task: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """The reading. Raises what it raised."""
        async with self._turn:
            if self._task is None or time.monotonic() >= self._until:
                began = time.monotonic()
                self._task = asyncio.get_running_loop().create_future()
                try:
                    self._task.set_result(await self._read())
                except Exception as error:  # whatever it is, the callers get it
                    self._task.set_exception(error)
                    self._task.exception()  # so that asyncio does not report it as never retrieved
                ended = time.monotonic()
                self._until = ended + max(self._seconds, _SHARE * (ended - began))
            return self._task.result()
