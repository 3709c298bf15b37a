"""Terms that a ticket has beside those of its event, and texts of events."""

from sync.migrations.scripts import run_script

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Add the columns."""
    run_script("r0007_terms_of_tickets.sql")
