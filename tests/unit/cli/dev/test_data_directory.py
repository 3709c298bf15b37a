"""The data of `onsale dev` has personal data in it, and servers without passwords: it is its owner's alone."""

import os
import stat
from pathlib import Path

from cli.dev.command import _owned


def test_a_new_data_directory_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with _owned(tmp_path / "data") as data_dir:
            assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    """It may be the home of other things, which others may read."""
    tmp_path.chmod(0o755)
    with _owned(tmp_path) as data_dir:
        assert stat.S_IMODE(data_dir.stat().st_mode) == 0o755
