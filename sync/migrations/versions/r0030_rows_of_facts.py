"""Outcomes come to Postgres as arrays of rows."""

from sync.migrations.scripts import run_script

revision = "0030"
down_revision: str | None = "0029"


def upgrade() -> None:
    """Make a type for the rows of each table that most facts go to."""
    run_script("r0030_rows_of_facts.sql")
