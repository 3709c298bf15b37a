"""Nothing but engine/time_zones.py has rules of time zones."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

_FOLDERS = ("engine", "payments", "api", "sync", "cli", "loadtest")
_RULES_OF_OTHERS = re.compile(r"\.astimezone\(\)|\btzlocal\b|time\.localtime|AT TIME ZONE|\btimezone\(")
"""Local times of the machine, and those that Postgres works out."""


def test_no_statement_and_no_code_tells_a_local_time_by_other_rules(repository: Path) -> None:
    found = []
    for path in (file for folder in _FOLDERS for file in (repository / folder).rglob("*")):
        if path.suffix not in {".py", ".sql"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if _RULES_OF_OTHERS.search(line):
                found.append(f"{path.relative_to(repository)}:{number}: {line.strip()}")
    assert found == []


@pytest.mark.parametrize("line", ["import zoneinfo", "from zoneinfo import ZoneInfo", "from dateutil import tz"])
def test_the_linter_refuses_another_source(repository: Path, line: str) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", "api/other.py", "--select", "TID251", "-"],
        input=f"{line}\n",
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "TID251" in checked.stdout, checked


def test_the_pattern_finds_what_it_is_for() -> None:
    for line in ("at.astimezone()", "(starts_at AT TIME ZONE e.timezone)::date", "timezone('UTC', now())"):
        assert _RULES_OF_OTHERS.search(line)
