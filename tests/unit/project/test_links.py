"""Links between our pages lead somewhere, to the heading that they name."""

import re
from pathlib import Path

_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)")


def test_links_of_our_pages_lead_somewhere(repository: Path) -> None:
    pages = [*repository.glob("*.md"), *(repository / "docs").rglob("*.md"), *(repository / "sdk").glob("**/README.md")]
    pages = [page for page in pages if "node_modules" not in page.parts]
    assert len(pages) > 20
    broken = [
        f"{page.relative_to(repository)}: {path}#{heading}"
        for page in pages
        for path, heading in _LINK.findall(_without_code(page.read_text(encoding="utf-8")))
        if not _leads_somewhere(page, path, heading)
    ]
    assert broken == []


def _leads_somewhere(page: Path, path: str, heading: str) -> bool:
    target = (page.parent / path) if path else page
    return target.exists() and (not heading or target.suffix != ".md" or heading in _headings(target))


def _headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    lines = _without_code(page.read_text(encoding="utf-8")).splitlines()
    texts = [line.lstrip("#").strip().lower() for line in lines if re.match(r"#+ ", line)]
    return {re.sub(r"[^\w\- ]", "", text).replace(" ", "-") for text in texts}


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
