"""Reports: the views that analysts are promised, the role that may read them, what `onsale report` makes of them."""

import csv
import io
import json
import re
from datetime import date, datetime, timedelta

import asyncpg
import pytest

from cli.errors import UserError
from cli.reports.command import Request, make_report
from engine.settings import Settings
from engine.time_zones import time_zone
from sync.postgres import Postgres
from sync.read_models.report_rows import Rows
from sync.read_models.reports import REPORTS, Query, read_report

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
INSERT INTO bookings
  (event_id, id, slot, starts_at, status, details, digest, created_at, changed_at, expires_at, customer_id, phone)
SELECT
  3, gen_random_uuid(), '2027-01-03T10:00', '2027-01-03T09:00Z', 'booked', '{}', '', now(), now(),
  '2027-01-03T17:00Z', '', ''
FROM generate_series(1, 2);
INSERT INTO etickets
  (event_id, number, reservation_id, ticket_id, pool, seat, issue, status, holder, transfer_id, first_in_at, changed_at)
VALUES
  (1, 0, '1-a', 11, '11', 0, 0, 'in', '{}', '', '2027-01-01Z', now()),
  (1, 1, '1-a', 11, '11', 0, 0, 'valid', '{}', '', NULL, now()),
  (1, 2, '1-d', 11, '11', 0, 0, 'void', '{}', '', NULL, now());
"""


@pytest.fixture
async def sales(pool: Postgres) -> Postgres:
    async with pool.connection() as connection:
        await connection.execute(_SALES)
    return pool


async def rows_of(postgres: Postgres, name: str, event_id: int | None = None) -> list[dict[str, object]]:
    return rows_as_dicts((await read_report(postgres, name, Query(event_id))).rows)


def rows_as_dicts(rows: Rows) -> list[dict[str, object]]:
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


_MONEY = """
INSERT INTO payments (reservation_id, id, status, amount_minor, reason, digest, started_at, settled_at, completed_at)
VALUES
  ('1-a', 'pay-a', 'completed', 3000, '', '', '2026-01-01T10:01Z', '2026-01-01T10:01Z', '2026-01-01T10:01Z'),
  ('1-b', 'pay-b', 'failed', 1000, 'card_declined', '', '2026-01-01T11:00Z', '2026-01-01T11:00Z', NULL),
  ('1-c', 'pay-c', 'failed', 1000, 'card_declined', '', '2026-01-01T11:00Z', '2026-01-01T11:00Z', NULL),
  ('1-d', 'pay-d', 'refunded', 1000, '', '', '2026-01-01T10:03Z', '2026-01-03T09:00Z', '2026-01-01T10:03Z');
INSERT INTO refunds (reservation_id, payment_id, id, place, amount_minor, created_at, settled_at, places, worth_minor)
VALUES
  ('1-a', 'pay-a', 'refund-a', 0, 900, '2026-01-03T23:50Z', NULL, '[[11, 1]]', 1000),
  ('1-d', 'pay-d', '1-d', 0, 1000, '2026-01-03T08:00Z', '2026-01-03T09:00Z', '[[11, 1]]', 1000);
INSERT INTO kept_items (reservation_id, position, event_id, ticket_id, pool, quantity, unit_minor, seats)
VALUES ('1-a', 0, 1, 11, '11', 1, 1000, '{}');
INSERT INTO payments
  (reservation_id, id, status, amount_minor, reason, digest, started_at, settled_at, completed_at, exchange)
VALUES (
  '1-b', 'pay-x', 'completed', 0, '', '', '2026-01-04T10:00Z', '2026-01-04T10:00Z', '2026-01-04T10:00Z',
  '[[[[11, "11", 2, 500, []]], [[11, "11", 1, 1000, []]]]]'
);
"""


async def test_refunds_in_part_count_on_their_day_and_kept_places_are_reported(sales: Postgres) -> None:
    async with sales.connection() as connection:
        await connection.execute(_MONEY)
    first, second = await rows_of(sales, "money")
    assert chosen(first, "day", "charges", "charged_minor", "refunds", "net_minor") == (
        date(2026, 1, 1),
        2,
        4000,
        0,
        4000,
    )
    assert chosen(
        second, "day", "charges", "refunds", "refunded_minor", "partial_refunds", "partly_refunded_minor"
    ) == (*(date(2026, 1, 3), 0, 2, 1900, 1, 900),)
    assert chosen(second, "refunded_places", "net_minor") == (2, -1900)
    day = rows_as_dicts((await read_report(sales, "money", Query(1, zone=time_zone("Asia/Tokyo")))).rows)[-1]
    assert chosen(day, "day", "refunded_minor") == (date(2026, 1, 4), 900)
    sold, *_ = await rows_of(sales, "sales")
    assert chosen(sold, "refunded", "kept") == (2, 1), "one of a reservation that is still paid, one of one that is not"
    (vip,) = await rows_of(sales, "types")
    assert chosen(vip, "refunded", "kept") == (2, 1)
    back, _ = await rows_of(sales, "refunds")
    assert chosen(back, "partly_refunded_reservations", "partly_refunded_minor") == (1, 900)
    (declined,) = await rows_of(sales, "declines")
    assert chosen(declined, "reason", "attempts", "reservations", "reservations_paid") == ("card_declined", 2, 2, 1)
    (moved,) = await rows_of(sales, "exchanges")
    assert chosen(moved, "exchange_id", "places_before", "places_after", "charged_minor") == ("pay-x", 2, 1, 0)


async def test_times_to_pay_and_holds_by_minute(sales: Postgres) -> None:
    (times,) = await rows_of(sales, "payments")
    assert chosen(times, "reservations", "seconds_p50") == (3, 60.0)
    assert chosen(times, "seconds_p99") == (pytest.approx(177.6),)
    minutes = await rows_of(sales, "minutes", 1)
    assert [chosen(row, "holds", "places", "paid") for row in minutes] == [(1, 2, 1), (1, 1, 0), (1, 1, 1), (1, 1, 1)]
    period = Query(start=datetime.fromisoformat("2026-01-01T10:02Z"))
    minutes = rows_as_dicts((await read_report(sales, "minutes", period)).rows)
    assert len(minutes) == 3, "a period selects them"


async def test_entries_and_no_shows(sales: Postgres) -> None:
    (doors,) = await rows_of(sales, "doors", 1)
    assert chosen(doors, "ticket_type", "expected", "came", "no_shows") == ("VIP", 2, 1, 1)
    assert await rows_of(sales, "doors", 2) == []


async def test_sections_and_rows(sales: Postgres) -> None:
    async with sales.connection() as connection:
        await connection.execute(
            """
            INSERT INTO venues (id, name) VALUES (1, 'Hall');
            INSERT INTO sections (id, venue_id, position, name) VALUES (7, 1, 0, 'Stalls');
            INSERT INTO section_rows (section_id, position, name, first_seat_id, seats)
            VALUES (7, 0, 'A', 100, 3), (7, 1, 'B', 103, 3);
            UPDATE reservation_items SET pool = 's7', seats = '{2,5}' WHERE reservation_id = '1-a';
            """
        )
    (section,) = await rows_of(sales, "sections")
    assert chosen(section, "section", "sold", "revenue_minor", "currency") == ("Stalls", 2, 2000, "EUR")
    rows = [chosen(row, "row", "seats", "sold", "held", "revenue_minor") for row in await rows_of(sales, "rows")]
    assert rows == [("A", 3, 1, 0, 1000), ("B", 3, 1, 0, 1000)]


@pytest.mark.parametrize("join", ["hashjoin", "mergejoin", "nestloop"])
async def test_every_view_can_be_read_by_any_plan(sales: Postgres, join: str) -> None:
    """A row that one condition excludes must not break another: their order is the planner's choice."""
    async with sales.connection() as connection, connection.transaction():
        for other in {"hashjoin", "mergejoin", "nestloop"} - {join}:
            await connection.execute(f"SET LOCAL enable_{other} = off")
        await connection.execute("UPDATE reservation_items SET pool = '7'")
        for (view,) in await connection.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'reporting'"):
            await connection.fetch(f"SELECT * FROM reporting.{view}")  # noqa: S608  # a name out of the catalogue


async def test_every_view_of_sales_tells_when_it_changed(pool: Postgres) -> None:
    async with pool.connection() as connection:
        without = await connection.fetch(
            """
            SELECT table_name FROM information_schema.tables AS t
            WHERE table_schema = 'reporting' AND table_name !~ '^(check_in|no_shows|watermark)' AND NOT EXISTS (
              SELECT FROM information_schema.columns AS c
              WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.column_name = 'updated_at'
            )
            """
        )
    assert without == []


async def test_a_report_of_one_event_is_the_part_of_all_that_is_about_it(sales: Postgres) -> None:
    for name, report in REPORTS.items():
        if report.view_of_event is None:
            with pytest.raises(ValueError, match="about all events"):
                await read_report(sales, name, Query(1))
        elif report.view_of_event == report.view and report.chart.over != "day":
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
            "SELECT * FROM public.reservations",
            "SELECT * FROM public.event_status_totals",
            "INSERT INTO events (name, starts_at) VALUES ('x', now())",
            "CREATE VIEW reporting.mine AS SELECT 1",
            "CREATE TABLE public.mine (id integer)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(refused)
        await connection.execute("RESET ROLE")


async def test_a_period_counts_what_was_reserved_in_it_and_lists_what_was_paid_in_it(sales: Postgres) -> None:
    start, end = datetime.fromisoformat("2026-01-01T10:02Z"), datetime.fromisoformat("2026-01-02T10:02Z")
    period = Query(start=start, end=end)
    sold_out, quiet, _ = rows_as_dicts((await read_report(sales, "sales", period)).rows)
    assert chosen(sold_out, "sold", "expired", "refunded", "revenue_minor") == (1, 0, 1, 1000)  # 1-b and 1-d
    assert chosen(quiet, "cancelled") == (0,)  # 2-a was reserved at the end, which is left out
    (vip,) = rows_as_dicts((await read_report(sales, "types", period)).rows)
    assert chosen(vip, "sold", "refunded", "cancelled") == (1, 1, 0)
    customers = rows_as_dicts((await read_report(sales, "customers", period)).rows)
    assert [chosen(row, "customer_id", "reservations") for row in customers] == [("piotr", 1), ("anna", 1)]
    hours = rows_as_dicts((await read_report(sales, "hours", Query(start=start.replace(hour=11)))).rows)
    assert [chosen(row, "places") for row in hours] == []
    hours = rows_as_dicts((await read_report(sales, "hours", Query(end=start.replace(hour=11, minute=0)))).rows)
    assert [chosen(row, "places") for row in hours] == [(3,)]
    slots = (await read_report(sales, "slots", Query(start=datetime.fromisoformat("2027-01-03T10:00Z")))).rows
    assert slots.values == []
    everything, *_ = await rows_of(sales, "sales")  # the period ended with its report
    assert chosen(everything, "sold", "refunded") == (3, 1)


async def test_days_and_hours_of_a_time_zone_with_half_an_hour(sales: Postgres) -> None:
    """In Kolkata (+5:30) 10:01 UTC is 15:31 and 11:01 is 16:31; in Kiritimati (+14) both are of the next day."""
    zone = time_zone("Asia/Kolkata")
    hours = rows_as_dicts((await read_report(sales, "hours", Query(1, zone=zone))).rows)
    began = datetime.fromisoformat("2026-01-01T09:30Z")
    assert [chosen(row, "hour", "places") for row in hours] == [(began, 3), (began + timedelta(hours=1), 1)]
    (day,) = rows_as_dicts((await read_report(sales, "revenue", Query(zone=time_zone("Pacific/Kiritimati")))).rows)
    assert chosen(day, "day", "currency", "net_minor") == (date(2026, 1, 2), "EUR", 3000)


async def test_the_chart_has_the_largest_rows_and_the_table_the_first(pool: Postgres) -> None:
    async with pool.connection() as connection:
        await connection.execute(_MANY_EVENTS)
    answer = await read_report(pool, "sales", Query(limit=10), charted=25)
    assert (len(answer.rows.values), answer.rows.total) == (10, 95)
    assert answer.rows.column("event_id") == list(range(1, 11))
    charted = answer.charted[""]
    assert (charted.column("event_id"), charted.total) == (list(range(95, 70, -1)), 95)


def test_forms(sales: Postgres, settings: Settings) -> None:
    table = make_report(settings, Request("sales"))
    assert re.search(r"^1 +Sold <out> .* 30\.00 ", table, re.MULTILINE)
    first, second, _ = csv.DictReader(io.StringIO(make_report(settings, Request("sales", "csv"))))
    assert (first["revenue_minor"], first["currency"]) == ("3000", "EUR")
    assert (first["starts_at"], first["first_sale_at"]) == ("2027-01-01T00:00:00.000Z", "2026-01-01T10:01:00.000Z")
    assert (second["name"], second["sold_out_at"]) == ("Quiet", "")
    body = json.loads(make_report(settings, Request("sales", "json", limit=1)))
    assert (body["report"], body["total_rows"], len(body["rows"])) == ("sales", 3, 1)
    assert body["rows"][0] | {"name": "Sold <out>", "revenue_minor": 3000} == body["rows"][0]
    for name in REPORTS:
        page = make_report(settings, Request(name, "html"))
        has_none = name in ("money", "sections", "rows", "declines", "exchanges", "codes", "waiting")
        assert ("<svg" in page) != has_none
        assert "<out>" not in page
        assert not re.search(r"""(?:src|href)\s*=\s*["']https?:""", re.sub(r"xlink:href=\"#", "", page))


def test_money_stands_beside_its_currency(sales: Postgres, settings: Settings) -> None:
    for name in REPORTS:
        (columns, *_) = csv.reader(io.StringIO(make_report(settings, Request(name, "csv"))))
        assert ("currency" in columns) == any(column.endswith("_minor") for column in columns), name


def test_days_of_a_period_begin_in_the_time_zone(sales: Postgres, settings: Settings) -> None:
    def hours(timezone: str, start: str, end: str) -> list[dict[str, str]]:
        text = make_report(settings, Request("hours", "csv", None, timezone, start, end))
        return list(csv.DictReader(io.StringIO(text)))

    assert [row["hour"] for row in hours("UTC", "2026-01-01", "2026-01-02")] == [
        "2026-01-01T10:00:00.000Z",
        "2026-01-01T11:00:00.000Z",
    ]
    assert hours("Pacific/Kiritimati", "2026-01-01", "2026-01-02") == []
    first, _ = hours("Pacific/Kiritimati", "2026-01-02", "2026-01-03")
    assert (first["hour"], first["local_hour"]) == ("2026-01-01T10:00:00.000Z", "2026-01-02T00:00:00.000")


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (Request("revenue", event_id=1), "about all events"),
        (Request("sales", timezone="Mars/Olympus"), "not an IANA time zone"),
        (Request("sales", timezone="../../etc/passwd"), "not an IANA time zone"),
        (Request("sales", start="tomorrow"), "give a day"),
        (Request("sales", start="2026-01-02", end="2026-01-02"), "must be after"),
    ],
)
def test_requests_that_make_no_sense(pool: Postgres, settings: Settings, request_: Request, told: str) -> None:
    with pytest.raises(UserError, match=told):
        make_report(settings, request_)


def test_a_name_is_no_formula_and_controls_no_terminal(settings: Settings, hostile_names: Postgres) -> None:
    text = make_report(settings, Request("sales", "csv"))
    cells = [row["name"] for row in csv.DictReader(io.StringIO(text, newline=""))][: len(_FORMULAS)]
    assert all(cell.startswith("'") for cell in cells), cells
    assert [cell[1:] for cell in cells] == [*_FORMULAS]
    assert not re.search("[\x80-\x9f\u202a-\u202e\x1b]", make_report(settings, Request("conversion")))


def test_pages_with_hostile_names_say_nothing_on_the_terminal(
    settings: Settings, hostile_names: Postgres, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    page = make_report(settings, Request("conversion", "html"))
    assert "$\\frac{1}{$ (11)" in page
    assert "新宿 (12)" in page
    assert (len(recwarn), capfd.readouterr()) == (0, ("", ""))


_FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "＝1")
_MANY_EVENTS = """
INSERT INTO events (id, name, starts_at) SELECT n, 'Matinee', '2027-01-01Z' FROM generate_series(1, 95) AS n;
INSERT INTO reservations
  (id, event_id, customer_id, status, details, digest, places, total_minor, created_at, expires_at)
SELECT n || '-a', n, 'anna', 'held', '{}', '', n, 0, now(), now() FROM generate_series(1, 95) AS n
"""
_HELD = """
INSERT INTO reservations
  (id, event_id, customer_id, status, details, digest, places, total_minor, created_at, expires_at)
SELECT id || '-a', id, 'anna', 'held', '{}', '', 1, 0, now(), now() FROM events WHERE id > 10
"""


@pytest.fixture
async def hostile_names(pool: Postgres) -> Postgres:
    """Names that are formulas (events 1 to 8), and names that a chart or a terminal might interpret (11 to 13)."""
    names = [*enumerate(_FORMULAS, 1), *enumerate(("$\\frac{1}{$", "新宿", "a\x9b31m\u202egnp.exe"), 11)]
    async with pool.connection() as connection:
        await connection.executemany("INSERT INTO events (id, name, starts_at) VALUES ($1, $2, '2027-01-01Z')", names)
        await connection.execute(_HELD)
    return pool
