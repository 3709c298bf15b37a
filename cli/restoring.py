"""`onsale restore`, with words for what came back, what is lost, and servers that cannot be asked."""

import asyncio

from redis.exceptions import RedisError

from cli.complaints import Complaint
from engine.settings import Settings
from sync.postgres import PostgresAway
from sync.restore import Restored, restore

_AGAIN = "; empty Redis (FLUSHDB) before the next try"


def restore_redis(settings: Settings) -> str:
    """Restores, and says what there is again. Raises Complaint if a server cannot be asked, or Misconfigured."""
    try:
        restored = asyncio.run(restore(settings))
    except PostgresAway as error:
        raise Complaint(f"Postgres cannot be asked: {error}; check ONSALE_POSTGRES_URL{_AGAIN}") from error
    except (RedisError, OSError) as error:
        raise Complaint(f"Redis cannot be asked: {str(error) or 'timeout'}; check ONSALE_REDIS_URL{_AGAIN}") from error
    return _sentences(restored)


def _sentences(restored: Restored) -> str:
    until = (
        "nothing of reservations" if restored.newest is None else f"what happened until {restored.newest.isoformat()}"
    )
    return f"""\
Restored {restored.events} events, {restored.live} live reservations and {restored.ended} that ended lately.
Postgres knew {until}. What Redis had acknowledged after that is lost: such holds are for
sale again, and such payments are in the gateway's ledger alone, where they have to be found and refunded.
Run `onsale audit`, then start `onsale serve` and `onsale sync`."""
