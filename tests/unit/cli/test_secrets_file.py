"""A deployment begins with secrets that nobody else knows."""

import os
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.errors import UserError
from cli.main import onsale
from cli.secrets_file import SECRETS, write_secrets


def read(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_each_secret_is_random_and_fits_into_a_url(tmp_path: Path) -> None:
    write_secrets(tmp_path / "a.env")
    write_secrets(tmp_path / "b.env")
    values = [*read(tmp_path / "a.env").values(), *read(tmp_path / "b.env").values()]
    assert len(set(values)) == 2 * len(SECRETS)
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in values)


def test_the_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_secrets(tmp_path / ".env")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REDIS_PASSWORD=in-use\n", encoding="utf-8")
    with pytest.raises(UserError, match="--output"):
        write_secrets(tmp_path / ".env")
    assert read(tmp_path / ".env") == {"REDIS_PASSWORD": "in-use"}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError):
        write_secrets(tmp_path / ".env")
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        write_secrets(tmp_path / "nowhere" / ".env")


def test_the_command_shows_no_secret(tmp_path: Path) -> None:
    result = CliRunner().invoke(onsale, ["secrets", "--output", str(tmp_path / ".env")])
    assert result.exit_code == 0, result.output
    assert not [value for value in read(tmp_path / ".env").values() if value in result.output]


def test_the_secrets_are_those_of_the_containers(repository: Path) -> None:
    compose = (repository / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(SECRETS) == set(re.findall(r"\$\{([A-Z_]+):\?", compose))
