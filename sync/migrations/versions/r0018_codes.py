"""Codes: access, discount, allocation."""

from sync.migrations.scripts import run_script

revision = "0018"
down_revision: str | None = "0017"


def upgrade() -> None:
    """Add tables of codes, and what reservations tell of theirs."""
    run_script("r0018_codes.sql")
