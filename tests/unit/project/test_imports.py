import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

_PACKAGES = ("engine", "payments", "api", "sync", "cli")
_WRONG = [
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
]
"""A module, and what it may not import."""

_MISPLACED = "api/misplaced.py"

# Each trial changes one file for a fork, which has imported the linter already.
_PROGRAM = """
import json, os, sys
from pathlib import Path
from importlinter.cli import lint_imports

results = []
for number, (module, line) in enumerate(json.load(sys.stdin)):
    file = Path(module)
    before = file.read_text() if file.exists() else None
    file.write_text((before or "") + line)
    said = Path(f"said-{number}")
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 1)
        status = lint_imports(no_cache=True)
        sys.stdout.flush()
        os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    results.append([status, said.read_text()])
    file.unlink() if before is None else file.write_text(before)
print(json.dumps(results))
"""


class Linted(NamedTuple):
    """The status and the words of the linter."""

    status: int
    said: str


@pytest.fixture(scope="module")
def linted(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Linted]:
    """The result for a copy of our packages, by the file that was changed and the line that was added."""
    copy = tmp_path_factory.mktemp("imports")
    for package in _PACKAGES:
        shutil.copytree(repository / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "pyproject.toml", copy)
    changes = [("engine/ids.py", ""), (_MISPLACED, ""), *((module, _line(imported)) for module, imported in _WRONG)]
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps(changes),
        cwd=copy,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {change: Linted(*result) for change, result in zip(changes, json.loads(ran.stdout), strict=True)}


def _line(imported: str) -> str:
    return f"\nimport {imported}\n"


def test_imports_go_one_way(linted: dict[tuple[str, str], Linted]) -> None:
    assert linted["engine/ids.py", ""].status == 0, linted["engine/ids.py", ""].said


@pytest.mark.parametrize(("module", "imported"), _WRONG)
def test_an_import_the_other_way_is_found(linted: dict[tuple[str, str], Linted], module: str, imported: str) -> None:
    status, said = linted[module, _line(imported)]
    assert status == 1, said
    assert "BROKEN" in said


def test_a_new_file_without_a_floor_is_found(linted: dict[tuple[str, str], Linted]) -> None:
    status, said = linted[_MISPLACED, ""]
    assert status == 1, said
    assert "misplaced" in said
