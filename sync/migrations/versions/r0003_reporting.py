"""The schema that analysts read."""

from sync.migrations.scripts import run_script

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Makes the views of `reporting`, which take the place of those that statistics were read from."""
    run_script("r0003_reporting.sql")
