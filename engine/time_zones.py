"""Time zones by the rules of the pinned `tzdata` package: the one source for everything that tells a local time.

The standard library prefers the files of the operating system, and Postgres has rules of its own. Where several are in
use, one slot has several instants. So nothing else loads a zone (ruff bans it), and SQL compares local times only.
"""

from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo

_NO_PLACES = frozenset({"Factory"})
"""Names that are listed among the zones but are not zones."""


class UnknownTimeZone(ValueError):
    """The name is not that of an IANA time zone, like Europe/Warsaw."""


def time_zone(name: str) -> tzinfo:
    """The rules of a zone by its IANA name. Raises UnknownTimeZone."""
    return _load(name)


def start_ms(zone: tzinfo, day: date, at: time) -> int:
    """The instant of a local date and time, in ms since 1970.

    The first, if the clocks show it twice. For a time that they skip: as if they were changed later.
    """
    return round(datetime.combine(day, at, tzinfo=zone).timestamp() * 1000)


def is_skipped(zone: tzinfo, day: date, at: time) -> bool:
    """True if the clocks never show this time on this date."""
    before = datetime.combine(day, at, tzinfo=zone)
    shown = datetime.fromtimestamp(before.timestamp(), zone)
    return shown.replace(tzinfo=None, fold=0) != before.replace(tzinfo=None)


def local_date(zone: tzinfo, instant_ms: int) -> date:
    """The date that the calendar shows in a zone at an instant, in ms since 1970."""
    return (datetime.fromtimestamp(instant_ms // 1000, zone) + timedelta(milliseconds=instant_ms % 1000)).date()


@cache
def _names() -> frozenset[str]:
    lines = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").splitlines()
    return frozenset(lines) - _NO_PLACES


@cache
def _load(name: str) -> tzinfo:
    if name not in _names():
        raise UnknownTimeZone(f"{name!r} is not an IANA time zone, like Europe/Warsaw")
    with _rules().joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _rules() -> Traversable:
    return resources.files("tzdata").joinpath("zoneinfo")
