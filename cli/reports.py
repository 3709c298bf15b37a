"""`onsale report`: a report as a table for the eye, as CSV for a spreadsheet, as a page with a plot."""

import asyncio
import csv
import io
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cli.complaints import Complaint
from cli.plots import plot_svg
from engine.settings import Settings
from engine.words import CURRENCY
from sync.postgres import Postgres, PostgresAway
from sync.reports import REPORTS, Report, Rows, read_report

_MINOR = "_minor"


class Column(NamedTuple):
    """A column as people read it."""

    title: str
    figure: bool


def make_report(settings: Settings, name: str, event_id: int | None, form: str, limit: int) -> str:
    """The report of that name as text of that form: `table`, `csv` or `html`.

    Raises Complaint if Postgres cannot be asked, or the report is not about single events.
    """
    report = REPORTS[name]
    try:
        rows = asyncio.run(_read(settings, report, event_id, limit))
    except PostgresAway as error:
        raise Complaint(
            f"Postgres cannot be asked: {error}; check ONSALE_POSTGRES_URL, run `onsale migrate`"
        ) from error
    except ValueError as error:
        raise Complaint(str(error)) from error
    if form == "csv":
        return _csv(rows)
    if form == "html":
        return _page(report, event_id, rows)
    return _table(rows)


async def _read(settings: Settings, report: Report, event_id: int | None, limit: int) -> Rows:
    async with Postgres(settings) as postgres:
        return await read_report(postgres, report, event_id, limit)


def _csv(rows: Rows) -> str:
    """As the views have it: money in minor units, times as RFC 3339."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows(
        [value.isoformat() if isinstance(value, datetime) else value for value in row] for row in rows.values
    )
    return text.getvalue()


def _table(rows: Rows) -> str:
    columns, cells = _columns(rows), _cells(rows)
    widths = [max(len(column.title), *(len(row[number]) for row in cells), 0) for number, column in enumerate(columns)]
    lines = [[column.title for column in columns], ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column.figure else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    )


def _page(report: Report, event_id: int | None, rows: Rows) -> str:
    from jinja2 import Environment, PackageLoader  # noqa: PLC0415  # only pages need it

    template = Environment(loader=PackageLoader("cli", "pages"), autoescape=True).get_template("report.html")
    return template.render(
        title=report.title,
        subject="all events" if event_id is None else f"event {event_id}",
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        plot=plot_svg(report.plot, rows),
        columns=_columns(rows),
        rows=_cells(rows),
    )


def _columns(rows: Rows) -> list[Column]:
    return [
        Column(
            name.replace(_MINOR, f"_{CURRENCY}").replace("_", " "),
            all(isinstance(row[number], int | float | None) for row in rows.values) and not name.endswith("_id"),
        )
        for number, name in enumerate(rows.columns)
    ]


def _cells(rows: Rows) -> list[list[str]]:
    return [[_text(name, value) for name, value in zip(rows.columns, row, strict=True)] for row in rows.values]


def _text(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column.endswith(_MINOR):
        return f"{value // 100}.{value % 100:02}"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
