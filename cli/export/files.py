"""The files of an export: each part appears whole, and a cursor says which parts are done."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec

from cli.errors import UserError
from sync.read_models.exports import Column, Row

Encode = Callable[[Sequence[Column], Sequence[Row]], bytes]


class State(msgspec.Struct, frozen=True):
    """The content of `<name>.cursor.json`: the progress of an export. Parts above `part` are not done."""

    form: str
    part: int = 0
    rows: int = 0
    after: list[Any] | None = None
    complete_to: str | None = None


class Folder:
    """The parts of one export in a directory: `reservations-000001.ndjson`, …, and `reservations.cursor.json`."""

    def __init__(self, folder: Path, name: str, form: str) -> None:
        self._folder, self._name, self._form = folder, name, form
        self._cursor = folder / f"{name}.cursor.json"

    def state(self) -> State:
        """The state that was kept last. Raises UserError if it is of another format."""
        if not self._cursor.exists():
            return State(self._form)
        state = msgspec.json.decode(self._cursor.read_bytes(), type=State)
        if state.form != self._form:
            raise UserError(f"{self._cursor} is of an export as {state.form}; use that format or another folder")
        return state

    def keep_part(self, number: int, content: bytes) -> None:
        """Write a part, over one of the same number that was not done."""
        self._put(self._folder / f"{self._name}-{number:06}.{self._form}", content)

    def keep_state(self, state: State) -> None:
        """Say that the parts up to this state are done."""
        self._put(self._cursor, msgspec.json.encode(state))

    def _put(self, path: Path, content: bytes) -> None:
        """After a crash there is the old file or the new one, whole."""
        new = path.with_name(f".{path.name}.new")
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


def ndjson(columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """A JSON object per line. Instants are RFC 3339 in UTC."""
    names = [column.name for column in columns]
    lines = [msgspec.json.encode(dict(zip(names, map(_plain, row), strict=True))) for row in rows]
    return b"".join(line + b"\n" for line in lines)


def parquet(columns: Sequence[Column], rows: Sequence[Row]) -> bytes:
    """A Parquet file with the types of the view. Raises UserError if pyarrow is not installed."""
    try:
        import pyarrow  # noqa: PLC0415  # an extra
        import pyarrow.parquet  # noqa: PLC0415  # the same
    except ImportError as error:
        raise UserError("Parquet needs pyarrow: install onsale[parquet], or use --format ndjson") from error
    types: Mapping[str, Any] = {
        "int2": pyarrow.int16(),
        "int4": pyarrow.int32(),
        "int8": pyarrow.int64(),
        "float8": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "timestamptz": pyarrow.timestamp("us", tz="UTC"),
    }
    schema = pyarrow.schema([(column.name, types.get(column.type, pyarrow.string())) for column in columns])
    values = [pyarrow.array([row[at] for row in rows], field.type) for at, field in enumerate(schema)]
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(values, schema=schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


FORMS: Mapping[str, Encode] = {"ndjson": ndjson, "parquet": parquet}


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC, with microseconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    return value.isoformat() if isinstance(value, date) else value
