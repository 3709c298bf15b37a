"""The commands in README and docs exist with their options. That they work is shown in tests/system."""

import re
import shlex
from pathlib import Path

import click
import pytest

from cli.main import onsale


def _commands(page: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(onsale [^`]+)` \|", page, re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line] + rows


@pytest.fixture
def commands(repository: Path) -> list[str]:
    pages = [repository / "README.md", *sorted((repository / "docs").glob("*.md"))]
    return [command for page in pages for command in _commands(page.read_text(encoding="utf-8"))]


def test_make_targets_are_there(repository: Path, commands: list[str]) -> None:
    targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = {shlex.split(command)[1] for command in commands if command.startswith("make ")}
    assert {"dev", "test"} <= used <= targets


def test_onsale_commands_and_their_options_are_there(commands: list[str]) -> None:
    parsed = set()
    for command in commands:
        if Path(command.split()[0]).name == "onsale":
            parsed.add(_parse(shlex.split(command)[1:]))
    assert parsed == {
        "dev", "serve", "streams", "sync", "migrate", "library install", "library check", "audit", "restore",
        "loadtest", "report", "gateway", "token", "secrets", "export", "codes make", "codes list", "codes export",
    }  # fmt: skip


def test_defaults_in_the_table_of_commands_are_the_defaults(commands: list[str]) -> None:
    for name in ("dev", "serve", "streams", "gateway"):
        given = next(shlex.split(command)[2:] for command in commands if command.startswith(f"onsale {name} "))
        command = onsale.commands[name]
        context = command.make_context(name, [])
        assert command.make_context(name, list(given)).params == context.params


def _parse(arguments: list[str]) -> str:
    """The command that click finds, having accepted all options; fails as click does."""
    names: list[str] = []
    command: click.Command = onsale
    while isinstance(command, click.Group):
        names.append(arguments.pop(0))
        command = command.commands[names[-1]]
    command.make_context(names[-1], arguments)
    return " ".join(names)
