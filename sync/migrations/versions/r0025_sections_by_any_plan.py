"""Reports of sections can be read by any plan of Postgres."""

from sync.migrations.scripts import run_script

revision = "0025"
down_revision: str | None = "0024"


def upgrade() -> None:
    """Let no pool that is none of a section be read as a number."""
    run_script("r0025_sections_by_any_plan.sql")
