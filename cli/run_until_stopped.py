"""Coroutines that run until somebody stops the process."""

import asyncio
import signal
from collections.abc import Coroutine

import uvloop


def run_until_stopped(work: Coroutine[object, object, None]) -> None:
    """Runs it; SIGTERM and SIGINT cancel it, and it may clean up before it ends."""
    uvloop.run(_until_stopped(work))


async def _until_stopped(work: Coroutine[object, object, None]) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
