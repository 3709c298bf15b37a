"""A server with an engine for plays of Hypothesis, which is not asynchronous."""

import asyncio
from typing import Any

import uvloop

from engine.engine import Engine
from engine.settings import Settings


class Stage:
    """A server with an engine, driven from code that is not asynchronous."""

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.engine = Engine(settings)

    def __enter__(self) -> "Stage":
        self._runner.__enter__()
        self.run(self.engine.__aenter__())
        return self

    def __exit__(self, *error: Any) -> None:
        self.run(self.engine.__aexit__(None, None, None))
        self._runner.__exit__(*error)

    def run(self, work: Any) -> Any:
        """The result of a coroutine."""
        return self._runner.run(work)

    def submit(self, command: Any) -> Any:
        """The result of a command."""
        return self.run(self.engine.submit(command))
