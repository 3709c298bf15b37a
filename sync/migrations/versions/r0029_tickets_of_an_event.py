"""Sales of the tickets of one event are read without those of all others."""

from sync.migrations.scripts import run_script

revision = "0029"
down_revision: str | None = "0028"


def upgrade() -> None:
    """Replace the view of sales by ticket; its columns stay."""
    run_script("r0029_tickets_of_an_event.sql")
