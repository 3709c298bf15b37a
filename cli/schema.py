"""`onsale migrate`, with words for what Postgres says."""

import asyncpg

from cli.complaints import Complaint
from sync.migrations import migrate


def migrate_database(postgres_url: str) -> None:
    """Brings the database to the newest schema. Raises Complaint."""
    try:
        migrate(postgres_url)
    except asyncpg.InvalidCatalogNameError as error:
        raise Complaint(f"Postgres: {error}; create it, or name another in ONSALE_POSTGRES_URL") from error
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError) as error:
        raise Complaint(f"Postgres refuses: {error}; check user and password in ONSALE_POSTGRES_URL") from error
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError) as error:
        raise Complaint(f"Postgres does not answer: {str(error) or 'timeout'}; check ONSALE_POSTGRES_URL") from error
