"""Plans of Postgres for our statements: what is looked up for each row is found by an index."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import sync
from sync.postgres import Connection, Postgres
from sync.read_models.reports import REPORTS
from sync.sql import statement

_STATEMENTS = sorted(file.stem for file in (Path(sync.__file__).parent / "sql").glob("*.sql"))
_FIRST_COLUMNS = "SELECT relname, pg_get_indexdef(indexrelid, 1, true) FROM pg_index JOIN pg_class ON oid = indexrelid"
_SMALL = {"webhooks"}
"""Relations with a few rows."""

_SALES = """
INSERT INTO events (id, name, starts_at, status)
  SELECT n, 'Event ' || n, now(), 'on_sale' FROM generate_series(1, 100) AS n;
INSERT INTO tickets (id, event_id, ticket_type, unit_minor, capacity)
  SELECT n, n, 'Regular', 2500, 900 FROM generate_series(1, 100) AS n;
INSERT INTO reservations
  (id, event_id, customer_id, status, details, digest, places, total_minor, created_at, expires_at, ended_at, paid_at)
SELECT n || '-' || sale, n, 'c-' || sale, 'paid', '{}', '', 2, 5000, now(), now(), now(), now()
FROM generate_series(1, 100) AS n, generate_series(1, 100) AS sale;
INSERT INTO reservation_items
  (reservation_id, position, ticket_id, pool, quantity, unit_minor, created_at, first_of_ticket)
SELECT id, 0, event_id, event_id::text, 2, 2500, created_at, true FROM reservations;
ANALYZE
"""

_NAMELESS = """
UPDATE events SET starts_at = now() - interval '1 day';
UPDATE reservations SET ended_at = now() - interval '1 hour';
UPDATE reservations SET details = '{"name":"Ada"}' WHERE id = '1-1';
INSERT INTO etickets
  (event_id, number, reservation_id, ticket_id, pool, seat, issue, status, holder, transfer_id, changed_at)
SELECT event_id, row_number() OVER (), id, 1, '1', 0, 0, 'valid', '{}', '', now() FROM reservations;
UPDATE etickets SET holder = '{"name":"Bob"}', issue = issue + 1 WHERE reservation_id = '2-2';
INSERT INTO waiting_entries
  (id, event_id, ticket_id, quantity, customer_id, details, contact, digest, created_at, changed_at, status, number,
   ended_at)
SELECT 'w-' || n, 1, 1, 1, 'c', '{}', '{}', '', now(), now(), 'ended', n, now() - interval '1 hour'
FROM generate_series(1, 10000) AS n;
UPDATE waiting_entries SET contact = '{"phone":"1"}' WHERE id = 'w-3';
ANALYZE
"""


@pytest.mark.own_database  # without statistics, by which small tables are cheap to read
async def test_what_is_looked_up_for_each_row_is_found_by_an_index(pool: Postgres) -> None:
    """A table that is read for each row of another one takes minutes where each has a hundred thousand."""
    faults, judged = [], 0
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan")
        first_columns = {index: column for index, column in await connection.fetch(_FIRST_COLUMNS)}
        for name in _STATEMENTS:
            if not re.search(r"{\w+}", statement(name)):  # else columns are filled in
                plan = await _plan(connection, statement(name))
                faults += [f"{name} reads {whole}" for whole in _whole_reads(plan, first_columns, json.dumps(plan))]
                judged += 1
    assert judged > 100
    assert not faults


@pytest.mark.own_database
async def test_reports_of_one_event_read_its_sales_alone(pool: Postgres) -> None:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_SALES)
        faults, judged = [], 0
        for name, report in REPORTS.items():
            if report.view_of_event is not None:
                asked = f"SELECT * FROM reporting.{report.view_of_event} WHERE event_id = 7"  # noqa: S608  # ours
                ((told,),) = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}")
                ((plan),) = json.loads(told)
                read = sum(_rows_read(plan["Plan"]))
                faults += [f"{name}: {read:.0f} rows"] if read > 2500 else []
                judged += 1
    assert judged > 5
    assert not faults, "an event has 100 of 10,000 reservations"


@pytest.mark.own_database
async def test_names_to_erase_are_found_without_a_look_at_all_sales(pool: Postgres) -> None:
    """Retention looks for them each minute, once per partition, and nearly all of what was ever sold has no names."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(_SALES)
        await connection.execute(_NAMELESS)
        for name, named in (("named_reservations_before", ["1-1", "2-2"]), ("named_waiting_before", ["w-3"])):
            text, arguments = statement(name), (1, 0, 60, 100)
            assert sorted([row["id"] for row in await connection.fetch(text, *arguments)]) == named
            ((told,),) = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *arguments)
            ((plan),) = json.loads(told)
            read = sum(_rows_read(plan["Plan"], frozenset({"reservations", "etickets", "waiting_entries"})))
            assert read <= 5, f"{name} reads {read:.0f} rows"


def _rows_read(node: Mapping[str, Any], relations: frozenset[str] = frozenset({"reservations"})) -> Iterator[float]:
    """The rows of these relations that each scan has looked at."""
    if node.get("Relation Name") in relations:
        yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for part in node.get("Plans", ()):
        yield from _rows_read(part, relations)


async def _plan(connection: Connection, text: str) -> Mapping[str, Any]:
    await connection.execute(f"PREPARE judged AS {text}")
    parameters = await connection.fetchval(
        "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'judged'"
    )
    nulls = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    ((told,),) = await connection.fetch(f"EXPLAIN (FORMAT JSON) EXECUTE judged{nulls}")
    await connection.execute("DEALLOCATE judged")
    (plan,) = json.loads(told)
    top: Mapping[str, Any] = plan["Plan"]
    return top


def _whole_reads(
    node: Mapping[str, Any], first_columns: Mapping[str, str], hashed: str, *, each: bool = False
) -> Iterator[str]:
    each = each or (node.get("Parent Relationship") == "SubPlan" and f"hashed {node['Subplan Name']}" not in hashed)
    relation, index = node.get("Relation Name"), node.get("Index Name")
    if each and relation not in _SMALL:
        if node["Node Type"] == "Seq Scan":
            yield f"all of {relation}"
        elif index is not None and first_columns[index] not in node.get("Index Cond", ""):
            yield f"all of {index}: its first column is {first_columns[index]}"
    for part in node.get("Plans", ()):
        yield from _whole_reads(part, first_columns, hashed, each=each)
