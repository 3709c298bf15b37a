"""Exchanges, and the places that went with refunds."""

from sync.migrations.scripts import run_script

revision = "0015"
down_revision: str | None = "0014"


def upgrade() -> None:
    """Add the columns, and tell them in the rebuilt records."""
    run_script("r0015_exchanges.sql")
