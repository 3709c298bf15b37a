"""`onsale migrate`, with words for what Postgres says."""

import asyncio

import asyncpg

from cli.complaints import Complaint
from sync.migrations import migrate

_TIMEOUT_SECONDS = 10


def migrate_database(postgres_url: str) -> None:
    """Brings the database to the newest schema. Raises Complaint if it cannot be reached."""
    asyncio.run(_check_that_it_answers(postgres_url))
    migrate(postgres_url)


async def _check_that_it_answers(postgres_url: str) -> None:
    try:
        connection = await asyncpg.connect(postgres_url, timeout=_TIMEOUT_SECONDS)
        await connection.close(timeout=_TIMEOUT_SECONDS)
    except asyncpg.InvalidCatalogNameError as error:
        raise Complaint(f"Postgres: {error}; create it, or name another in ONSALE_POSTGRES_URL") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Complaint(f"Postgres refuses: {error}; check ONSALE_POSTGRES_URL") from error
    except OSError as error:
        raise Complaint(f"Postgres does not answer: {str(error) or 'timeout'}; check ONSALE_POSTGRES_URL") from error
