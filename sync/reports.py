"""Reports: what is read from the views of the schema `reporting`, and how it is best looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:  # so that the command line knows the names of reports without waiting for a driver to load
    from collections.abc import Sequence

    from sync.postgres import Postgres


_WORK_MEMORY = "32MB"
"""Of Postgres, for a report. Tables of groups may be twice as large: enough for those of a million reservations."""


class Plot(NamedTuple):
    """What a picture of a report shows: columns of figures over a column of names or instants."""

    kind: Literal["bars", "stacked bars", "line"]
    over: str
    of: Sequence[str]


class Report(NamedTuple):
    """A question that is asked often. `view_of_event`: what answers it for one event; None: it is about all of them."""

    title: str
    view: str
    view_of_event: str | None
    order: str
    plot: Plot


REPORTS = {
    "sales": Report(
        "Sales by event",
        "sales_by_event",
        "sales_by_event",
        "event_id",
        Plot("stacked bars", "name", ("sold", "held", "expired", "cancelled", "refunded")),
    ),
    "types": Report(
        "Sales by ticket type",
        "sales_by_ticket_type",
        "sales_by_ticket",
        "ticket_type",
        Plot("bars", "ticket_type", ("revenue_minor",)),
    ),
    "hours": Report(
        "Sales by hour", "sales_by_hour", "sales_by_hour", "hour, event_id", Plot("line", "hour", ("places",))
    ),
    "customers": Report(
        "Sales by customer",
        "sales_by_customer",
        "sales_by_customer",
        "revenue_minor DESC, event_id, customer_id",
        Plot("bars", "customer_id", ("revenue_minor",)),
    ),
    "revenue": Report("Revenue by day", "revenue", None, "day", Plot("bars", "day", ("net_minor",))),
    "conversion": Report(
        "What became of the holds",
        "hold_conversion",
        "hold_conversion",
        "event_id",
        Plot("stacked bars", "name", ("paid", "open", "expired", "cancelled", "refunded")),
    ),
    "sellout": Report(
        "Time to sell out",
        "time_to_sell_out",
        "time_to_sell_out",
        "event_id",
        Plot("bars", "name", ("seconds_to_sell_out",)),
    ),
    "refunds": Report(
        "What expired and what was paid back",
        "expiry_and_refund",
        "expiry_and_refund",
        "event_id",
        Plot("stacked bars", "name", ("expired_reservations", "cancelled_reservations", "refunded_reservations")),
    ),
    "slots": Report(
        "Bookings by slot",
        "bookings_by_slot",
        "bookings_by_slot",
        "slot_starts_at, event_id",
        Plot("bars", "slot_local_time", ("bookings",)),
    ),
}
"""By the name that `onsale report` takes."""


class Rows(NamedTuple):
    """An answer: names of columns, and values that are int, float, str, date, aware datetime or None."""

    columns: list[str]
    values: list[tuple[Any, ...]]


async def read_report(postgres: Postgres, report: Report, event_id: int | None, limit: int) -> Rows:
    """At most `limit` rows of a report, of one event or of all. Raises ValueError if it has no rows of one event.

    Raises PostgresAway.
    """
    if event_id is not None and report.view_of_event is None:
        raise ValueError(f"{report.title} is about all events: ask without one")
    view = report.view if event_id is None else report.view_of_event
    wanted, arguments = ("", [limit]) if event_id is None else ("WHERE event_id = $2 ", [limit, event_id])
    sql = f"SELECT * FROM reporting.{view} {wanted}ORDER BY {report.order} LIMIT $1"  # noqa: S608  # words of REPORTS
    async with postgres.transaction() as connection:
        await connection.execute(f"SET LOCAL work_mem = '{_WORK_MEMORY}'")
        statement = await connection.prepare(sql)
        rows = await statement.fetch(*arguments)
        return Rows([column.name for column in statement.get_attributes()], [tuple(row) for row in rows])
