import re
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["server.txt", "runtime.txt", "extras.txt", "dev.txt"])
def test_every_package_is_pinned_with_hashes_and_no_index_is_named(repository: Path, name: str) -> None:
    text = (repository / "requirements" / name).read_text(encoding="utf-8")
    assert not re.search(r"://|index|find-links|@", text)
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) > 20
    for requirement in requirements:
        assert re.match(
            r"[a-z0-9-]+(\[[a-z,]+\])?==[^\s;]+( ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", requirement
        ), requirement


def test_both_files_agree(repository: Path) -> None:
    runtime, dev = (
        set(
            re.findall(
                r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", (repository / "requirements" / name).read_text(), re.MULTILINE
            )
        )
        for name in ("runtime.txt", "dev.txt")
    )
    assert runtime < dev
