"""`onsale audit`, with words for servers that cannot be asked."""

import asyncio

from redis.exceptions import RedisError

from cli.errors import UserError
from engine.errors import Fault
from engine.settings import Settings
from sync.audit.audit import audit
from sync.postgres import PostgresAway


def find_breaches(settings: Settings, *, asks_gateway: bool) -> list[str]:
    """The broken invariants, one sentence each. Raises UserError if a server cannot be asked."""
    try:
        return asyncio.run(audit(settings, asks_gateway=asks_gateway))
    except PostgresAway as error:
        raise UserError(
            f"Postgres does not answer: {error}; check ONSALE_POSTGRES_URL, run `onsale migrate`"
        ) from error
    except (Fault, RedisError, OSError) as error:
        raise UserError(f"Redis does not answer: {error.__cause__ or error}; check ONSALE_REDIS_URL") from error
