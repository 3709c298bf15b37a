"""Refunds of some of a payment, disputed payments, places kept off sale, and events that are cancelled or paused."""

from sync.migrations.scripts import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables of refunds and cancellations, and tell what is kept in records and reports."""
    run_script("r0004_money.sql")
