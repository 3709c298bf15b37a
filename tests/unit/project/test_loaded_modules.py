"""Modules that a process does not load before it needs them: loading is most of the time that a start takes."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("cli.main", ["aiohttp", "redis", "uvloop", "gunicorn"]),
        ("api.app", ["fpdf", "numpy", "PIL"]),
        ("sync.worker", ["api", "gunicorn", "fpdf"]),
    ],
)
def test_modules_for_later_are_loaded_later(repository: Path, module: str, unwanted: list[str]) -> None:
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(unwanted)!r}))"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.split() == []
