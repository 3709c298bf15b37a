"""A small crowd whose latency is measured, in a process of its own.

A generator of load has thousands of answers to read in a turn of its event loop. A request that was sent and read there
would wait behind them, and its latency would be the generator's.
"""

import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from types import TracebackType

import uvloop

from loadtest.bench.cpu import prefer
from loadtest.open_loop.crowd import Address, Crowd
from loadtest.open_loop.figures import Load

_ANSWER_SECONDS = 60.0
_END_SECONDS = 10.0


class CrowdApart:
    """Sends each request once, by the clock. An async context manager: within it the process runs."""

    def __init__(self, address: Address, connections: int, requests: Sequence[bytes]) -> None:
        processes = multiprocessing.get_context("spawn")
        self._ours, theirs = processes.Pipe()
        self._process = processes.Process(target=_serve, args=(address, connections, requests, theirs), daemon=True)
        self._thread = ThreadPoolExecutor(1)

    async def __aenter__(self) -> "CrowdApart":
        self._process.start()
        await self._said()
        if self._process.pid is not None:
            prefer(self._process.pid)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ours.close()
        self._process.join(_END_SECONDS)
        self._process.terminate()
        self._thread.shutdown(wait=False)

    async def open_loop(self, name: str, per_second: float, seconds: float) -> Load:
        """That many arrivals a second, for so long. Raises RuntimeError if the process has died or hangs."""
        self._ours.send((name, per_second, seconds))
        return await self._said()

    async def _said(self) -> Load:
        """The next message of the process."""

        def receive() -> Load:
            try:
                if self._ours.poll(_ANSWER_SECONDS):
                    load: Load = self._ours.recv()
                    return load
            except EOFError:
                pass
            raise RuntimeError("a crowd's process does not answer; see what it printed")

        return await asyncio.get_running_loop().run_in_executor(self._thread, receive)


def _serve(address: Address, connections: int, requests: Sequence[bytes], asked: Connection) -> None:
    """The main function of the process: a load for each question, until there is none any more."""
    uvloop.run(_answer(address, connections, requests, asked))


async def _answer(address: Address, connections: int, requests: Sequence[bytes], asked: Connection) -> None:
    loop = asyncio.get_running_loop()
    async with Crowd(address, connections, requests.__getitem__) as crowd:
        asked.send(None)
        while True:
            try:
                name, per_second, seconds = await loop.run_in_executor(None, asked.recv)
            except EOFError:
                return
            asked.send(await crowd.open_loop(name, per_second, seconds))
