"""Bookings by slot, for analysts."""

from sync.migrations.scripts import run_script

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Makes the view."""
    run_script("r0006_bookings_report.sql")
