"""Waiting lists of events: their terms, who waits, and a report of both."""

from sync.migrations.scripts import run_script

revision = "0017"
down_revision: str | None = "0016"


def upgrade() -> None:
    """Add the column, the table and the view."""
    run_script("r0017_waiting_lists.sql")
