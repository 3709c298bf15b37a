"""The callers who cancelled an event, and who asked for the refund of everybody."""

from sync.migrations.scripts import run_script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns."""
    run_script("r0008_who_cancelled.sql")
