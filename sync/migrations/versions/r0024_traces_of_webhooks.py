"""Traces go on to endpoints of webhooks."""

from sync.migrations.scripts import run_script

revision = "0024"
down_revision: str | None = "0023"


def upgrade() -> None:
    """Add the trace of what a delivery tells."""
    run_script("r0024_traces_of_webhooks.sql")
