"""Sections of general admission."""

from sync.migrations.scripts import run_script

revision = "0014"
down_revision: str | None = "0013"


def upgrade() -> None:
    """Add the capacity, and count it."""
    run_script("r0014_sections_without_seats.sql")
