"""Revisions of what managers change, for conditional requests."""

from sync.migrations.scripts import run_script

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Add the revisions."""
    run_script("r0005_revisions.sql")
