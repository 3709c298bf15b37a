"""Runs files of SQL."""

from pathlib import Path

from alembic import op
from sqlalchemy import Connection

_FOLDER = Path(__file__).resolve().parent


def run_script(name: str) -> None:
    """Runs all statements of `versions/<name>`, the file of a revision, in the transaction of the migration."""
    _run(op.get_bind(), _FOLDER / "versions" / name)


def give_rights(connection: Connection) -> None:
    """Gives the roles of API, sync worker and analysts what rights.sql says, and nothing else."""
    _run(connection, _FOLDER / "rights.sql")


def _run(connection: Connection, file: Path) -> None:
    script = file.read_text(encoding="utf-8")
    # The prepared statements that SQLAlchemy uses take one statement each; asyncpg's own `execute` takes a script.
    adapted = connection.connection.dbapi_connection
    adapted.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]  # an adapted connection
