"""Work in a process of its own.

The threads of a process share one lock. If they had work to do, the event loop with an API and its customers would
stand still for milliseconds, again and again. The customers would wait for the test.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")


async def apart(function: Callable[..., T], *arguments: object) -> T:
    """The result of a function of a module, in another process. What it raises is raised here."""
    return await asyncio.get_running_loop().run_in_executor(_process(), function, *arguments)


@cache
def _process() -> ProcessPoolExecutor:
    """Ends with this process."""
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))
