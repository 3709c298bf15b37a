"""Sentences of at most 25 words, in our pages and in the messages of our programs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

MOST_WORDS = 25
_FOLDERS = ("engine", "payments", "sync", "api", "cli")
_UNSPOKEN = re.compile(r"`+[^`]*`+|\]\([^)]*\)|https?://\S+")
_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+| · ")
_ITEM = re.compile(r"(?:[-*+]|\d+\.)\s+(.*)")


def blocks(page: str) -> Iterator[tuple[int, str]]:
    """Line and text of each paragraph, item, heading and cell of a page in Markdown. Code is left out."""
    lines = re.sub(r"^ *```.*?^ *```$", _blank, page, flags=re.MULTILINE | re.DOTALL).splitlines()
    block: list[str] = []
    start, before, indented = 0, "", False
    for number, line in enumerate([*lines, ""], 1):
        text, item = line.strip(), _ITEM.match(line.strip())
        indented = line.startswith("    ") and not block and (indented or not before.strip())
        if block and (not text or item or text.startswith(("#", "|", ">"))):
            yield start, " ".join(block)
            block = []
        if text.startswith("|"):
            yield from ((number, cell) for cell in re.split(r"(?<!\\)\|", text))
        elif text and not indented:
            start = start if block else number
            block.append(item[1] if item else text.lstrip("#> "))
        before = line


def _blank(code: re.Match[str]) -> str:
    return "\n" * code[0].count("\n")


def messages(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of the messages in Python: its strings, but docstrings and texts of several lines."""
    tree = ast.parse(source)
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(value) for value in node.values}
            yield node.lineno, "".join(str(v.value) if isinstance(v, ast.Constant) else "value" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


def too_long(text: str) -> list[str]:
    """The sentences that are too long. What is code, or an address, is one word."""
    sentences = _END.split(_UNSPOKEN.sub(lambda found: "code" if found[0][0] != "]" else "", text))
    return [each for each in sentences if sum(bool(re.search(r"\w", word)) for word in each.split()) > MOST_WORDS]


def _report(repository: Path, file: Path, texts: Iterator[tuple[int, str]]) -> list[str]:
    name = file.relative_to(repository)
    return [f"{name}:{line}: {sentence}" for line, text in texts for sentence in too_long(text)]


def test_our_pages_have_short_sentences(repository: Path) -> None:
    pages = [*sorted(repository.glob("*.md")), *sorted((repository / "docs").rglob("*.md"))]
    assert len(pages) > 30
    found = [line for page in pages for line in _report(repository, page, blocks(page.read_text(encoding="utf-8")))]
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
    assert [sentence for _, text in blocks(page) for sentence in too_long(text)]


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
    assert not [sentence for _, text in blocks(page) for sentence in too_long(text)]


@pytest.mark.parametrize(
    "source", [f'raise E("{_LONG}")', f'raise E(f"{_LONG[5:]} {{1}}")', f'x = ("{_LONG[5:]} " "word")']
)
def test_the_rule_sees_messages(source: str) -> None:
    assert [sentence for _, text in messages(source) for sentence in too_long(text)]


def test_the_rule_leaves_docstrings() -> None:
    assert list(messages('"""A docstring."""\nX = 1\n"""Of X."""\n')) == []
