"""Rules of time zones come from the pinned package, whatever the machine has."""

import shutil
import zoneinfo  # noqa: TID251 - shows what the standard library would have told
from collections.abc import Iterator
from datetime import date, datetime, time
from importlib import resources
from pathlib import Path

import pytest

from engine import time_zones
from engine.time_zones import UnknownTimeZone, is_skipped, local_date, start_ms, time_zone

_HOUR_MS = 3_600_000


@pytest.fixture
def other_system_files(tmp_path: Path) -> Iterator[None]:
    """A machine whose own files say that Warsaw has the clocks of Tokyo."""
    (tmp_path / "Europe").mkdir()
    with resources.as_file(resources.files("tzdata") / "zoneinfo" / "Asia" / "Tokyo") as tokyo:
        shutil.copy(tokyo, tmp_path / "Europe" / "Warsaw")
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([tmp_path])
    zoneinfo.ZoneInfo.clear_cache()
    time_zones._load.cache_clear()
    yield
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()
    time_zones._load.cache_clear()


def test_files_of_the_system_change_nothing(other_system_files: None) -> None:
    noon = datetime(2027, 1, 10, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Warsaw"))
    assert noon.utcoffset() == datetime(2027, 1, 10, tzinfo=time_zone("Asia/Tokyo")).utcoffset(), "the control"
    told_ms = start_ms(time_zone("Europe/Warsaw"), date(2027, 1, 10), time(12))
    assert told_ms == round(datetime.fromisoformat("2027-01-10T11:00:00Z").timestamp() * 1000)


def test_every_zone_of_the_package_loads() -> None:
    names = (resources.files("tzdata") / "zones").read_text().split()
    assert len(names) > 300
    for name in names:
        if name != "Factory":
            assert str(time_zone(name)) == name


@pytest.mark.parametrize(
    "name",
    ["", "Mars", "europe/warsaw", "Factory", "localtime", "posix/UTC", "right/UTC", "../zones", "Europe", "/UTC"],
)
def test_invalid_time_zones(name: str) -> None:
    with pytest.raises(UnknownTimeZone, match="IANA"):
        time_zone(name)


def test_a_time_that_the_clocks_skip_or_show_twice() -> None:
    zone, spring, autumn = time_zone("Europe/Warsaw"), date(2027, 3, 28), date(2027, 10, 31)
    assert is_skipped(zone, spring, time(2, 30))
    assert not is_skipped(zone, spring, time(3))
    assert not is_skipped(zone, autumn, time(2, 30))
    assert start_ms(zone, autumn, time(3)) - start_ms(zone, autumn, time(2)) == 2 * _HOUR_MS, "the first of the two"


def test_the_local_date_begins_at_local_midnight() -> None:
    zone, day = time_zone("Pacific/Auckland"), date(2027, 6, 1)
    midnight_ms = start_ms(zone, day, time())
    assert local_date(zone, midnight_ms) == day
    assert local_date(zone, midnight_ms - 1) == date(2027, 5, 31)
