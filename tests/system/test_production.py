"""The deployment page's commands, run as written on servers of the tests."""

import json
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.access.callers import Role
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.main import onsale
from cli.tokens import mint_token
from engine.settings import Settings
from tests.support.postgres_users import API, SYNC
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(120)

_END_SECONDS = 30
_DATABASE = "production"
_API_URL = "http://127.0.0.1:8080"  # the default port, which the page's commands name
_SETTINGS = Settings(jwt_secret="a secret of thirty-two bytes or more")
_EVENT = {
    "name": "Opening night",
    "starts_at": "2027-06-01T18:00:00Z",
    "status": "on_sale",
    "tickets": [{"ticket_type": "VIP", "price": {"amount": 30_000, "currency": "EUR"}, "capacity": 10}],
}


@pytest.fixture
def commands(repository: Path) -> list[str]:
    """migrate, library install, serve, sync."""
    page = (repository / "docs" / "deployment.md").read_text(encoding="utf-8")
    found = re.search(r"```sh\n(\.venv/bin/onsale migrate\n.*?)```", page, re.DOTALL)
    assert found
    return found[1].splitlines()


@pytest.fixture
def environ(valkey: EmbeddedValkey, postgres: EmbeddedPostgres, engine_settings: object) -> dict[str, str]:
    """Both servers as they are when nobody has used them yet."""
    return os.environ | {
        "ONSALE_REDIS_URL": valkey.url,
        "ONSALE_POSTGRES_URL": postgres.ensure_database(_DATABASE),
        "ONSALE_JWT_SECRET": _SETTINGS.jwt_secret,
    }


@contextmanager
def _running(command: str, cwd: Path, environ: dict[str, str], log_file: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of a deployment; its supervisor ends it by SIGTERM."""
    with log_file.open("wb") as log:
        process = subprocess.Popen(command.split(), cwd=cwd, env=environ, stdout=log, stderr=log)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(_END_SECONDS) == 0, log_file.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    entries = [json.loads(line) for line in log_file.read_text().splitlines()]
    assert not [entry for entry in entries if entry["level"] == "error"]


async def test_a_deployment_sells_and_ends_in_order(
    commands: list[str], repository: Path, environ: dict[str, str], postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if probe.connect_ex(("127.0.0.1", 8080)) == 0:
            pytest.skip("port 8080, which the page's commands use, is taken on this machine")
    migrate, install, serve, sync = commands
    for command in (migrate, install):
        subprocess.run(command.split(), cwd=repository, env=environ, check=True, timeout=60, capture_output=True)
    with ExitStack() as stack:
        for name, command, user in (("serve", serve, API), ("sync", sync, SYNC)):
            own = environ | {"ONSALE_POSTGRES_URL": postgres.url(_DATABASE, user)}
            stack.enter_context(_running(command, repository, own, tmp_path / name))
        await wait_until(lambda: _answers("/readyz"), timeout=30, what="readiness")
        event = _call("/v1/events", _EVENT)
        order = {"items": [{"ticket_id": event["tickets"][0]["id"], "quantity": 2}], "customer": {"id": "22"}}
        held = [_call("/v1/reservations", order)["id"] for _ in range(5)]
        await wait_until(lambda: len(_call("/v1/reservations")["items"]) == 5, what="all outcomes in Postgres")
        assert {one["id"] for one in _call("/v1/reservations")["items"]} == set(held)
        # Each worker publishes ten times a second.
        await wait_until(lambda: _requests_counted("/v1/reservations", 201) == 5, what="metrics of both workers")


def test_every_command_has_a_help_text() -> None:
    for name, command in onsale.commands.items():
        assert command.help, name


def _requests_counted(route: str, status: int) -> float:
    with urllib.request.urlopen(_request("/metrics"), timeout=5) as response:
        metrics = response.read().decode()
    counted = re.findall(
        rf'^onsale_requests_total{{.*route="{route}/?",status="{status}"}} (\S+)$', metrics, re.MULTILINE
    )
    return sum(map(float, counted))


def _answers(path: str) -> bool:
    try:
        with urllib.request.urlopen(_API_URL + path, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _call(path: str, body: Any = None) -> Any:
    """A GET, or a POST of JSON."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(_request(path, data), timeout=5) as response:
        return json.load(response)


def _request(path: str, data: bytes | None = None) -> urllib.request.Request:
    """One of a manager."""
    token = mint_token(_SETTINGS, Role.MANAGER, "boss", ttl_seconds=60)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    return urllib.request.Request(_API_URL + path, data, headers)
