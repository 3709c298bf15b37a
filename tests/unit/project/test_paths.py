"""Files, folders and names that our pages, docstrings and comments mention are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.prose import comments, docstrings, is_ours

_FOLDERS = ("engine", "payments", "sync", "api", "cli", "loadtest", "lua", "tests", "docs", "deploy", "sdk")
_PATH = re.compile(rf"(?<![\w/.:<$-])((?:{'|'.join(_FOLDERS)})/[\w./-]++)(?!\*)")
_LUA = re.compile(r"(?<![\w/.-])(\d\d_\w+\.lua)")
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"`(_?[a-z]+_\w+|[A-Z]{4,}(?:_[A-Z]+)*)`")
_MAPS = ("README.md", "CONTRIBUTING.md", "docs/architecture.md")
"""The pages that lead people through the code."""


def missing(repository: Path, text: str) -> list[str]:
    """The paths that a text mentions and that are not there."""
    paths = [path.rstrip("./") for path in _PATH.findall(text)]
    paths += [f"lua/{name}" for name in _LUA.findall(text)]
    return [path for path in paths if not (repository / path).exists()]


def _pages(repository: Path) -> Iterator[tuple[Path, str]]:
    for page in [*repository.glob("*.md"), *(repository / "docs").rglob("*.md"), repository / "sdk" / "README.md"]:
        yield page, _BLOCK.sub("", page.read_text(encoding="utf-8"))


def _sources(repository: Path) -> Iterator[tuple[Path, str]]:
    for folder in _FOLDERS:
        for file in (repository / folder).rglob("*.py"):
            if is_ours(file):
                source = file.read_text(encoding="utf-8")
                yield (
                    file,
                    "\n".join(text for texts in (docstrings(source), comments(source, "#")) for _, text in texts),
                )
    for file in (repository / "lua").glob("*.lua"):
        yield file, "\n".join(text for _, text in comments(file.read_text(encoding="utf-8"), "--"))


def test_paths_in_our_pages_are_there(repository: Path) -> None:
    pages = list(_pages(repository))
    assert sum(len(_PATH.findall(text)) for _, text in pages) > 100
    found = [(str(page.relative_to(repository)), path) for page, text in pages for path in missing(repository, text)]
    assert found == []


def test_paths_in_docstrings_and_comments_are_there(repository: Path) -> None:
    sources = list(_sources(repository))
    assert sum(len(_PATH.findall(text)) + len(_LUA.findall(text)) for _, text in sources) > 150
    found = [(str(file.relative_to(repository)), path) for file, text in sources for path in missing(repository, text)]
    assert found == []


def test_names_in_the_maps_of_the_code_are_there(repository: Path) -> None:
    files = [
        file
        for folder in _FOLDERS[:8]
        for kind in ("py", "lua", "sql")
        for file in (repository / folder).rglob(f"*.{kind}")
    ]
    code = set(re.findall(r"\w+", "\n".join(file.read_text(encoding="utf-8") for file in files)))
    for page in _MAPS:
        names = set(_NAME.findall((repository / page).read_text(encoding="utf-8")))
        fields = {name: name.removeprefix("ONSALE_").lower() for name in names if name.startswith("ONSALE_")}
        assert {name for name in names if fields.get(name, name) not in code} == set(), page


def test_the_map_of_folders_is_complete(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE))
    ignored = {line.strip("/") for line in (repository / ".gitignore").read_text(encoding="utf-8").splitlines()}
    here = {path.name for path in repository.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    assert named == here - ignored


@pytest.mark.parametrize(
    "text", ["see `engine/nothing.py`", "(lua/99_nothing.lua)", "as in 99_nothing.lua", "the folder `api/nothing/`."]
)
def test_a_path_that_is_not_there_is_found(repository: Path, text: str) -> None:
    assert missing(repository, text)


@pytest.mark.parametrize(
    "text", ["`engine/engine.py`.", "lua/00_library.lua", "sync/sql/read_*.sql", "/v1/api/nothing"]
)
def test_paths_that_are_there_and_patterns_are_not_reported(repository: Path, text: str) -> None:
    assert missing(repository, text) == []
