"""`onsale report`: a report as a table for the eye, as CSV or JSON for programs, as a page with charts."""

import asyncio
import csv
import io
import json
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any, NamedTuple

from cli.errors import UserError
from cli.reports.cells import columns_of, instant_text, plain, spreadsheet_row, texts_of
from cli.reports.charts import BARS_SHOWN, charts_of
from engine.settings import Settings
from engine.time_zones import UnknownTimeZone, time_zone
from sync.postgres import Postgres, PostgresAway
from sync.read_models.report_rows import Rows
from sync.read_models.reports import REPORTS, Answer, Query, read_report


class Request(NamedTuple):
    """The options of the command line.

    `start` and `end` are days or instants; days begin in `timezone`.
    """

    name: str
    form: str = "table"
    event_id: int | None = None
    timezone: str = "UTC"
    start: str | None = None
    end: str | None = None
    limit: int = 1000


def make_report(settings: Settings, request: Request) -> str:
    """The report as text of the form that is asked for.

    Raises UserError if Postgres cannot be asked, or the request makes no sense.
    """
    query = _query(request)
    try:
        answer = asyncio.run(_read(settings, request, query))
    except PostgresAway as error:
        raise UserError(
            f"Postgres does not answer: {error}; check ONSALE_POSTGRES_URL, run `onsale migrate`"
        ) from error
    except ValueError as error:
        raise UserError(str(error)) from error
    if request.form == "html":
        return _page(request, query, answer)
    rows = _with_local_hours(answer.rows, query)
    if request.form == "csv":
        return _csv(rows)
    return _json(request, query, rows) if request.form == "json" else _table(rows, query)


async def _read(settings: Settings, request: Request, query: Query) -> Answer:
    async with Postgres(settings) as postgres:
        charted = BARS_SHOWN if request.form == "html" else 0
        return await read_report(postgres, request.name, query, charted)


def _query(request: Request) -> Query:
    try:
        zone = time_zone(request.timezone)
    except UnknownTimeZone as error:
        raise UserError(f"--tz: {error}") from error
    start, end = _moment("--from", request.start, zone), _moment("--to", request.end, zone)
    if start is not None and end is not None and start >= end:
        raise UserError("--to must be after --from: it is the first day or instant after the period")
    return Query(request.event_id, start, end, zone, request.limit)


def _moment(option: str, text: str | None, zone: tzinfo) -> datetime | None:
    """The beginning of a day on the clocks of the zone, or an instant."""
    if text is None:
        return None
    try:
        if len(text) == len("2027-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), zone)
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{option} {text}: give a day like 2027-01-31 or an instant like 2027-01-31T20:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _with_local_hours(rows: Rows, query: Query) -> Rows:
    """Beside hours, which are instants, the local time at which they begin, unless it is the same."""
    if "hour" not in rows.columns or query.zone is time_zone("UTC"):
        return rows
    place = rows.columns.index("hour") + 1
    local = [hour.astimezone(query.zone).replace(tzinfo=None) for hour in rows.column("hour")]
    return Rows(
        [*rows.columns[:place], "local_hour", *rows.columns[place:]],
        [(*row[:place], hour, *row[place:]) for row, hour in zip(rows.values, local, strict=True)],
        rows.total,
    )


def _csv(rows: Rows) -> str:
    """As the views have it: money in minor units beside its currency, times in UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180; a return within a text is quoted only so
    writer.writerow(rows.columns)
    writer.writerows(map(spreadsheet_row, rows.values))
    return text.getvalue()


def _json(request: Request, query: Query, rows: Rows) -> str:
    """The same as CSV, with what was asked."""
    body: dict[str, Any] = {
        "report": request.name,
        "event_id": query.event_id,
        "from": None if query.start is None else instant_text(query.start),
        "to": None if query.end is None else instant_text(query.end),
        "timezone": request.timezone,
        "made_at": instant_text(datetime.now(UTC)),
        "total_rows": rows.total,
        "rows": [dict(zip(rows.columns, map(plain, row), strict=True)) for row in rows.values],
    }
    return json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _table(rows: Rows, query: Query) -> str:
    columns, cells = columns_of(rows), texts_of(rows, query.zone)
    widths = [max(len(column.title), *(len(row[number]) for row in cells), 0) for number, column in enumerate(columns)]
    lines = [[column.title for column in columns], ["-" * width for width in widths], *cells]
    text = [
        "  ".join(
            text.rjust(width) if column.kind == "figure" else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    ]
    if rows.total > len(rows.values):
        text.append(f"{len(rows.values)} of {rows.total} rows; --limit shows more")
    return "\n".join(text)


def _page(request: Request, query: Query, answer: Answer) -> str:
    from jinja2 import Environment, PackageLoader  # noqa: PLC0415  # only pages need it

    rows = answer.rows
    template = Environment(loader=PackageLoader("cli.reports", "pages"), autoescape=True).get_template("report.html")
    return template.render(
        title=REPORTS[request.name].title,
        subject="all events" if query.event_id is None else f"event {query.event_id}",
        period=_period_text(query),
        timezone=request.timezone,
        made_at=f"{datetime.now(query.zone):%Y-%m-%d %H:%M:%S}",
        charts=charts_of(answer, query.zone),
        columns=columns_of(rows),
        rows=texts_of(rows, query.zone),
        total=rows.total,
    )


def _period_text(query: Query) -> str:
    """`from 2027-01-01 00:00 to before 2027-02-01 00:00`."""
    bounds = [
        f"{word} {instant.astimezone(query.zone):%Y-%m-%d %H:%M}"
        for word, instant in (("from", query.start), ("to before", query.end))
        if instant is not None
    ]
    return " ".join(bounds)
