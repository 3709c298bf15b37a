import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGES = ("engine", "payments", "api", "sync", "cli")


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    for package in _PACKAGES:
        shutil.copytree(repository / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_go_one_way(copy: Path) -> None:
    linted = _lint(copy)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("engine/ids.py", "sync.postgres"),
        ("engine/ids.py", "aiohttp"),
        ("sync/postgres.py", "api.http.problems"),
        ("api/http/problems.py", "asyncpg"),
        ("api/http/problems.py", "cli.main"),
        ("api/http/problems.py", "engine.results"),
        ("api/sales/carts.py", "api.timed.bookings"),
        ("api/sales/carts.py", "sync.worker"),
        ("payments/gateway.py", "asyncpg"),
        ("engine/ids.py", "engine.engine"),
    ],
)
def test_an_import_the_other_way_is_found(copy: Path, module: str, imported: str) -> None:
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\nimport {imported}\n")
    linted = _lint(copy)
    assert linted.returncode == 1, linted.stdout
    assert "BROKEN" in linted.stdout


def test_a_new_file_without_a_floor_is_found(copy: Path) -> None:
    (copy / "api" / "misplaced.py").write_text("", encoding="utf-8")
    linted = _lint(copy)
    assert linted.returncode == 1, linted.stdout
    assert "misplaced" in linted.stdout


def _lint(directory: Path) -> "subprocess.CompletedProcess[str]":
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=directory, capture_output=True, text=True, check=False, timeout=60
    )
