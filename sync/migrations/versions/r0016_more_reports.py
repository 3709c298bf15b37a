"""Reports of money, sections, rows, times to pay and declines; columns that tell what is kept and when it changed."""

from sync.migrations.scripts import run_script

revision = "0016"
down_revision: str | None = "0015"


def upgrade() -> None:
    """Add the views and the columns."""
    run_script("r0016_more_reports.sql")
