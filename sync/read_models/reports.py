"""Reports of `onsale report` and its charts: what is read from the views of the schema `reporting`.

Figures that the API serves over HTTP are in `statistics.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sync.read_models.report_periods import sum_by_period
from sync.read_models.report_rows import Rows

if TYPE_CHECKING:  # so that the command line knows the names of reports without waiting for a driver to load
    from collections.abc import Sequence
    from datetime import tzinfo

    from sync.postgres import Connection, Postgres


_WORK_MEMORY = "32MB"
"""Of Postgres, for a report. Tables of groups may be twice as large: enough for those of a million reservations."""


class Chart(NamedTuple):
    """The content of a report's chart: the figures `of` each row.

    `bars`: a bar for each of the largest rows, its figures stacked. `line`: a line over the time in column `over`.
    `label` names a row for people, and `ids` are the columns that tell rows of equal names apart.
    """

    kind: Literal["bars", "line"]
    of: Sequence[str]
    label: str = ""
    ids: Sequence[str] = ()
    over: str = ""


class Report(NamedTuple):
    """A question that is asked often. `view_of_event`: what answers it for one event; None: it is about all of them.

    `period` says what a period selects: reservations that were `made` in it, `paid` in it, or slots that `start` in it.
    """

    title: str
    view: str
    view_of_event: str | None
    order: str
    chart: Chart
    period: Literal["made", "paid", "start"] = "made"
    chart_of_event: Chart | None = None


_SALES = ("sold", "held", "expired", "cancelled", "refunded")

REPORTS = {
    "sales": Report(
        "Sales by event",
        "sales_by_event",
        "sales_by_event",
        "event_id",
        Chart("bars", _SALES, "name", ("event_id",)),
    ),
    "types": Report(
        "Sales by ticket type",
        "sales_by_ticket_type",
        "sales_by_ticket",
        "ticket_type",
        Chart("bars", ("revenue_minor",), "ticket_type"),
        chart_of_event=Chart("bars", ("revenue_minor",), "ticket_type", ("ticket_id",)),
    ),
    "hours": Report(
        "Sales by hour",
        "sales_by_quarter_hour",
        "sales_by_quarter_hour",
        "starts_at, event_id, currency",
        Chart("line", ("places",), over="hour"),
        "paid",
    ),
    "customers": Report(
        "Sales by customer",
        "sales_by_customer",
        "sales_by_customer",
        "revenue_minor DESC, event_id, customer_id",
        Chart("bars", ("revenue_minor",), "customer_id", ("event_id",)),
    ),
    "revenue": Report(
        "Revenue by day",
        "sales_by_quarter_hour",
        None,
        "starts_at, event_id, currency",
        Chart("line", ("net_minor",), over="day"),
        "paid",
    ),
    "conversion": Report(
        "Outcomes of holds",
        "hold_conversion",
        "hold_conversion",
        "event_id",
        Chart("bars", ("paid", "open", "expired", "cancelled", "refunded"), "name", ("event_id",)),
    ),
    "sellout": Report(
        "Time to sell out",
        "time_to_sell_out",
        "time_to_sell_out",
        "event_id",
        Chart("bars", ("seconds_to_sell_out",), "name", ("event_id",)),
    ),
    "refunds": Report(
        "What expired and what was paid back",
        "expiry_and_refund",
        "expiry_and_refund",
        "event_id",
        Chart(
            "bars",
            ("expired_reservations", "cancelled_reservations", "refunded_reservations"),
            "name",
            ("event_id",),
        ),
    ),
    "money": Report(
        "Money by the day on which it came or went",
        "money_by_quarter_hour",
        "money_by_quarter_hour",
        "starts_at, event_id, currency",
        Chart("line", ("net_minor",), over="day"),
        "paid",
    ),
    "sections": Report(
        "Sales by section",
        "sales_by_section",
        "sales_by_section",
        "event_id, section_id, currency",
        Chart("bars", ("sold", "held"), "section", ("event_id", "section_id")),
    ),
    "rows": Report(
        "Sales by row of seats",
        "sales_by_row",
        "sales_by_row",
        'event_id, section_id, "row", currency',
        Chart("bars", ("sold", "held"), "row", ("event_id", "section")),
    ),
    "payments": Report(
        "Time from the hold to the payment",
        "time_to_pay",
        "time_to_pay",
        "event_id",
        Chart("bars", ("seconds_p90",), "name", ("event_id",)),
    ),
    "declines": Report(
        "Payments that failed, by reason",
        "declines_by_reason",
        "declines_by_reason",
        "event_id, reason, currency",
        Chart("bars", ("attempts",), "reason", ("event_id",)),
    ),
    "minutes": Report(
        "Holds by minute",
        "holds_by_minute",
        "holds_by_minute",
        "minute, event_id",
        Chart("bars", ("holds",), "minute", ("event_id",)),
    ),
    "exchanges": Report(
        "Exchanges",
        "exchanges",
        "exchanges",
        "exchanged_at, exchange_id",
        Chart("bars", ("places_after",), "reservation_id", ("event_id",)),
    ),
    "slots": Report(
        "Bookings by slot",
        "bookings_by_slot",
        "bookings_by_slot",
        "slot_starts_at, event_id",
        Chart("bars", ("bookings",), "name", ("event_id", "slot_local_time")),
        "start",
    ),
    "waiting": Report(
        "Waiting lists",
        "waiting_list",
        "waiting_list",
        "event_id, ticket_id",
        Chart("bars", ("waiting", "offered", "taken"), "ticket_type", ("event_id",)),
    ),
    "codes": Report(
        "Use of codes",
        "code_use",
        "code_use",
        "event_id, code",
        Chart("bars", ("uses",), "code", ("event_id",)),
    ),
    "doors": Report(
        "Entries and no-shows",
        "no_shows",
        "no_shows",
        "event_id, ticket_id",
        Chart("bars", ("came", "no_shows"), "ticket_type", ("event_id",)),
    ),
}
"""By the name that `onsale report` takes."""


class Query(NamedTuple):
    """The query of a report: one event or all, a period without its end, the time zone of days and hours."""

    event_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    zone: tzinfo = UTC
    limit: int = 1000


class Answer(NamedTuple):
    """The rows of a report, and those that its charts show: the `charted` largest for bars, all for a line.

    There is one chart; of money there is one for each currency, because amounts of two cannot be compared.
    """

    chart: Chart
    rows: Rows
    charted: dict[str, Rows]
    """By currency; of other things under the empty text."""


async def read_report(postgres: Postgres, name: str, query: Query, charted: int = 0) -> Answer:
    """At most `limit` rows of a report, and at most `charted` of the largest for its bars.

    Raises ValueError if it has no rows of one event. Raises PostgresAway.
    """
    report = REPORTS[name]
    if query.event_id is not None and report.view_of_event is None:
        raise ValueError(f"{report.title} is about all events: ask without one")
    chart = report.chart if query.event_id is None else report.chart_of_event or report.chart
    async with postgres.transaction() as connection:
        # Table and chart come from one snapshot.
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        await connection.execute(f"SET LOCAL work_mem = '{_WORK_MEMORY}'")
        if report.period == "made":
            for setting, instant in (("report_from", query.start), ("report_to", query.end)):
                text = "" if instant is None else instant.isoformat()
                await connection.execute("SELECT set_config($1, $2, true)", f"onsale.{setting}", text)
        if chart.kind == "line":
            summed = sum_by_period(chart.over, await _fetch(connection, report, query, report.order), query.zone)
            rows = Rows(summed.columns, summed.values, len(summed.values))
            return Answer(chart, rows._replace(values=rows.values[: query.limit]), _by_currency(chart, rows))
        rows = await _page(connection, report, query, report.order, query.limit)
        largest = await _largest(connection, report, query, chart, charted) if charted else {}
        return Answer(chart, rows, largest)


def _is_money(chart: Chart) -> bool:
    return chart.of[0].endswith("_minor")


def _by_currency(chart: Chart, rows: Rows) -> dict[str, Rows]:
    if not _is_money(chart):
        return {"": rows}
    own = rows.columns.index("currency")
    currencies = sorted(set(rows.column("currency")))
    return {each: rows._replace(values=[row for row in rows.values if row[own] == each]) for each in currencies}


async def _largest(connection: Connection, report: Report, query: Query, chart: Chart, charted: int) -> dict[str, Rows]:
    size = " + ".join(f"coalesce({column}, 0)" for column in chart.of)
    order = f"{size} DESC, {report.order}"
    if not _is_money(chart):
        return {"": await _page(connection, report, query, order, charted)}
    condition, arguments = _wanted(report, query)
    sql = f"SELECT DISTINCT currency FROM {_view(report, query)} {condition} ORDER BY currency"  # noqa: S608  # names of ours
    return {
        currency: await _page(connection, report, query, order, charted, currency)
        for (currency,) in await connection.fetch(sql, *arguments)
    }


async def _page(
    connection: Connection, report: Report, query: Query, order: str, limit: int, currency: str | None = None
) -> Rows:
    rows = await _fetch(connection, report, query, order, limit, currency)
    if len(rows.values) < limit:
        return rows
    wanted, arguments = _wanted(report, query, currency)
    total = await connection.fetchval(f"SELECT count(*) FROM {_view(report, query)} {wanted}", *arguments)  # noqa: S608  # names of ours
    return rows._replace(total=total)


async def _fetch(
    connection: Connection,
    report: Report,
    query: Query,
    order: str,
    limit: int | None = None,
    currency: str | None = None,
) -> Rows:
    wanted, arguments = _wanted(report, query, currency)
    sql = f"SELECT * FROM {_view(report, query)} {wanted} ORDER BY {order} LIMIT ${len(arguments) + 1}"  # noqa: S608  # names of ours
    statement = await connection.prepare(sql)
    rows = await statement.fetch(*arguments, limit)
    columns = [column.name for column in statement.get_attributes()]
    return Rows(columns, [tuple(row) for row in rows], len(rows))


def _view(report: Report, query: Query) -> str:
    return f"reporting.{report.view if query.event_id is None else report.view_of_event}"


def _wanted(report: Report, query: Query, currency: str | None = None) -> tuple[str, list[Any]]:
    """The condition of a query, and its arguments. All words are those of REPORTS."""
    wanted: list[tuple[str, Any]] = [("event_id =", query.event_id), ("currency =", currency)]
    column = {"paid": "starts_at", "start": "slot_starts_at"}.get(report.period)
    if column:
        wanted += [(f"{column} >=", query.start), (f"{column} <", query.end)]
    given = [(comparison, value) for comparison, value in wanted if value is not None]
    conditions = [f"{comparison} ${number}" for number, (comparison, _) in enumerate(given, 1)]
    return f"WHERE {' AND '.join(conditions)}" if conditions else "", [value for _, value in given]
