"""Payments and refunds that wait are found without reading all."""

from sync.migrations.scripts import run_script

revision = "0026"
down_revision: str | None = "0025"


def upgrade() -> None:
    """Add the indexes."""
    run_script("r0026_open_payments.sql")
