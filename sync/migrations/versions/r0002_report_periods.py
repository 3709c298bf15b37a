"""Reports of a period, and sums that hold for any currency and time zone."""

from sync.migrations.scripts import run_script

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Adds the period and the quarters of an hour, and the currency to the views with money."""
    run_script("r0002_report_periods.sql")
