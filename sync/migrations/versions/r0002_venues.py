"""Venues with their seats, events in them, and which seats a reservation has."""

from sync.migrations.scripts import run_script

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Makes the tables of manifests, lets tickets offer sections, and lets items have seats."""
    run_script("r0002_venues.sql")
    run_script("r0002_seats_of_items.sql")
    run_script("r0002_statistics.sql")
