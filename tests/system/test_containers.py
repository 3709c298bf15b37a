"""The commands of docker-compose.yml with its variables, as plain processes: what is in the containers.

They are forked. That `onsale` itself can be started with such commands is shown by test_production.py.
"""

import os
import re
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from cli.secrets_file import write_secrets
from tests.support.postgres_users import API, SYNC
from tests.support.system.forked_child import ForkedChild
from tests.support.system.process_stack import acl_for_tests
from tests.support.waiting import wait_until
from tests.system.conftest import Database

_READY_SECONDS = 60
_TIMEOUT = aiohttp.ClientTimeout(total=5)

_POSTGRES_USERS = {
    "migrate": ("onsale", "POSTGRES_PASSWORD"),
    "api": (API, "POSTGRES_API_PASSWORD"),
    "sync": (SYNC, "POSTGRES_SYNC_PASSWORD"),
}
_HERE = {"onsale": "postgres"}
"""The owner of the tables has another name on the server of the tests."""

_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::[-?][^}]*)?\}")


class Containers:
    """The services, with other addresses and ports than in their network."""

    def __init__(
        self,
        repository: Path,
        secrets: dict[str, str],
        valkey: EmbeddedValkey,
        database: Database,
        folder: Path,
    ) -> None:
        compose: dict[str, Any] = yaml.safe_load((repository / "docker-compose.yml").read_text(encoding="utf-8"))
        self._services = compose["services"]
        self.secrets = secrets
        self.ports = {port: str(free_port()) for port in ("8080", "8090", "9100")}
        self._server, self._database = database
        self._replaced = {
            "@redis:6379": f"@{LOOPBACK}:{valkey.port}",
            "http://gateway:8090": f"http://{LOOPBACK}:{self.ports['8090']}",
            "/var/lib/onsale": str(folder),
        }
        self._folder = folder

    def child(self, name: str) -> Child:
        """The process of a service: its command and its variables."""
        service = self._services[name]
        command = [self._here(part) for part in service["command"]]
        ours = {variable: self._here(value) for variable, value in service["environment"].items()}
        if name in _POSTGRES_USERS:
            user, password = _POSTGRES_USERS[name]
            asked = f"postgresql://{user}:{self.secrets[password]}@postgres:5432/onsale"
            assert ours["ONSALE_POSTGRES_URL"] == asked
            ours["ONSALE_POSTGRES_URL"] = self._server.url(self._database, _HERE.get(user, user))
        environ = {variable: value for variable, value in os.environ.items() if not variable.startswith("ONSALE_")}
        assert command[0] == "onsale"
        several = "--workers" in command
        log_file = self._folder / f"{name}.log"
        return ForkedChild(name, command[1:], log_file, environ=environ | ours, shared_metrics=several)

    def _here(self, text: str) -> str:
        text = _VARIABLE.sub(lambda match: self.secrets.get(match[1], "info"), text)
        for there, here in self._replaced.items():
            text = text.replace(there, here)
        return self.ports.get(text, text)


async def _status(url: str) -> int:
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError):
        return 0


async def test_the_commands_of_the_containers_sell(repository: Path, database: Database, tmp_path: Path) -> None:
    acl_file = tmp_path / "users.acl"
    write_secrets(tmp_path / ".env")
    secrets = dict(re.findall(r"^(\w+)=(.*)$", (tmp_path / ".env").read_text(encoding="utf-8"), re.MULTILINE))
    acl_file.write_text(acl_for_tests(secrets["REDIS_PASSWORD"]), encoding="utf-8")
    with EmbeddedValkey(tmp_path / "valkey", tmp_path / "valkey.log", acl_file=acl_file) as valkey:
        containers = Containers(repository, secrets, valkey, database, tmp_path)
        api = f"http://{LOOPBACK}:{containers.ports['8080']}"
        children = [containers.child(name) for name in ("migrate", "gateway", "sync", "api")]
        try:
            for child in children:
                child.start()
            await wait_until(lambda: _is(f"{api}/readyz", 200), _READY_SECONDS, "the api container is healthy")
            metrics = f"http://{LOOPBACK}:{containers.ports['9100']}/metrics"
            await wait_until(lambda: _is(metrics, 200), _READY_SECONDS, "the sync container is healthy")
            assert await _status(f"{api}/v1/tickets") == 200
            assert await _status(f"{api}/v1/statistics/events") == 401, "tokens are asked for"
            await wait_until(lambda: not children[0].running, _READY_SECONDS, "migrate ends")
            assert all(child.running for child in children[1:])
        finally:
            for child in reversed(children):
                child.stop()


async def _is(url: str, status: int) -> bool:
    return await _status(url) == status
