"""The schema of a database as sorted lines: columns, types, constraints, indexes, sequences, views and functions.

Comments are left out, and privileges, which tests/integration/sync/test_rights.py compares with their documentation.
"""

import asyncio
import sys
from pathlib import Path

import asyncpg

_QUERY = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
_TIMEOUT_SECONDS = 30


async def dump_schema(connection: asyncpg.Connection) -> list[str]:
    """One line per object, of the schemas public and reporting."""
    return sorted(row["line"] for row in await connection.fetch(_QUERY, timeout=_TIMEOUT_SECONDS))


async def _print_schema(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        sys.stdout.writelines(f"{line}\n" for line in await dump_schema(connection))
    finally:
        await connection.close(timeout=_TIMEOUT_SECONDS)


if __name__ == "__main__":
    asyncio.run(_print_schema(sys.argv[1]))
