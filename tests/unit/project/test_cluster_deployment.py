"""The files of a deployment on a cluster: containers, Kubernetes, and the users of the nodes."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cli.secrets_file import write_secrets
from tests.unit.project.test_deployment import check_command, check_settings

Manifest = dict[str, Any]


def manifests(repository: Path) -> Iterator[Manifest]:
    for file in sorted((repository / "deploy" / "kubernetes").glob("*.yml")):
        yield from yaml.safe_load_all(file.read_text(encoding="utf-8"))


def pods(repository: Path) -> dict[str, Manifest]:
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in manifests(repository)
        if one["kind"] in ("Deployment", "Job")
    }


def test_compose_takes_both_files(repository: Path, tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    assert program, "this test asks docker-compose: apt-get install docker-compose"
    write_secrets(tmp_path / ".env")
    files = ["-f", "docker-compose.yml", "-f", "docker-compose.cluster.yml"]
    command = [program, "--env-file", str(tmp_path / ".env"), *files, "config"]
    told = subprocess.run(command, cwd=repository, check=True, timeout=30, capture_output=True, text=True)
    services = yaml.safe_load(told.stdout)["services"]
    nodes = {name for name in services if name == "redis" or name.startswith("redis-")}
    assert len(nodes) == 6
    data = {
        name: [mount for mount in map(_mounted, services[name]["volumes"]) if mount[1] == "/data"] for name in nodes
    }
    assert len({mounts[0] for mounts in data.values() if len(mounts) == 1}) == 6, "each node has a volume of its own"
    assert {services[name]["environment"]["VALKEY_CLUSTER"] for name in nodes} == {"yes"}
    for name in ("api", "sync"):
        check_settings(services[name]["environment"])
        assert services[name]["environment"]["ONSALE_REDIS_URL"].count(":6379") == 3
        assert "cluster" in services[name]["depends_on"]


def _mounted(volume: Any) -> tuple[str, str]:
    """Source and target of a volume, which the releases of docker-compose show as text or by names."""
    if isinstance(volume, dict):
        return volume["source"], volume["target"]
    source, target = volume.split(":")[:2]
    return source, target


def test_pods_run_commands_and_settings_that_there_are(repository: Path) -> None:
    values = {
        one["metadata"]["name"]: one["data"] if one["kind"] == "ConfigMap" else one["stringData"]
        for one in manifests(repository)
        if one["kind"] in ("ConfigMap", "Secret")
    }
    found = pods(repository)
    assert {"onsale-api", "onsale-streams", "onsale-sync", "onsale-migrate"} == set(found)
    for pod in found.values():
        (container,) = pod["containers"]
        check_command(container["args"])
        sources = [reference["name"] for source in container["envFrom"] for reference in source.values()]
        own = {each["name"]: each["value"] for each in container.get("env", [])}
        check_settings(own | {name: value for source in sources for name, value in values[source].items()})
    found["onsale-sync"]["containers"][0]["args"].append("--prot")
    with pytest.raises(click.UsageError):
        check_command(found["onsale-sync"]["containers"][0]["args"])


def test_pods_have_no_rights_that_they_do_not_use(repository: Path) -> None:
    dockerfile = (repository / "Dockerfile").read_text(encoding="utf-8")
    for pod in pods(repository).values():
        assert pod["securityContext"]["runAsNonRoot"]
        assert f"--uid {pod['securityContext']['runAsUser']}" in dockerfile
        (container,) = pod["containers"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


def test_servers_are_probed_and_kept_while_nodes_are_drained(repository: Path) -> None:
    budgets = {one["metadata"]["name"] for one in manifests(repository) if one["kind"] == "PodDisruptionBudget"}
    for name in ("onsale-api", "onsale-streams", "onsale-sync"):
        assert name in budgets
        (container,) = pods(repository)[name]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] != "/readyz", "a Redis that is away restarts no process"
        assert {port["name"] for port in container["ports"]} >= {container["livenessProbe"]["httpGet"]["port"]}


def test_manifests_are_as_the_schema_has_them(repository: Path) -> None:
    """Runs if the validator is installed: its schemas are 100 MB, too much for everybody who runs the tests."""
    validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    for manifest in manifests(repository):
        validate.validate(manifest, validate.latest_version(), strict=True)
