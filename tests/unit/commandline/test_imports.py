import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGES = ("engine", "api", "sync", "cli")


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
        ("sync/postgres.py", "api.problems"),
        ("api/problems.py", "asyncpg"),
        ("api/problems.py", "cli.main"),
    ],
)
def test_an_import_the_other_way_is_found(copy: Path, module: str, imported: str) -> None:
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\nimport {imported}\n")
    linted = _lint(copy)
    assert linted.returncode == 1, linted.stdout
    assert "BROKEN" in linted.stdout


def _lint(directory: Path) -> "subprocess.CompletedProcess[str]":
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=directory, capture_output=True, text=True, check=False, timeout=60
    )
