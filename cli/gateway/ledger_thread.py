"""The thread in which the ledger lives. It commits in groups: while one is being written, the next one gathers."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from cli.gateway.ledger import Ledger

T = TypeVar("T")


class _Waiting(NamedTuple):
    work: Callable[[Ledger], Any]
    answer: asyncio.Future[Any]


class LedgerThread:
    """A ledger, and the one thread that uses it. An async context manager."""

    def __init__(self, data_file: Path, settle_after_ms: int) -> None:
        self._open = lambda: Ledger(data_file, settle_after_ms)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._ledger = await self._loop.run_in_executor(self._thread, self._open)
        self._writing = self._loop.create_task(self._write(), name="ledger")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writing.cancel()
        await asyncio.wait([self._writing])
        await self._loop.run_in_executor(self._thread, self._ledger.close)
        self._thread.shutdown()

    async def run(self, work: Callable[[Ledger], T]) -> T:
        """Does something with the ledger; on disk when it is answered. Raises what the work raises."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append(_Waiting(work, answer))
        self._wake.set()
        return await answer

    async def _write(self) -> None:
        """Commits one group after the other, forever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            group, self._waiting = self._waiting, []
            works = [waiting.work for waiting in group]
            try:
                outcomes = await self._loop.run_in_executor(self._thread, self._ledger.together, works)
            except Exception as error:  # the file cannot be written: nothing of the group was done
                outcomes = [error] * len(group)
            for (_, answer), outcome in zip(group, outcomes, strict=True):
                if answer.done():
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)
