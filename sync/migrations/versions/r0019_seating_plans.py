"""Seating plans of venues that were made of one."""

from sync.migrations.scripts import run_script

revision = "0019"
down_revision: str | None = "0018"


def upgrade() -> None:
    """Add the plans, and the ids that seats have in them."""
    run_script("r0019_seating_plans.sql")
