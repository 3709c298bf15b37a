"""A currency of each event."""

from sync.migrations.scripts import run_script

revision = "0012"
down_revision: str | None = "0011"


def upgrade() -> None:
    """Add the columns, and let records tell their currency."""
    run_script("r0012_currencies.sql")
