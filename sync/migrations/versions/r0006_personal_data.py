"""Requests to erase what is known of customers, and the indexes by which it is found."""

from sync.migrations.scripts import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table of requests, and indexes by customer, subject and resource."""
    run_script("r0006_personal_data.sql")
