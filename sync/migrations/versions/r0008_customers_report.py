"""What customers paid, summed up faster."""

from sync.migrations.scripts import run_script

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Makes the sum, and the view again with it."""
    run_script("r0008_customers_report.sql")
