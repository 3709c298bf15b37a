"""`onsale restore`, with words for what came back, what is lost, and servers that cannot be asked."""

import asyncio

from redis.exceptions import RedisError

from cli.errors import UserError
from engine.errors import Fault
from engine.settings import Settings
from sync.postgres import PostgresAway
from sync.restore.restore import Restored, restore

_AGAIN = "; empty Redis (FLUSHDB) before the next try"


def restore_redis(settings: Settings, *, only_lost: bool = False) -> str:
    """Restores, and says what there is again. Raises UserError if a server cannot be asked, or Misconfigured."""
    try:
        restored = asyncio.run(restore(settings, only_lost=only_lost))
    except PostgresAway as error:
        raise UserError(
            f"Postgres does not answer: {error}; check ONSALE_POSTGRES_URL, run `onsale migrate`{_AGAIN}"
        ) from error
    except (Fault, RedisError, OSError) as error:
        raise UserError(f"Redis does not answer: {error.__cause__ or error}; check ONSALE_REDIS_URL{_AGAIN}") from error
    return _sentences(restored)


def _sentences(restored: Restored) -> str:
    until = (
        "nothing of reservations" if restored.newest is None else f"what happened until {restored.newest.isoformat()}"
    )
    return f"""\
Restored {restored.events} events, {restored.live} live reservations and {restored.ended} that ended lately.
Postgres knew {until}. What Redis had acknowledged after that is lost. Such holds are for
sale again. Such payments are in the gateway's ledger alone: find them there and refund them.
Run `onsale audit`, then start `onsale serve` and `onsale sync`."""
