"""`onsale migrate`, with words for what Postgres says."""

import asyncio

import asyncpg

from cli.complaints import Complaint
from sync.migrations import migrate

_TIMEOUT_SECONDS = 10
_MAY_MAKE_TABLES = "SELECT current_user, has_schema_privilege('public', 'CREATE')"


def migrate_database(postgres_url: str) -> None:
    """Brings the database to the newest schema. Raises Complaint if it cannot be reached, or is another user's."""
    asyncio.run(_check_that_it_can_be_changed(postgres_url))
    migrate(postgres_url)


async def _check_that_it_can_be_changed(postgres_url: str) -> None:
    try:
        connection = await asyncpg.connect(postgres_url, timeout=_TIMEOUT_SECONDS)
        ((user, may),) = await connection.fetch(_MAY_MAKE_TABLES, timeout=_TIMEOUT_SECONDS)
        await connection.close(timeout=_TIMEOUT_SECONDS)
    except asyncpg.InvalidCatalogNameError as error:
        raise Complaint(f"Postgres: {error}; create it, or name another in ONSALE_POSTGRES_URL") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Complaint(f"Postgres refuses: {error}; check ONSALE_POSTGRES_URL") from error
    except OSError as error:
        raise Complaint(f"Postgres does not answer: {str(error) or 'timeout'}; check ONSALE_POSTGRES_URL") from error
    if not may:
        raise Complaint(f"Postgres: {user} may not make tables; migrate as the owner of the database")
