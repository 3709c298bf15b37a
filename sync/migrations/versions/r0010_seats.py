"""Labels and flags of seats, and changes of venues."""

from sync.migrations.scripts import run_script

revision = "0010"
down_revision: str | None = "0009"


def upgrade() -> None:
    """Add the columns."""
    run_script("r0010_seats.sql")
