"""Runs the SQL file of a revision."""

from pathlib import Path

from alembic import op

_FOLDER = Path(__file__).resolve().parent / "versions"


def run_script(name: str) -> None:
    """Runs all statements of `versions/<name>` in the transaction of the migration."""
    script = (_FOLDER / name).read_text(encoding="utf-8")
    connection = op.get_bind().connection.dbapi_connection
    # The prepared statements that SQLAlchemy uses take one statement each; asyncpg's own `execute` takes a script.
    connection.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]  # an adapted connection
