"""A repeat of a request that made something finds what it made."""

from sync.migrations.scripts import run_script

revision = "0027"
down_revision: str | None = "0026"


def upgrade() -> None:
    """Add the table."""
    run_script("r0027_creations.sql")
