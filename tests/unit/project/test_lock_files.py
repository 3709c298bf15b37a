"""Lock files pin versions and hashes, and name no server: the person who installs chooses it."""

from pathlib import Path

import pytest

_LOCKS = ("requirements/*.txt", "tests/clients/package-lock.json", "sdk/typescript/package-lock.json")


def locks(repository: Path) -> list[Path]:
    return [path for pattern in _LOCKS for path in sorted(repository.glob(pattern))]


def test_lock_files_name_no_server(repository: Path) -> None:
    found = locks(repository)
    assert len(found) > len(_LOCKS)
    assert [path.name for path in found if "://" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("line", ['"url": "https://packages.example/one"', "--index-url http://packages.example"])
def test_an_address_is_noticed(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "a.txt").write_text(line, encoding="utf-8")
    (tmp_path / "requirements" / "b.txt").write_text("", encoding="utf-8")
    (tmp_path / "requirements" / "c.txt").write_text("", encoding="utf-8")
    with pytest.raises(AssertionError):
        test_lock_files_name_no_server(tmp_path)
