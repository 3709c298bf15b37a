"""Sentences of pages, messages, docstrings and comments, and how long they may be."""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

MOST_WORDS = 25
_OTHERS = {"node_modules", "generated", "dist", ".venv"}

Text = tuple[int, str]
"""A line's number and the text that begins there."""

_CODE = re.compile(r"`+[^`]*`+|\]\([^)]*\)|https?://\S+|\{(?:[^{}]|\{[^{}]*\})*\}")
_CODES = re.compile(r"code(?:, code)+")
_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+| · ")
_ITEM = re.compile(r"(?:[-*+]|\d+\.)\s+(.*)")
_TRIPLE_QUOTED = re.compile(r'"""(.*?)"""', re.DOTALL)
_BLOCK = re.compile(r"/\*\*?(.*?)\*/", re.DOTALL)
_STAR = re.compile(r"^\s*\* ?")
_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")
_LABEL = re.compile(r"[\w.,` ]+: ")
_HEADING = re.compile(r"(?:Command|Keys|Arguments|Promise|Returns|Results|Facts) ")


def is_ours(file: Path) -> bool:
    """False for packages and generated files, which are beside ours once the clients were built."""
    return not _OTHERS & set(file.parts)


def too_long(text: str) -> list[str]:
    """The sentences that are too long. A piece of code, a list of such pieces, or an address counts as one word."""
    spoken = _CODE.sub(lambda found: "code" if found[0][0] != "]" else "", text)
    sentences = _END.split(_CODES.sub("code", spoken))
    return [each for each in sentences if sum(bool(re.search(r"\w", word)) for word in each.split()) > MOST_WORDS]


def page_texts(page: str) -> Iterator[Text]:
    """The paragraphs, items, headings and cells of a page in Markdown. Code is left out."""
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


def messages(source: str) -> Iterator[Text]:
    """The messages of a Python file: its strings, without docstrings and texts of several lines."""
    tree = ast.parse(source)
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(value) for value in node.values}
            yield node.lineno, "".join(str(v.value) if isinstance(v, ast.Constant) else "value" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


def whole_docstrings(source: str) -> Iterator[Text]:
    """The docstrings of a Python file, of what it assigns, too: its strings in three quotes that are statements."""
    for found in _TRIPLE_QUOTED.finditer(source):
        before, _, indent = source[: found.start()].rpartition("\n")
        if not indent.strip() and before.rstrip()[-1:] not in tuple("(,[{="):
            first = source.count("\n", 0, found.start()) + 1
            yield first, inspect.cleandoc(found[1])


def docstrings(source: str) -> Iterator[Text]:
    """The paragraphs and items of the docstrings of a Python file."""
    for first, text in whole_docstrings(source):
        yield from _paragraphs(enumerate(text.splitlines(), first))


def comments(source: str, mark: str) -> Iterator[Text]:
    """The paragraphs and items of the comments of a file in which `mark` begins a comment.

    Comments on lines of their own are joined.
    """
    own, behind = re.compile(rf"\s*{mark}+ ?(.*)"), re.compile(rf"(?<=\S) +{mark} (.*)")
    block: list[Text] = []
    for number, line in enumerate([*source.splitlines(), ""], 1):
        comment = own.match(line)
        if comment:
            block.append((number, comment[1]))
            continue
        yield from _paragraphs(block)
        block = []
        if mark in line and (comment := behind.search(line)):
            yield number, comment[1]


def block_comments(source: str) -> Iterator[Text]:
    """The paragraphs and items of the comments between `/*` and `*/`."""
    for found in _BLOCK.finditer(source):
        lines = [_STAR.sub("", line) for line in found[1].splitlines()]
        yield from _paragraphs(enumerate(lines, source.count("\n", 0, found.start()) + 1))


def _paragraphs(lines: Iterable[Text]) -> Iterator[Text]:
    """Joins lines to paragraphs. An item, a labelled line and a row of a table each begin one."""
    block: list[str] = []
    start, column = 0, 0
    for number, line in lines:
        text = line.strip()
        depth = len(line) - len(line.lstrip())
        row, item = _GAP.split(text), _ITEM.match(text)
        begins = len(row) > 1 or item or _HEADING.match(text) or (depth > 1 and _LABEL.match(text))
        if block and (begins or not text or depth < column):
            yield start, " ".join(block)
            block = []
        if text:
            text = item[1] if item else row[-1]
            if not block:
                start, column = number, len(line.rstrip()) - len(text)
            block.append(text)
    if block:
        yield start, " ".join(block)
