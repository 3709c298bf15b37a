"""The instant at which a code was made, which changes of its terms leave as it is."""

from sync.migrations.scripts import run_script

revision = "0021"
down_revision: str | None = "0020"


def upgrade() -> None:
    """Add the column; codes of before were made when their present terms were."""
    run_script("r0021_when_codes_were_made.sql")
