"""SQL statements, each in a file of this folder, by the file's name."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


@cache
def statement(name: str) -> str:
    """The text of `<name>.sql`."""
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
