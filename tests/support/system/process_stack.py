"""Onsale's processes as a user starts them, each to be killed and started again by its name.

    valkey, postgres      run from the beginning; Valkey is the stack's own, Postgres is lent to it
    gateway, sync, api    run when a test starts them

Onsale's processes have the Redis user and the Postgres users of production, with only the rights that they need.
Everything listens on a free port. What the processes print is kept in the directory of the stack.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self

import aiohttp
import asyncpg
import msgspec

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey, postgres_programs
from cli.dev.embedded_cluster import EmbeddedCluster
from cli.ports import LOOPBACK, free_port
from engine.redis_keys import SLOTS, slot_of, spread_keys
from engine.settings import PREFIX, Settings
from tests.support.postgres_users import API, SYNC
from tests.support.system.forked_child import ForkedChild
from tests.support.waiting import wait_until

_PATIENCE_SECONDS = 60
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_LOG_LINES = 25
_ONSALE = Path(sys.executable).with_name("onsale")


_USERS = {"api": API, "sync": SYNC, "audit": SYNC}
"""The Postgres users of processes; all else is the owner of the database, as tests are themselves."""

_ACL_FILE = Path(__file__).parents[3] / "deploy" / "valkey" / "users.acl"


def acl_for_tests(password: str) -> str:
    """The users of production, with this password; tests themselves look and break as the default user."""
    acl = _ACL_FILE.read_text(encoding="utf-8").replace("PASSWORD_SHA256", sha256(password.encode()).hexdigest())
    return acl.replace("user default off", "user default on nopass ~* &* +@all")


class Ended(NamedTuple):
    """The end of a command, and all that it printed."""

    status: int
    output: str


class Stack:
    """The processes. A context manager: nothing of it runs afterwards, whatever happened."""

    def __init__(self, directory: Path, postgres: EmbeddedPostgres, database: str) -> None:
        self._directory = directory
        self._logs = directory / "logs"
        self._logs.mkdir()
        acl_file, password = directory / "users.acl", token_urlsafe(16)
        acl_file.write_text(acl_for_tests(password), encoding="utf-8")
        self.valkey = EmbeddedValkey(directory / "valkey", self._logs / "valkey.log", acl_file=acl_file)
        self.gateway_file = directory / "gateway.db"
        self._gateway_port, self._api_port = free_port(), free_port()
        self.settings = Settings(
            redis_url=self.valkey.url.replace("//", f"//onsale:{password}@"),
            postgres_url=postgres.url(database),
            gateway_url=f"http://{LOOPBACK}:{self._gateway_port}",
            sync_metrics_port=free_port(),
            auth="off",
        )
        self.api_workers = 1
        self._children = {"valkey": self.valkey.child, "postgres": postgres.child}

    def __enter__(self) -> Self:
        self.valkey.start()
        return self

    def __exit__(self, *_: object) -> None:
        for name, child in reversed(self._children.items()):
            if name != "postgres":
                child.kill()
        shutil.rmtree(self._directory / "valkey", ignore_errors=True)

    def redis_urls(self) -> list[str]:
        """The URLs of all servers with data, for tests, which may do everything there."""
        return [self.valkey.url]

    def redis_url_of(self, _key: str) -> str:
        """The URL of the server that has a key."""
        return self.valkey.url

    def key(self, partition: int, name: str) -> str:
        """A key of a partition."""
        return f"{{p{partition:02}}}:{name}"

    @property
    def api_url(self) -> str:
        """The address of the API."""
        return f"http://{LOOPBACK}:{self._api_port}"

    def pid(self, name: str) -> int:
        """The process id."""
        return self._children[name].pid

    def configure(self, **settings: int | str) -> None:
        """Settings for all processes that are started from here on."""
        self.settings = msgspec.structs.replace(self.settings, **settings)

    async def start(self, *names: str) -> None:
        """Starts processes, one for each name, and waits until each answers. Raises ChildError if one ends instead."""
        for name in names:
            if name == "api":
                # Workers of gunicorn may outlive their killed master by a moment, and its port with them.
                await wait_until(self._api_port_is_free, what="the port of the API is free")
            if name not in {"valkey", "postgres"}:
                self._children[name] = self._onsale(name)
            self._children[name].start()
        for name in names:
            await wait_until(partial(self._is_ready, name), _PATIENCE_SECONDS, f"{name} is ready")

    def kill(self, name: str) -> None:
        """SIGKILL to the process and those that it started."""
        self._children[name].kill()

    def freeze(self, name: str) -> None:
        """The process and those that it started stand still, with their connections open."""
        os.killpg(self._children[name].pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Ends `freeze`."""
        os.killpg(self._children[name].pid, signal.SIGCONT)

    def log(self, name: str) -> str:
        """All that a process has printed."""
        return self._children[name].log_file.read_text(encoding="utf-8")

    async def stop(self, name: str) -> None:
        """Lets a process end in order, while everything else goes on."""
        await asyncio.to_thread(self._children[name].stop)

    async def run(self, *command: str) -> Ended:
        """Runs an `onsale` command until it ends."""
        with TemporaryDirectory(dir=self._directory) as folder:
            output = Path(folder) / "output"
            child = ForkedChild(command[0], command, output, environ=self._environ(command[0]))
            child.start()
            try:
                await wait_until(lambda: not child.running, _PATIENCE_SECONDS, f"the end of {command[0]}")
                return Ended(child.wait(0), output.read_text(encoding="utf-8"))
            finally:
                child.kill()

    def shell(self, script: str) -> None:
        """Runs commands of a page in the directory of the stack, as the owner of the database; all must succeed."""
        environ = self._environ("shell")
        environ["PATH"] = os.pathsep.join([str(_ONSALE.parent), str(postgres_programs()), environ["PATH"]])
        command = ["bash", "-euc", script]
        ran = subprocess.run(
            command,
            env=environ,
            cwd=self._directory,
            timeout=_PATIENCE_SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def logs(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"--- {name}\n{child.log_tail(_LOG_LINES)}" for name, child in self._children.items())

    def _onsale(self, name: str) -> Child:
        arguments = {
            "gateway": ["gateway", "--port", str(self._gateway_port), "--data-file", str(self.gateway_file)],
            "sync": ["sync"],
            "api": ["serve", "--port", str(self._api_port), "--workers", str(self.api_workers)],
        }[name]
        shared_metrics = name == "api" and self.api_workers > 1
        log_file, environ = self._logs / f"{name}.log", self._environ(name)
        return ForkedChild(name, arguments, log_file, environ=environ, shared_metrics=shared_metrics)

    def _environ(self, process: str) -> dict[str, str]:
        settings = msgspec.structs.asdict(self.settings) | {"postgres_url": self._postgres_url(process)}
        ours = {f"{PREFIX}{name.upper()}": str(value) for name, value in settings.items()}
        return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | ours

    def _postgres_url(self, process: str) -> str:
        """Of the user that the process is. The database is that of the settings, which may have been given another."""
        return self.settings.postgres_url.replace("//postgres@", f"//{_USERS.get(process, 'postgres')}@")

    async def _is_ready(self, name: str) -> bool:
        if not self._children[name].running:
            raise self._children[name].failure()
        ready: dict[str, Callable[[], Awaitable[bool]]] = {
            "valkey": self._valkey_answers,
            "postgres": self._postgres_answers,
            "gateway": lambda: _answers(f"{self.settings.gateway_url}/charges/nobody", 404),
            "sync": lambda: _answers(f"http://{LOOPBACK}:{self.settings.sync_metrics_port}/metrics", 200),
            "api": lambda: _answers(f"{self.api_url}/readyz", 200),
        }
        return await ready[name]()

    async def _valkey_answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.valkey.port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return (await reader.readline()).startswith(b"+PONG")
        except OSError:
            return False
        finally:
            writer.close()

    async def _postgres_answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.settings.postgres_url, timeout=_PATIENCE_SECONDS)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close(timeout=_PATIENCE_SECONDS)
        return True

    async def _api_port_is_free(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, self._api_port)
        except OSError:
            return True
        writer.close()
        return False


class ClusterStack(Stack):
    """The same on a cluster, which is lent to it: its nodes are not among the processes."""

    def __init__(self, directory: Path, postgres: EmbeddedPostgres, database: str, cluster: EmbeddedCluster) -> None:
        super().__init__(directory, postgres, database)
        self.cluster = cluster
        del self._children["valkey"]
        self.configure(redis_url=cluster.url, replica_acks=min(1, cluster.replicas))

    def __enter__(self) -> Self:
        return self

    def redis_urls(self) -> list[str]:
        nodes = {self.cluster.primary_of(slot) for slot in range(0, SLOTS, SLOTS // self.cluster.shards)}
        return [self.cluster.nodes[number].url for number in sorted(nodes)]

    def redis_url_of(self, key: str) -> str:
        return self.cluster.nodes[self.cluster.primary_of(slot_of(key))].url

    def key(self, partition: int, name: str) -> str:
        return f"{{{spread_keys(self.settings.partitions)[partition].tag}}}:{name}"


async def _answers(url: str, status: int) -> bool:
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session, session.get(url) as response:
            return response.status == status
    except (aiohttp.ClientError, TimeoutError):
        return False
