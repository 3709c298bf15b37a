"""`onsale secrets`: the secrets of a deployment, random, in a file that only its owner can read."""

import os
from pathlib import Path
from secrets import token_hex

from cli.errors import UserError

SECRETS = (
    "REDIS_PASSWORD",
    "POSTGRES_PASSWORD",
    "POSTGRES_API_PASSWORD",
    "POSTGRES_SYNC_PASSWORD",
    "METRICS_TOKEN",
    "JWT_SECRET",
    "ETICKET_SECRET",
    "GRAFANA_PASSWORD",
)
"""The variables of deploy/example.env, which docker-compose.yml wants."""

_BYTES = 32


def write_secrets(path: Path) -> None:
    """Make the file, with 256 random bits for each secret, in letters and digits: some become part of a URL.

    Its mode is 0600 from the beginning. Raises UserError where the file exists, or cannot be made.
    """
    lines = [f"{name}={token_hex(_BYTES)}\n" for name in SECRETS]
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise UserError(
            f"{path} exists, and the servers may use its secrets: choose another file with --output, or remove it"
        ) from error
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another file with --output") from error
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write("# Made by `onsale secrets`. Keep it from others, and out of version control.\n")
        stream.writelines(lines)
        stream.flush()
        os.fsync(stream.fileno())
