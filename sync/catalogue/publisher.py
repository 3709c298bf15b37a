"""Publishes what Redis has not as Postgres has it: what a crash between the two left undone."""

import asyncio
from typing import Protocol

import structlog

from engine.errors import EngineError, Fault
from engine.settings import Settings
from sync.postgres import PostgresAway

log = structlog.get_logger(__name__)


class Publishes(Protocol):
    """A part of what Postgres owns: venues, events, or codes."""

    async def publish_missing(self) -> int:
        """Publishes what is missing. Returns how many. Raises PostgresAway, Fault."""
        ...


async def run_publisher(settings: Settings, *parts: Publishes) -> None:
    """Looks every `publish_interval_ms`, forever, at once at first. Outlives Redis and Postgres."""
    while True:
        for part in parts:
            try:
                await part.publish_missing()
            except (PostgresAway, Fault):  # their outage is logged where it is met
                break
            except EngineError:
                log.exception("publisher_bug")  # what is broken in one place must not stop the worker
        await asyncio.sleep(settings.publish_interval_ms / 1000)
