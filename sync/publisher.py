"""Publishes venues and events that Redis has not as Postgres has them: what a crash between the two left undone."""

import asyncio

import structlog
from redis.exceptions import RedisError

from engine.faults import Fault
from engine.settings import Settings
from sync.catalogue import Catalogue
from sync.postgres import PostgresAway
from sync.venues import Venues

log = structlog.get_logger(__name__)


async def run_publisher(settings: Settings, venues: Venues, catalogue: Catalogue) -> None:
    """Looks every `publish_interval_ms`, for ever, at once at first. Outlives Redis and Postgres."""
    while True:
        try:
            await venues.publish_missing()
            await catalogue.publish_missing()
        except (PostgresAway, Fault, RedisError, OSError) as error:
            log.warning("publishing_failed", error=str(error))
        await asyncio.sleep(settings.publish_interval_ms / 1000)
