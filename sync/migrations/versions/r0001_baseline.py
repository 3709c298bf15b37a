"""The whole schema: catalogue, reservations and payments, bookings, outbox offsets, webhooks, reports."""

from sync.migrations.scripts import run_script

revision = "0001"
down_revision: str | None = None

_SUBJECTS = ("instants", "venues", "catalogue", "reservations", "bookings", "outbox", "webhooks", "reporting")
"""In the order in which they refer to one another."""


def upgrade() -> None:
    """Create the tables, their indexes, and the views of records and reports."""
    for subject in _SUBJECTS:
        run_script(f"r0001_baseline/{subject}.sql")
