"""Waiting rooms of events."""

from sync.migrations.scripts import run_script

revision = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    """Add the column."""
    run_script("r0011_waiting_rooms.sql")
