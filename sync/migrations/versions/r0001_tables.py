"""The first tables: catalogue, reservations, payments, and how far the outboxes are written."""

from sync.migrations.scripts import run_script

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Makes the tables, the indexes of the lists, and the views that statistics are read from."""
    run_script("r0001_tables.sql")
    run_script("r0001_records.sql")
    run_script("r0001_statistics.sql")
