"""Sales by hour and by day of any time zone, summed from quarters of an hour.

Every time zone in use begins its hours and days at a quarter of an hour of UTC. The rules of time zones are those of
Python, so that Postgres' own cannot differ from them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from sync.read_models.report_rows import Rows

_SALES = ("reservations", "places", "revenue_minor", "refunded_minor")
_MONEY = (
    *("charges", "charged_minor", "refunds", "refunded_minor"),
    *("partial_refunds", "partly_refunded_minor", "refunded_places"),
)


class Summed(NamedTuple):
    """Rows of a report about time: names of columns, and values in the order of time."""

    columns: list[str]
    values: list[tuple[Any, ...]]


def sum_by_period(over: str, quarters: Rows, zone: tzinfo) -> Summed:
    """Rows of a view by quarters of an hour (sales or money) as rows of hours and events, or of days."""
    names = _MONEY if "charges" in quarters.columns else _SALES
    sums: dict[tuple[Any, ...], list[int]] = {}
    figures = [quarters.columns.index(name) for name in names]
    instant, event, currency = map(quarters.columns.index, ("starts_at", "event_id", "currency"))
    for row in quarters.values:
        if over == "hour":
            key: tuple[Any, ...] = (hour_of(row[instant], zone), row[event], row[currency])
        else:
            key = (row[instant].astimezone(zone).date(), row[currency])
        total = sums.setdefault(key, [0] * len(figures))
        for place, number in enumerate(figures):
            total[place] += row[number]
    if over == "hour":
        return Summed(["hour", "event_id", "currency", *names], [(*key, *sums[key]) for key in sorted(sums)])
    if names is _MONEY:
        columns = ["day", "currency", *names, "net_minor"]
        net = {key: figures[1] - figures[3] for key, figures in sums.items()}
        return Summed(columns, [(*key, *sums[key], net[key]) for key in sorted(sums)])
    columns = ["day", "currency", "reservations", "gross_minor", "refunded_minor", "net_minor"]
    days = [
        (*key, reservations, gross, refunded, gross - refunded)
        for key, (reservations, _places, gross, refunded) in sorted(sums.items())
    ]
    return Summed(columns, days)


def hour_of(at: datetime, zone: tzinfo) -> datetime:
    """The beginning, as an instant of UTC, of the hour that the clocks of a zone show at an instant."""
    local = at.astimezone(zone)
    return at.astimezone(UTC) - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def with_gaps(over: str, moments: Sequence[Any], zone: tzinfo) -> list[Any]:
    """All hours or days from the first to the last of `moments`, those without sales too."""
    return list(_hours(moments[0], moments[-1], zone) if over == "hour" else _days(moments[0], moments[-1]))


def _hours(first: datetime, last: datetime, zone: tzinfo) -> Iterator[datetime]:
    while first <= last:
        yield first
        # The clocks may be set between two hours, by half an hour too.
        first = hour_of(first + timedelta(hours=1), zone)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
