"""Statistics count what exchanges pin and what is set aside for codes; records keep the attempts with money."""

from sync.migrations.scripts import run_script

revision = "0028"
down_revision: str | None = "0027"


def upgrade() -> None:
    """Replace the views, and add those that they read."""
    run_script("r0028_all_places_counted.sql")
