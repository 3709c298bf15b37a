"""E-tickets, what gates scanned, and the reports about both."""

from sync.migrations.scripts import run_script

revision = "0013"
down_revision: str | None = "0012"


def upgrade() -> None:
    """Make the tables and views."""
    run_script("r0013_doors.sql")
