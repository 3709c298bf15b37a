"""Places in waiting rooms, so that they survive a restore."""

from sync.migrations.scripts import run_script

revision = "0023"
down_revision: str | None = "0022"


def upgrade() -> None:
    """Add the tables."""
    run_script("r0023_places_in_line.sql")
