"""The audit log."""

from sync.migrations.scripts import run_script

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Create the table of the audit log."""
    run_script("r0003_audit_log.sql")
