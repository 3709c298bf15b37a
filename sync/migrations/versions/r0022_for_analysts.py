"""Views for analysts: each reservation, item and payment, and how far they are complete."""

from sync.migrations.scripts import run_script

revision = "0022"
down_revision: str | None = "0021"


def upgrade() -> None:
    """Add the views, and the instant up to which the tables have what Redis has."""
    run_script("r0022_for_analysts.sql")
