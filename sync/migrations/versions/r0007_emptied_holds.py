"""Holds from which everything was removed."""

from sync.migrations.scripts import run_script

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Lets a reservation have no places."""
    run_script("r0007_emptied_holds.sql")
