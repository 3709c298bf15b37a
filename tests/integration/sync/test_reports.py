"""Reports: the views that analysts are promised, the role that may read them, what `onsale report` makes of them."""

import csv
import io
import re
from datetime import datetime

import asyncpg
import pytest

from cli.complaints import Complaint
from cli.reports import make_report
from engine.settings import Settings
from sync.postgres import Postgres
from sync.reports import REPORTS, read_report

_SALES = """
INSERT INTO events (id, name, starts_at, sale_opens_at) VALUES
  (1, 'Sold <out>', '2027-01-01Z', '2026-01-01T10:00Z'), (2, 'Quiet', '2027-01-02Z', NULL);
INSERT INTO tickets (id, event_id, ticket_type, unit_minor, capacity) VALUES
  (11, 1, 'VIP', 1000, 3), (21, 2, 'VIP', 500, 9);
INSERT INTO reservations
  (id, event_id, customer_id, status, details, digest, places, total_minor, created_at, expires_at, paid_at)
VALUES
  ('1-a', 1, 'anna', 'paid', '{}', '', 2, 2000, '2026-01-01T10:00Z', '2026-01-01T10:15Z', '2026-01-01T10:01Z'),
  ('1-b', 1, 'piotr', 'paid', '{}', '', 1, 1000, '2026-01-01T10:58Z', '2026-01-01T11:13Z', '2026-01-01T11:01Z'),
  ('1-c', 1, 'anna', 'expired', '{}', '', 1, 1000, '2026-01-01T10:01Z', '2026-01-01T10:16Z', NULL),
  ('1-d', 1, 'anna', 'refunded', '{}', '', 1, 1000, '2026-01-01T10:02Z', '2026-01-01T10:17Z', '2026-01-01T10:03Z'),
  ('2-a', 2, 'anna', 'cancelled', '{}', '', 4, 2000, '2026-01-02T10:02Z', '2026-01-02T10:17Z', NULL);
INSERT INTO reservation_items
  (reservation_id, position, ticket_id, pool, quantity, unit_minor, created_at, first_of_ticket)
SELECT id, 0, event_id * 10 + 1, '11', places, 1000, created_at, true FROM reservations;
INSERT INTO events (id, name, starts_at, timezone) VALUES (3, 'Museum', '2027-01-03Z', 'Europe/Warsaw');
INSERT INTO schedules (event_id, capacity) VALUES (3, 20);
INSERT INTO bookings (event_id, id, starts_at, status, details, digest, created_at, changed_at, expires_at)
SELECT 3, gen_random_uuid(), '2027-01-03T09:00Z', 'booked', '{}', '', now(), now(), '2027-01-03T17:00Z'
FROM generate_series(1, 2);
"""


@pytest.fixture
async def sales(pool: Postgres) -> Postgres:
    async with pool.connection() as connection:
        await connection.execute(_SALES)
    return pool


async def rows_of(postgres: Postgres, name: str, event_id: int | None = None) -> list[dict[str, object]]:
    rows = await read_report(postgres, REPORTS[name], event_id, 100)
    return [dict(zip(rows.columns, values, strict=True)) for values in rows.values]


def chosen(row: dict[str, object], *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names)


async def test_each_report_counts_what_there_is(sales: Postgres) -> None:
    sold_out, quiet, _ = await rows_of(sales, "sales")
    assert chosen(sold_out, "sold", "expired", "refunded", "revenue_minor", "conversion") == (3, 1, 1, 3000, 0.5)
    assert chosen(quiet, "sold", "cancelled", "conversion", "sold_out_at") == (0, 4, 0.0, None)
    (vip,) = await rows_of(sales, "types")
    assert chosen(vip, "ticket_type", "sold", "cancelled", "revenue_minor") == ("VIP", 3, 4, 3000)
    hours = [
        chosen(row, "reservations", "places", "revenue_minor", "refunded_minor")
        for row in await rows_of(sales, "hours")
    ]
    assert hours == [(2, 3, 3000, 1000), (1, 1, 1000, 0)]
    customers = [chosen(row, "event_id", "customer_id", "places") for row in await rows_of(sales, "customers")]
    assert customers == [(1, "anna", 2), (1, "piotr", 1), (2, "anna", 0)]
    (day,) = await rows_of(sales, "revenue")
    assert chosen(day, "gross_minor", "refunded_minor", "net_minor") == (4000, 1000, 3000)
    held, _ = await rows_of(sales, "conversion")
    assert chosen(held, "holds", "paid", "expired", "refunded", "mean_seconds_to_pay") == (4, 2, 1, 1, 120.0)
    sellout, never, _ = await rows_of(sales, "sellout")
    assert chosen(sellout, "seconds_to_sell_out") == (3660.0,)
    assert chosen(never, "sale_began_at", "seconds_to_sell_out") == (datetime.fromisoformat("2026-01-02T10:02Z"), None)
    back, _ = await rows_of(sales, "refunds")
    (slot,) = await rows_of(sales, "slots")
    local = datetime(2027, 1, 3, 10, 0)  # noqa: DTZ001  # on the clocks of Warsaw
    assert chosen(slot, "slot_local_time", "capacity", "bookings", "expired") == (local, 20, 2, 0)
    assert chosen(back, "expired_places", "refunded_minor", "refund_due_minor") == (1, 1000, 0)


async def test_a_report_of_one_event_is_the_part_of_all_that_is_about_it(sales: Postgres) -> None:
    for name, report in REPORTS.items():
        if report.view_of_event is None:
            with pytest.raises(ValueError, match="about all events"):
                await read_report(sales, report, 1, 100)
        elif report.view_of_event == report.view:
            everything = await rows_of(sales, name)
            assert await rows_of(sales, name, 1) == [row for row in everything if row["event_id"] == 1]
    assert await rows_of(sales, "sales", 4) == []


async def test_every_column_says_what_it_means(pool: Postgres) -> None:
    async with pool.connection() as connection:
        undocumented = await connection.fetch(
            """
            SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'reporting'::regnamespace AND c.relkind = 'v'
              AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)
            """
        )
    assert undocumented == []


async def test_the_role_reads_reports_and_nothing_else(sales: Postgres) -> None:
    async with sales.connection() as connection:
        await connection.execute("SET ROLE reporting")
        views = await connection.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'reporting'")
        assert len(views) >= len(REPORTS)
        for (view,) in views:
            await connection.fetch(f"SELECT * FROM reporting.{view}")  # noqa: S608  # a name out of the catalogue
        for refused in (
            "SELECT * FROM reservations",
            "SELECT * FROM event_status_totals",
            "INSERT INTO events (name, starts_at) VALUES ('x', now())",
            "CREATE VIEW reporting.mine AS SELECT 1",
            "CREATE TABLE public.mine (id integer)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(refused)
        await connection.execute("RESET ROLE")


def test_forms(sales: Postgres, settings: Settings) -> None:
    table = make_report(settings, "sales", None, "table", 100)
    assert re.search(r"^1 +Sold <out> .* 30\.00 ", table, re.MULTILINE)
    first, second, _ = csv.DictReader(io.StringIO(make_report(settings, "sales", None, "csv", 100)))
    assert (first["revenue_minor"], first["first_sale_at"]) == ("3000", "2026-01-01T10:01:00+00:00")
    assert (second["name"], second["sold_out_at"]) == ("Quiet", "")
    for name in REPORTS:
        page = make_report(settings, name, None, "html", 100)
        assert "<svg" in page
        assert "<out>" not in page
        assert not re.search(r"""(?:src|href)\s*=\s*["']https?:""", re.sub(r"xlink:href=\"#", "", page))
    with pytest.raises(Complaint, match="about all events"):
        make_report(settings, "revenue", 1, "table", 100)
