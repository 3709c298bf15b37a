"""`onsale export`: what changed since the last export, up to the watermark, as NDJSON or Parquet."""

import asyncio
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from cli.errors import UserError
from cli.export.files import FORMS, Folder, State, instant_text
from engine.settings import Settings
from sync.postgres import PostgresAway
from sync.read_models.exports import EXPORTS, NotComplete, changes, cursor_columns

_INSTANTS = ("updated_at", "minute")
"""Columns of cursors that are instants."""


def export_view(settings: Settings, name: str, folder: Path, form: str, rows: int) -> State:
    """Adds the parts of what changed since the state in the folder. Returns the new state.

    It may be stopped anywhere: the next run goes on after the last part that is done. Raises UserError.
    """
    with _owned(folder, name):
        try:
            return asyncio.run(_export(settings, name, Folder(folder, name, form), form, rows))
        except NotComplete as error:
            raise UserError(str(error)) from error
        except PostgresAway as error:
            raise UserError(f"Postgres does not answer: {error}; run it again: it goes on where it was") from error
        except OSError as error:
            raise UserError(f"cannot write to {folder}: {error.strerror or error}") from error


async def _export(settings: Settings, name: str, files: Folder, form: str, rows: int) -> State:
    state, encode = files.state(), FORMS[form]
    by_change = EXPORTS[name].by_change
    if not by_change:
        state = State(form)
    after = _values(name, state.after) if state.after is not None else None
    async with changes(settings, name, after, rows) as found:
        at = [next(i for i, column in enumerate(found.columns) if column.name == each) for each in cursor_columns(name)]
        complete_to = instant_text(found.complete_to)
        async for part in found.parts:
            files.keep_part(state.part + 1, encode(found.columns, part))
            last = _texts([part[-1][place] for place in at]) if by_change else None
            state = State(form, state.part + 1, state.rows + len(part), last, state.complete_to)
            if by_change:
                files.keep_state(state)
    # A part of what is left out now was done before: what is exported as a whole has its state at the end alone.
    state = State(form, state.part, state.rows, state.after, complete_to)
    files.keep_state(state)
    return state


def _texts(values: Sequence[Any]) -> list[Any]:
    return [instant_text(value) if isinstance(value, datetime) else value for value in values]


def _values(name: str, kept: Sequence[Any]) -> list[Any]:
    """The values of a cursor as Postgres takes them."""
    columns = cursor_columns(name)
    return [
        datetime.fromisoformat(value) if column in _INSTANTS else value
        for column, value in zip(columns, kept, strict=True)
    ]


@contextmanager
def _owned(folder: Path, name: str) -> Iterator[None]:
    """The export, for this process alone. Raises UserError if another one is at it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / f".{name}.lock").open("w")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another with --to") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"another export of {name} writes to {folder}: wait for it") from error
        yield
