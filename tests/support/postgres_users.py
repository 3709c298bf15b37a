"""The users of Postgres that API and sync worker log in as, made as in production."""

import os
import subprocess
from pathlib import Path

from cli.dev.embedded import EmbeddedPostgres

API, SYNC = "onsale_api", "onsale_sync"

_ROLES = Path(__file__).parents[2] / "deploy" / "postgres" / "roles.sql"
_PASSWORDS = {"POSTGRES_API_PASSWORD": "it's the API's", "POSTGRES_SYNC_PASSWORD": "the worker's"}
"""Nobody asks for them: an embedded server lets everybody in who is on the machine."""


def make_users(postgres: EmbeddedPostgres) -> None:
    """Runs the script of the deployment. What the users may do is given by migrations."""
    command = [str(postgres.program("psql")), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={_ROLES}"]
    subprocess.run([*command, postgres.url()], env=os.environ | _PASSWORDS, check=True, timeout=30)
