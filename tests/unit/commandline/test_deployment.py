"""What the files of a deployment name is there: commands, options, settings, ports, paths, secrets."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cli.main import onsale
from engine.settings import PREFIX, load_settings

Services = dict[str, dict[str, Any]]

_VARIABLE = re.compile(r"\$\{([A-Z_]+)")


class OnceEach(yaml.SafeLoader):
    """Refuses a file that says something twice, as `docker compose` does and PyYAML does not."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [key.value for key, _ in node.value if key.value != "<<"]
        twice = sorted({name for name in names if names.count(name) > 1})
        assert not twice, f"{twice} twice, line {node.start_mark.line + 1}"
        return super().construct_mapping(node, deep)


@pytest.fixture
def services(repository: Path) -> Services:
    text = (repository / "docker-compose.yml").read_text(encoding="utf-8")
    compose: dict[str, Services] = yaml.load(text, OnceEach)  # noqa: S506  # a SafeLoader
    return compose["services"]


def check_command(command: list[str]) -> None:
    """Raises click.UsageError unless `onsale` takes these arguments."""
    assert command[0].endswith("onsale"), command
    context = onsale.make_context("onsale", command[1:], resilient_parsing=False)
    name, found, arguments = onsale.resolve_command(context, command[1:])
    assert found is not None
    found.make_context(name, arguments, parent=context)


def check_settings(environment: dict[str, str]) -> None:
    """Raises ValueError for a variable of ours that is unknown or out of range."""
    ours = {name: _VARIABLE.sub("x", value) for name, value in environment.items() if name.startswith(PREFIX)}
    load_settings({**ours, f"{PREFIX}LOG_LEVEL": "info"})


def test_a_wrong_command_is_noticed() -> None:
    with pytest.raises(click.UsageError):
        check_command(["onsale", "serve", "--prot", "8080"])
    with pytest.raises(ValueError, match="settings"):
        check_settings({"ONSALE_REDIS": "redis://redis"})


def test_what_is_said_twice_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"environment.*line 1"):
        yaml.load("environment: {A: 1}\nenvironment: {B: 2}", OnceEach)  # noqa: S506  # a SafeLoader


def test_containers_run_commands_and_settings_that_there_are(services: Services) -> None:
    ours = {name: service for name, service in services.items() if service["image"].startswith("onsale")}
    assert {"migrate", "api", "sync", "gateway", "locust"} <= set(ours)
    for service in ours.values():
        check_command(service["command"])
        check_settings(service["environment"])


def test_compose_takes_the_file(repository: Path) -> None:
    program = shutil.which("docker-compose")
    assert program, "this test asks docker-compose: apt-get install docker-compose"
    command = [program, "--env-file", "deploy/example.env", "config", "--quiet"]
    subprocess.run(command, cwd=repository, check=True, timeout=30)


def test_containers_mount_what_is_in_the_repository(services: Services, repository: Path) -> None:
    mounts = [mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])]
    paths = [mount for mount in mounts if mount.startswith(".")]
    assert paths
    assert [path for path in paths if not (repository / path).is_dir()] == []


def test_every_secret_of_the_containers_is_in_the_example(repository: Path) -> None:
    wanted = set(re.findall(r"\$\{([A-Z_]+):\?", (repository / "docker-compose.yml").read_text(encoding="utf-8")))
    example = (repository / "deploy" / "example.env").read_text(encoding="utf-8")
    assert sorted(wanted) == sorted(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))


def test_the_image_has_every_package(repository: Path) -> None:
    dockerfile = (repository / "Dockerfile").read_text(encoding="utf-8")
    copied = {
        source for line in re.findall(r"^COPY (?!--)(.*) \S+$", dockerfile, re.MULTILINE) for source in line.split()
    }
    assert [source for source in copied if not (repository / source).exists()] == []
    packages = re.search(
        r"^packages = (\[.*\])$", (repository / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert packages
    assert set(yaml.safe_load(packages[1])) <= {source.rstrip("/") for source in copied}
    ignored = (repository / ".dockerignore").read_text(encoding="utf-8")
    assert [source for source in copied if f"!{source}" not in ignored.splitlines()] == []
    commands = re.findall(r"^CMD (.*)$", dockerfile, re.MULTILINE)
    assert commands
    for command in commands:
        check_command(yaml.safe_load(command))


def test_units_run_commands_and_settings_that_there_are(repository: Path) -> None:
    folder = repository / "deploy" / "systemd"
    units, read = sorted(folder.glob("*.service")), set[str]()
    assert units
    for unit in units:
        text = unit.read_text(encoding="utf-8")
        commands = re.findall(r"^ExecStart(?:Pre)?=(.*)$", text, re.MULTILINE)
        assert commands
        for command in commands:
            check_command(shlex.split(command))
        check_settings(dict(line.split("=", 1) for line in re.findall(r"^Environment=(.*)$", text, re.MULTILINE)))
        for path in re.findall(r"^EnvironmentFile=/etc/onsale/(.*)$", text, re.MULTILINE):
            read.add(path)
            lines = [line for line in (folder / path).read_text(encoding="utf-8").splitlines() if line[0] != "#"]
            given = dict(line.split("=", 1) for line in lines)
            assert len(given) == len(lines), f"{path} says something twice"
            check_settings(given)
    assert read == {path.name for path in folder.glob("*.env")}


def test_every_alert_is_in_the_runbook(repository: Path) -> None:
    alerts = yaml.safe_load((repository / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    names = [rule["alert"] for group in alerts["groups"] for rule in group["rules"]]
    runbook = (repository / "docs" / "runbook.md").read_text(encoding="utf-8")
    section = runbook.partition("## Alerts\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^### (\w+)$", section, re.MULTILINE)) == sorted(names)
