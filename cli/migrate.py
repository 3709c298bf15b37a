"""`onsale migrate`, with words for what Postgres says."""

import asyncio

import asyncpg

from cli.errors import UserError
from sync.migrations import TablesInUse, cause_of, migrate

_TIMEOUT_SECONDS = 10
_MAY_MAKE_TABLES = (
    "SELECT current_user, has_schema_privilege('public', 'CREATE'), current_setting('transaction_read_only') = 'on'"
)
_REFUSALS = (
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresConnectionError,
    OSError,  # TimeoutError too
)
"""Errors of Postgres in the middle of a migration that are no mistake of the migration."""


def migrate_database(postgres_url: str) -> None:
    """Brings the database to the newest schema.

    Raises UserError if it cannot be reached, is read-only or another user's, or refuses in the middle. Also if
    transactions that do not end use its tables.
    """
    asyncio.run(_check_that_it_can_be_changed(postgres_url))
    try:
        migrate(postgres_url)
    except TablesInUse as error:
        ends = ", ".join(f"pg_terminate_backend({pid})" for pid in error.pids)
        remedy = f", or end them with `SELECT {ends}`" if ends else ""
        raise UserError(
            f"Postgres: other transactions hold tables that the migration changes: {error}. Nothing was changed. "
            f"Wait until they have ended{remedy}; then run it again"
        ) from error
    except Exception as error:
        refusal = cause_of(error, *_REFUSALS)
        if refusal is None:
            raise
        raise UserError(f"Postgres refuses: {str(refusal) or 'timeout'}; nothing was changed; try again") from error


async def _check_that_it_can_be_changed(postgres_url: str) -> None:
    try:
        connection = await asyncpg.connect(postgres_url, timeout=_TIMEOUT_SECONDS)
        ((user, may, read_only),) = await connection.fetch(_MAY_MAKE_TABLES, timeout=_TIMEOUT_SECONDS)
        await connection.close(timeout=_TIMEOUT_SECONDS)
    except asyncpg.InvalidCatalogNameError as error:
        raise UserError(f"Postgres: {error}; create it, or name another in ONSALE_POSTGRES_URL") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UserError(f"Postgres refuses: {error}; check ONSALE_POSTGRES_URL") from error
    except OSError as error:
        raise UserError(f"Postgres does not answer: {str(error) or 'timeout'}; check ONSALE_POSTGRES_URL") from error
    if read_only:
        raise UserError("Postgres is a read-only standby; name the primary in ONSALE_POSTGRES_URL")
    if not may:
        raise UserError(f"Postgres: {user} may not create tables; migrate as the owner of the database")
