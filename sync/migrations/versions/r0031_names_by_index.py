"""Names to erase are found by indexes."""

from sync.migrations.scripts import run_script

revision = "0031"
down_revision: str | None = "0030"


def upgrade() -> None:
    """Make indexes of the e-tickets that were transferred, and of the waiting entries that have names."""
    run_script("r0031_names_by_index.sql")
