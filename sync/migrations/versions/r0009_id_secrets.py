"""The secrets that keyed ids are made with, for a restore of Redis."""

from sync.migrations.scripts import run_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column."""
    run_script("r0009_id_secrets.sql")
