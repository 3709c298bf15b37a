"""The runbook about alerts, as the console shows it: `python -m tests.support.console_runbook` writes the file."""

import json
import re
from pathlib import Path

Blocks = list[str | list[str]]
"""Paragraphs, and numbered lists of them. Code is between backticks; nothing else is marked up."""

REPOSITORY = Path(__file__).parents[2]
FILE = REPOSITORY / "api" / "console" / "page" / "runbook.json"

_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_EMPHASIS = re.compile(r"\*+([^*`]+)\*+")
_ITEM = re.compile(r"^\d+\. ", re.MULTILINE)


def paragraphs_of_alerts() -> dict[str, Blocks]:
    """The text of docs/runbook.md under the name of each alert."""
    runbook = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")
    alerts = runbook.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    sections = (section.partition("\n") for section in alerts.split("\n### ")[1:])
    return {name.strip(): [_block(each) for each in text.strip().split("\n\n")] for name, _, text in sections}


def _block(text: str) -> str | list[str]:
    plain = _EMPHASIS.sub(r"\1", _LINK.sub(r"\1", text))
    if _ITEM.match(plain):
        return [" ".join(item.split()) for item in _ITEM.split(plain)[1:]]
    return " ".join(plain.split())


def as_json() -> str:
    """The content of the file."""
    return json.dumps(paragraphs_of_alerts(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_json(), encoding="utf-8")
