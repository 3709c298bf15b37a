"""Webhooks: the endpoints of the shop's own systems, and what each is still to be told."""

from sync.migrations.scripts import run_script

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Makes the tables of endpoints and of deliveries."""
    run_script("r0005_webhooks.sql")
