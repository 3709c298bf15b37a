"""The first words of docstrings and of comments in Lua: a noun phrase or an imperative, never a clause as a subject."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.prose import is_ours, whole_docstrings

_FOLDERS = ("engine", "payments", "sync", "api", "cli", "loadtest", "sdk", "tests")
_FIRST_WORDS = ("What", "Who", "Where", "How", "Whether", "From", "For", "Those")
_RIDDLE = re.compile(rf"\s*(?:{'|'.join(_FIRST_WORDS)})\b")


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of the first line of each comment in Lua."""
    before = ""
    for number, line in enumerate(source.splitlines(), 1):
        found = re.match(r"\s*--(.*)", line)
        if found and not before.lstrip().startswith("--"):
            yield number, found[1]
        before = line


def hits(repository: Path) -> list[str]:
    found = [file for folder in _FOLDERS for file in sorted((repository / folder).rglob("*.py"))]
    files = [(file, whole_docstrings) for file in found if is_ours(file)]
    files += [(file, comments) for file in sorted((repository / "lua").glob("*.lua"))]
    assert len(files) > 200
    return [
        f"{file.relative_to(repository)}:{line}: {text.strip().splitlines()[0]}"
        for file, texts in files
        for line, text in texts(file.read_text(encoding="utf-8"))
        if _RIDDLE.match(text)
    ]


def test_docstrings_begin_with_a_noun_phrase_or_an_imperative(repository: Path) -> None:
    found = hits(repository)
    assert not found, "first words that hide the subject:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "source",
    [
        '"""What it is."""',
        'class Cart:\n    """Where a cart stands."""',
        'class Cart:\n    async def is_open(self):\n        """Whether it is open."""',
        'LIMIT = 3\n"""How many there may be."""',
    ],
)
def test_the_rule_sees_every_kind_of_docstring(source: str) -> None:
    assert [bool(_RIDDLE.match(text)) for _, text in whole_docstrings(source)] == [True]


def test_the_rule_sees_the_first_line_of_a_comment_in_lua() -> None:
    source = "-- What may be taken.\n-- How it comes back.\nlocal x = 1\n  -- Whether it is.\n"
    assert [line for line, text in comments(source) if _RIDDLE.match(text)] == [1, 4]
