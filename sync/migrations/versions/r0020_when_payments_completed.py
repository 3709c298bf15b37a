"""The instant at which payments were settled, which refunds leave as it is."""

from sync.migrations.scripts import run_script

revision = "0020"
down_revision: str | None = "0019"


def upgrade() -> None:
    """Describe the column as it is written."""
    run_script("r0020_when_payments_completed.sql")
