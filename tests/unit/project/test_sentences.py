"""Sentences of at most 25 words in our pages, messages, docstrings and comments."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import yaml

from tests.support.prose import (
    MOST_WORDS,
    Text,
    block_comments,
    comments,
    docstrings,
    is_ours,
    messages,
    page_texts,
    too_long,
)

_FOLDERS = ("engine", "payments", "sync", "api", "cli")
_DOCUMENTED = (*_FOLDERS, "loadtest", "sdk", "tests")


_MARKS = {".sql": "--", ".js": "//", ".mjs": "//", ".ts": "//", ".yml": "#", ".toml": "#", ".conf": "#", ".sh": "#"}
_OTHERS = {"node_modules", "swagger_ui", "axe", "dist", "generated", ".venv", "schema.ts"}


def _report(repository: Path, file: Path, texts: Iterator[Text]) -> list[str]:
    name = file.relative_to(repository)
    return [f"{name}:{line}: {sentence}" for line, text in texts for sentence in too_long(text)]


def test_our_pages_have_short_sentences(repository: Path) -> None:
    pages = [*sorted(repository.glob("*.md")), *sorted((repository / "docs").rglob("*.md"))]
    assert len(pages) > 30
    found = [line for page in pages for line in _report(repository, page, page_texts(page.read_text(encoding="utf-8")))]
    assert not found, "\n".join(found)


def test_our_messages_have_short_sentences(repository: Path) -> None:
    files = [file for folder in _FOLDERS for file in sorted((repository / folder).rglob("*.py"))]
    assert len(files) > 200
    found = []
    for file in files:
        texts = messages(file.read_text(encoding="utf-8"))
        spoken = ((line, text) for line, text in texts if "\n" not in text and not text.isupper())
        found += _report(repository, file, spoken)
    assert not found, "\n".join(found)


def test_our_docstrings_and_comments_have_short_sentences(repository: Path) -> None:
    files = [file for folder in _DOCUMENTED for file in sorted((repository / folder).rglob("*.py"))]
    files = [file for file in files if is_ours(file)]
    assert len(files) > 800
    found = []
    for file in files:
        source = file.read_text(encoding="utf-8")
        found += _report(repository, file, docstrings(source)) + _report(repository, file, comments(source, "#"))
    assert not found, "\n".join(found)


def test_our_comments_in_lua_have_short_sentences(repository: Path) -> None:
    files = [*sorted((repository / "lua").glob("*.lua")), *sorted((repository / "tests").rglob("*.lua"))]
    assert len(files) > 80
    found = [line for file in files for line in _report(repository, file, comments(file.read_text("utf-8"), "--"))]
    assert not found, "\n".join(found)


def test_our_other_comments_have_short_sentences(repository: Path) -> None:
    files = [file for mark in _MARKS for file in _files_like(repository, mark)]
    assert len(files) > 200
    found = []
    for file in files:
        source, mark = file.read_text(encoding="utf-8"), _MARKS[file.suffix]
        found += _report(repository, file, comments(source, mark))
        if mark == "//":
            found += _report(repository, file, block_comments(source))
    assert not found, "\n".join(found)


def _files_like(repository: Path, suffix: str) -> list[Path]:
    """Our files of a kind, without those of others that we only keep."""
    files = [file for folder in (*_DOCUMENTED, "deploy") for file in sorted((repository / folder).rglob(f"*{suffix}"))]
    return [file for file in files if not _OTHERS & set(file.parts)]


def test_our_alerts_have_short_sentences(repository: Path) -> None:
    rules = yaml.safe_load((repository / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    texts = [text for group in rules["groups"] for rule in group["rules"] for text in rule["annotations"].values()]
    assert len(texts) > 20
    assert [sentence for text in texts for sentence in too_long(text)] == []


_LONG = " ".join(["word"] * (MOST_WORDS + 1))


@pytest.mark.parametrize(
    "page",
    [
        f"{_LONG}.",
        f"Short. {_LONG}.",
        f"- {_LONG}",
        f"| a | {_LONG} |",
        f"# {_LONG}",
        f"`a b` {_LONG[5:]}",
        f"word\n{_LONG[5:]}",
    ],
)
def test_the_rule_sees_every_part_of_a_page(page: str) -> None:
    assert [sentence for _, text in page_texts(page) for sentence in too_long(text)]


@pytest.mark.parametrize(
    "page",
    [
        f"```sh\n{_LONG}\n```",
        f"text\n\n    {_LONG}",
        f"`{_LONG}`",
        f"{_LONG[5:]}. {_LONG[5:]}.",
        f"- {_LONG[5:]}\n- {_LONG[5:]}",
    ],
)
def test_the_rule_leaves_code_and_short_sentences(page: str) -> None:
    assert not [sentence for _, text in page_texts(page) for sentence in too_long(text)]


@pytest.mark.parametrize(
    "source", [f'raise E("{_LONG}")', f'raise E(f"{_LONG[5:]} {{1}}")', f'x = ("{_LONG[5:]} " "word")']
)
def test_the_rule_sees_messages(source: str) -> None:
    assert [sentence for _, text in messages(source) for sentence in too_long(text)]


def test_docstrings_are_no_messages() -> None:
    assert list(messages('"""A docstring."""\nX = 1\n"""Of X."""\n')) == []


@pytest.mark.parametrize(
    "source",
    [
        f'"""{_LONG}."""',
        f'class Cart:\n    """Short.\n\n    {_LONG}.\n    """',
        f'LIMIT = 3\n"""Short.\n{_LONG}"""',
        f'def f():\n    """Short.\n\n    - {_LONG[:50]}\n      {_LONG[50:]}\n    """',
        f'def f():\n    """Short.\n\n    name    {_LONG}\n    """',
    ],
)
def test_the_rule_sees_docstrings(source: str) -> None:
    assert [sentence for _, text in docstrings(source) for sentence in too_long(text)]


@pytest.mark.parametrize(
    "source", [f'x = (\n    """\n    {_LONG}\n    """\n)', f'f(\n    1,\n    """{_LONG}""",\n)', f"# {_LONG}"]
)
def test_texts_in_three_quotes_are_docstrings_only_as_statements(source: str) -> None:
    assert not [sentence for _, text in docstrings(source) for sentence in too_long(text)]


@pytest.mark.parametrize(
    ("source", "mark"),
    [
        (f"x = 1  # {_LONG}", "#"),
        (f"#: {_LONG[:50]}\n# {_LONG[50:]}\nx = 1", "#"),
        (f"  -- {_LONG[:50]}\n  -- {_LONG[50:]}\n", "--"),
        (f"--- {_LONG}", "--"),
        (f"local x = 1 -- {_LONG}", "--"),
        (f"-- Keys      {_LONG[:50]}\n--           {_LONG[50:]}", "--"),
        (f"-- Arguments {_LONG[:50]}\n--           {_LONG[50:]}", "--"),
    ],
)
def test_the_rule_sees_comments(source: str, mark: str) -> None:
    assert [sentence for _, text in comments(source, mark) for sentence in too_long(text)]


@pytest.mark.parametrize(
    "source",
    [
        f"-- {_LONG[:80]}\n\n-- {_LONG[80:]}",
        f"-- Keys      {_LONG[:80]}\n-- Promise   {_LONG[80:]}",
        f"-- {_LONG[:80]}\n--   label: {_LONG[80:]}",
        f"-- Results   {{'a', b}}   {_LONG[:80]}\n--           {{'c'}}, {{'d'}}\n--           {{'e'}}   {_LONG[80:]}",
        f"-- {{'a', {_LONG}}}",
    ],
)
def test_the_rule_tells_parts_of_a_comment_apart(source: str) -> None:
    assert not [sentence for _, text in comments(source, "--") for sentence in too_long(text)]


_PLAIN_WORDS = {
    r"anew": "again",
    r"whoever": "the person or the part that is meant",
    r"nobody's": "without a customer, without an owner, not taken",
    r"(?:came|comes|become|becomes|became) of": "outcome, result",
    r"(?:is|are) to be": "must, will, or the verb alone",
    r"to be had": "available",
    r"(?:ran|run|runs) out(?! of)": "expired, ended",
    r"who asks": "the caller",
    r"the like": "the things themselves",
}
_ODD = re.compile(rf"\b(?:{'|'.join(_PLAIN_WORDS)})\b", re.IGNORECASE)


def _all_texts(repository: Path) -> Iterator[tuple[Path, Iterator[Text]]]:
    for page in [*sorted(repository.glob("*.md")), *sorted((repository / "docs").rglob("*.md"))]:
        yield page, page_texts(page.read_text(encoding="utf-8"))
    for folder in _DOCUMENTED:
        for file in sorted((repository / folder).rglob("*.py")):
            if is_ours(file):
                source = file.read_text(encoding="utf-8")
                yield file, chain(docstrings(source), comments(source, "#"))
    for file in sorted((repository / "lua").glob("*.lua")):
        yield file, comments(file.read_text(encoding="utf-8"), "--")


def test_our_words_are_plain(repository: Path) -> None:
    """Each odd phrase has a plain word beside it in _PLAIN_WORDS."""
    found = [
        f"{file.relative_to(repository)}:{line}: {word[0]}"
        for file, texts in _all_texts(repository)
        for line, text in texts
        if (word := _ODD.search(text))
    ]
    assert not found, "\n".join(found)


def test_the_rule_sees_block_comments() -> None:
    source = f"/**\n * {_LONG[:50]}\n * {_LONG[50:]}\n */\ncall();  /* {_LONG} */\n"
    assert len([sentence for _, text in block_comments(source) for sentence in too_long(text)]) == 2
