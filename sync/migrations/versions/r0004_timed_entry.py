"""Schedules of timed events, and the bookings of their slots."""

from sync.migrations.scripts import run_script

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    """Makes the tables."""
    run_script("r0004_timed_entry.sql")
