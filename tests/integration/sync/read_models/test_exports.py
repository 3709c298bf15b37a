"""Exports for analysts: stopped anywhere and resumed, what was loaded equals the table up to the watermark."""

import asyncio
import io
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import asyncpg
import pyarrow.parquet
import pytest
import yaml

from cli.errors import UserError
from cli.export.command import export_view
from cli.export.files import Folder, State, parquet
from engine.settings import Settings
from sync.postgres import Postgres
from sync.read_models.exports import EXPORTS, Column, Export
from tests.support.effort import effort
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import WaitUntil

Rows = list[dict[str, Any]]
Load = Callable[[Path, str, State], Rows]

_TIMEOUT_SECONDS = 30
_CUTS = effort(12, 200)
_KEYS = {name: export.key for name, export in EXPORTS.items()}

_SALES = """
INSERT INTO events (id, name, starts_at) VALUES (1, 'One', '2027-01-01Z'), (2, 'Two', '2027-01-02Z');
INSERT INTO venues (id, name) VALUES (1, 'Hall');
INSERT INTO sections (id, venue_id, position, name) VALUES (7, 1, 0, 'Stalls');
INSERT INTO outbox_offsets (partition, epoch, sequence, complete_to) VALUES (0, 1, 1, NULL), (1, 1, 1, NULL);
"""
_HELD = """
INSERT INTO reservations
  (id, event_id, customer_id, status, details, digest, places, total_minor, created_at, expires_at, updated_at)
VALUES ($1, 1 + $2::integer % 2, 'c' || $2::integer % 9, 'held', '{}', '', 2, 2000, $3::timestamptz,
  $3::timestamptz + interval '15 minutes', $3::timestamptz)
"""
_ITEM = """
INSERT INTO reservation_items
  (reservation_id, position, ticket_id, pool, quantity, unit_minor, created_at, first_of_ticket)
VALUES ($1, $2, 11, $3, 1, 1000, now(), true)
"""
_PAYMENT = """
INSERT INTO payments (reservation_id, id, status, amount_minor, reason, digest, started_at)
VALUES ($1, $2, 'pending', 2000, '', '', now())
"""


class Drop:
    """A sale whose clock is ours: `at` is the number of the millisecond, and several changes have the same one."""

    def __init__(self, url: str, seed: int) -> None:
        self._url, self._random, self._ids, self._at = url, random.Random(seed), list[str](), 0  # noqa: S311  # a play
        self._paid = 0

    async def change(self, times: int) -> None:
        """Holds, replaces items, pays; the watermark follows, a little behind."""
        connection = await asyncpg.connect(self._url, timeout=_TIMEOUT_SECONDS)
        try:
            async with connection.transaction():
                for _ in range(times):
                    self._at += self._random.randrange(2)
                    await self._one(connection)
                behind = _instant(max(0, self._at - 3))
                await connection.execute("UPDATE outbox_offsets SET complete_to = $1", behind)
        finally:
            await connection.close(timeout=_TIMEOUT_SECONDS)

    async def _one(self, connection: asyncpg.Connection) -> None:
        kind = self._random.randrange(3) if self._ids else 0
        if kind == 0:
            rid = f"1-{len(self._ids):04}"
            await connection.execute(_HELD, rid, len(self._ids), _instant(self._at))
            self._ids.append(rid)
            await connection.execute(_ITEM, rid, 0, "11")
            await connection.execute(_ITEM, rid, 1, "s7")
            return
        rid = self._random.choice(self._ids)
        if kind == 1:
            await connection.execute("DELETE FROM reservation_items WHERE reservation_id = $1 AND position = 1", rid)
            status = "held"
        else:
            self._paid += 1
            await connection.execute(_PAYMENT, rid, f"p{self._paid}")
            status = "paying"
        changed = "UPDATE reservations SET status = $2, updated_at = $3 WHERE id = $1"
        await connection.execute(changed, rid, status, _instant(self._at))


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(1_800_000_000 + ms / 1000, UTC)


class Cut(Exception):
    """The end of an export by a crash."""


class Crashes:
    """Lets that many writes of files through, then fails before or after one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: float = float("inf")
        put = Folder._put

        def crashing(folder: Folder, path: Path, content: bytes) -> None:
            self.left -= 0.5
            if self.left < 0:
                raise Cut
            put(folder, path, content)
            self.left -= 0.5
            if self.left < 0:
                raise Cut

        monkeypatch.setattr(Folder, "_put", crashing)


def _ndjson(folder: Path, name: str, state: State) -> Rows:
    parts = [folder / f"{name}-{number:06}.ndjson" for number in range(1, state.part + 1)]
    return [json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines()]


def _parquet(folder: Path, name: str, state: State) -> Rows:
    parts = [folder / f"{name}-{number:06}.parquet" for number in range(1, state.part + 1)]
    rows = [row for part in parts for row in pyarrow.parquet.read_table(part).to_pylist()]
    return [{column: _told(value) for column, value in row.items()} for row in rows]


def _told(value: Any) -> Any:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


def _loaded(name: str, rows: Rows) -> Rows:
    """The rows as an analyst keeps them: the last of each key; of items, those of the reservation's last change."""
    last = {tuple(row[column] for column in _KEYS[name]): row for row in rows}
    if name == "items":
        newest: dict[str, str] = {}
        for row in rows:
            newest[row["reservation_id"]] = max(newest.get(row["reservation_id"], ""), row["updated_at"])
        last = {key: row for key, row in last.items() if row["updated_at"] == newest[row["reservation_id"]]}
    return [last[key] for key in sorted(last)]


async def _table(url: str, name: str) -> Rows:
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        rows = await connection.fetch(f"SELECT * FROM reporting.{name}", timeout=_TIMEOUT_SECONDS)  # noqa: S608  # ours
    finally:
        await connection.close(timeout=_TIMEOUT_SECONDS)
    found = [{column: _told(value) for column, value in row.items()} for row in rows]
    return sorted(found, key=lambda row: tuple(row[column] for column in _KEYS[name]))


async def _play(
    settings: Settings, folder: Path, name: str, form: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> tuple[Rows, Rows]:
    """An export that is cut again and again while the sale goes on, then completed: what was loaded, and the table."""
    url = settings.postgres_url
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    await connection.execute(_SALES)
    await connection.close(timeout=_TIMEOUT_SECONDS)
    drop, chance = Drop(url, 7), random.Random(name + form)  # noqa: S311  # a play
    cut = 0
    with monkeypatch.context() as patch:
        crashes = Crashes(patch)
        for _ in range(_CUTS):
            await drop.change(12)
            crashes.left = chance.randrange(5) / 2
            try:
                await _exported(settings, name, folder, form)
            except Cut:
                cut += 1
    assert cut >= _CUTS // 6, "the play cuts"
    await drop.change(5)
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    await connection.execute("UPDATE outbox_offsets SET complete_to = now() + interval '10 years'")
    await connection.close(timeout=_TIMEOUT_SECONDS)
    state = await _exported(settings, name, folder, form)
    return _loaded(name, load(folder, name, state)), await _table(url, name)


async def _exported(settings: Settings, name: str, folder: Path, form: str) -> State:
    """`export_view` has a loop of its own, so it runs in a thread."""
    return await asyncio.to_thread(export_view, settings, name, folder, form, 3)


@pytest.mark.parametrize(
    ("name", "form", "load"), [*((name, "ndjson", _ndjson) for name in EXPORTS), ("reservations", "parquet", _parquet)]
)
async def test_an_export_cut_anywhere_and_resumed_equals_the_table(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, form: str, load: Load
) -> None:
    loaded, table = await _play(settings, tmp_path, name, form, load, monkeypatch)
    assert loaded == table
    assert table or name == "revenue_by_section"


async def test_a_cursor_that_is_no_key_loses_rows(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: where a part ends between rows of one instant, the rest of them are left out."""
    monkeypatch.setitem(cast("dict[str, Export]", EXPORTS), "reservations", Export(()))
    loaded, table = await _play(settings, tmp_path, "reservations", "ndjson", _ndjson, monkeypatch)
    assert 0 < len(loaded) < len(table)


async def test_nothing_is_exported_before_the_worker_has_reported_what_is_complete(
    settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="onsale sync"):
        await _exported(settings, "reservations", tmp_path, "ndjson")


async def test_a_folder_keeps_its_format(settings: Settings, tmp_path: Path, pool: Postgres) -> None:
    async with pool.connection() as connection:
        await connection.execute(_SALES)
        await connection.execute("UPDATE outbox_offsets SET complete_to = now()")
    await _exported(settings, "funnel", tmp_path, "ndjson")
    with pytest.raises(UserError, match="as ndjson"):
        await _exported(settings, "funnel", tmp_path, "parquet")


async def test_the_watermark_follows_what_is_written_and_what_is_empty(
    office: BoxOffice, pool: Postgres, wait_until: WaitUntil
) -> None:
    held = await office.hold()
    async with running(office.reader().run()):

        async def complete() -> bool:
            async with pool.connection() as connection:
                return bool(
                    await connection.fetchval(
                        "SELECT o.complete_to > r.updated_at FROM outbox_offsets AS o, reservations AS r "
                        "WHERE o.partition = $1 AND r.id = $2",
                        office.keys.partition,
                        held,
                    )
                )

        await wait_until(complete)


async def test_a_partition_in_which_nothing_was_ever_sold_does_not_hold_the_watermark_back(
    office: BoxOffice, pool: Postgres, wait_until: WaitUntil
) -> None:
    async with running(office.reader().run()):

        async def is_known() -> bool:
            async with pool.connection() as connection:
                sql = "SELECT complete_to IS NOT NULL FROM outbox_offsets WHERE partition = $1"
                return bool(await connection.fetchval(sql, office.keys.partition))

        await wait_until(is_known)


def _tests_of(column: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for test in column.get("tests", ()):
        yield from test.items() if isinstance(test, dict) else [(test, None)]


async def test_the_source_of_dbt_is_what_postgres_has(
    settings: Settings, repository: Path, pool: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each column is there, none is left out, and the tests that the file names pass."""
    await _play(settings, tmp_path, "reservations", "ndjson", _ndjson, monkeypatch)
    (source,) = yaml.safe_load((repository / "deploy/dbt/sources.yml").read_text(encoding="utf-8"))["sources"]
    assert {table["name"] for table in source["tables"]} == {"watermark", *EXPORTS}
    async with pool.connection() as connection:
        for table in source["tables"]:
            view = f"{source['schema']}.{table['name']}"
            statement = await connection.prepare(f"SELECT * FROM {view}")  # noqa: S608  # ours
            assert [column["name"] for column in table["columns"]] == [each.name for each in statement.get_attributes()]
            for column in table["columns"]:
                for test, told in _tests_of(column):
                    assert await connection.fetchval(_failing(view, column["name"], test, told)) == 0, (view, column)


def _failing(view: str, column: str, test: str, told: Any) -> str:
    """The number of rows at which a test of dbt fails."""
    match test:
        case "not_null":
            condition = f"{column} IS NULL"
        case "unique":
            return f"SELECT count({column}) - count(DISTINCT {column}) FROM {view}"  # noqa: S608  # ours
        case "accepted_values":
            condition = f"{column} NOT IN ({', '.join(map(repr, told['values']))})"
        case "relationships":
            _, other = told["to"].removeprefix("source(").removesuffix(")").split(", ")
            known = f"SELECT {told['field']} FROM reporting.{other.strip(chr(39))}"  # noqa: S608  # ours
            condition = f"{column} NOT IN ({known})"
        case _:
            raise AssertionError(test)
    return f"SELECT count(*) FROM {view} WHERE {condition}"  # noqa: S608  # ours


def test_parquet_has_the_types_of_the_view() -> None:
    columns = [Column("id", "text"), Column("n", "int8"), Column("at", "timestamptz"), Column("ok", "bool")]
    content = parquet(columns, [("a", 2**40, _instant(1), None)])
    table = pyarrow.parquet.read_table(io.BytesIO(content))
    assert [str(field.type) for field in table.schema] == ["string", "int64", "timestamp[us, tz=UTC]", "bool"]
    assert table.to_pylist() == [{"id": "a", "n": 2**40, "at": _instant(1), "ok": None}]
