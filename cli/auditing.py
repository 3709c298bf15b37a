"""`onsale audit`, with words for servers that cannot be asked."""

import asyncio

from redis.exceptions import RedisError

from cli.complaints import Complaint
from engine.settings import Settings
from sync.audit import audit
from sync.postgres import PostgresAway


def find_breaches(settings: Settings) -> list[str]:
    """What is not as it must be, one sentence each. Raises Complaint if a server cannot be asked."""
    try:
        return asyncio.run(audit(settings))
    except PostgresAway as error:
        raise Complaint(f"Postgres cannot be asked: {error}; check ONSALE_POSTGRES_URL") from error
    except (RedisError, OSError) as error:
        raise Complaint(f"Redis cannot be asked: {str(error) or 'timeout'}; check ONSALE_REDIS_URL") from error
