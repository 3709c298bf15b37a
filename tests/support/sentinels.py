"""A primary with two replicas and three sentinels, with the users of production (deploy/valkey)."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedValkey, valkey_program
from cli.ports import LOOPBACK, free_port
from tests.support.waiting import wait_until

NAME = "tickets"
_PASSWORD = "secret"  # noqa: S105  # of servers on loopback
_QUORUM = 2
_DOWN_AFTER_MS = 1000
_FAILOVER_MS = 2000
"""Sentinels that have not agreed on a leader try again after twice that."""

_PATIENCE_SECONDS = 60
_TIMEOUT_SECONDS = 1


@contextmanager
def watched_servers(directory: Path, users: Path) -> "Iterator[WatchedServers]":
    """Everything runs within the block. `users`: the folder with the users of production."""
    files = ("users.acl", "users.cluster.acl", "users.sentinel.acl")
    text = "".join((users / name).read_text(encoding="utf-8") for name in files)
    text = text.replace("PASSWORD_SHA256", hashlib.sha256(_PASSWORD.encode()).hexdigest())
    text = text.replace("user default off", "user default on nopass ~* &* +@all")
    with ExitStack() as stack:
        ports = [free_port() for _ in range(3)]
        servers = []
        for number, port in enumerate(ports):
            acl_file = directory / f"users-{number}.acl"
            acl_file.write_text(text, encoding="utf-8")
            options = {"primaryuser": "replica", "primaryauth": _PASSWORD, "repl-diskless-sync-delay": "0"}
            if number:
                options["replicaof"] = f"{LOOPBACK} {ports[0]}"
            server = EmbeddedValkey(
                directory / f"server-{number}", directory / f"server-{number}.log", port, acl_file, options=options
            )
            servers.append(stack.enter_context(server))
        sentinels = [_Sentinel(directory / f"sentinel-{number}", ports[0]) for number in range(3)]
        for sentinel in sentinels:
            sentinel.child.start()
            stack.callback(sentinel.child.kill)
        yield WatchedServers(servers, sentinels)


class _Sentinel:
    """One sentinel. Its users are others than those of the servers: everybody may ask it."""

    def __init__(self, directory: Path, primary_port: int) -> None:
        directory.mkdir()
        self.port = free_port()
        file = directory / "sentinel.conf"
        file.write_text(
            f"port {self.port}\nbind {LOOPBACK}\ndir {directory}\n"
            f"sentinel monitor {NAME} {LOOPBACK} {primary_port} {_QUORUM}\n"
            f"sentinel auth-user {NAME} sentinel\nsentinel auth-pass {NAME} {_PASSWORD}\n"
            f"sentinel down-after-milliseconds {NAME} {_DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {NAME} {_FAILOVER_MS}\n",
            encoding="utf-8",
        )
        log_file = directory / "sentinel.log"
        self.child = Child(f"sentinel-{self.port}", [valkey_program(), file, "--sentinel"], log_file)


class WatchedServers:
    """The servers and their sentinels."""

    def __init__(self, servers: list[EmbeddedValkey], sentinels: list[_Sentinel]) -> None:
        self.servers, self.sentinels = servers, sentinels

    @property
    def url(self) -> str:
        """The value of `ONSALE_REDIS_URL`: the addresses of the sentinels, and the user of the servers."""
        first, *others = (sentinel.port for sentinel in self.sentinels)
        return f"redis://onsale:{_PASSWORD}@{LOOPBACK}:{first}/{NAME}," + ",".join(
            f"{LOOPBACK}:{port}" for port in others
        )

    async def are_ready(self) -> None:
        """Waits until both replicas follow, and all sentinels know them and one another."""
        await wait_until(self._know_everything, _PATIENCE_SECONDS, "the sentinels know everything")

    def primary(self) -> EmbeddedValkey:
        """The server that most sentinels take for the primary."""
        ports = []
        for sentinel in self.sentinels:
            try:
                ports.append(int(self._ask(sentinel, "GET-MASTER-ADDR-BY-NAME", NAME)[1]))
            except RedisError:
                continue
        (port, _), *_ = Counter(ports).most_common()
        return next(server for server in self.servers if server.port == port)

    def watch_another(self, name: str) -> None:
        """Lets the first sentinel watch the same servers under another name, too."""
        self._ask(self.sentinels[0], "MONITOR", name, LOOPBACK, str(self.servers[0].port), str(_QUORUM))

    async def have_another_primary(self, than: EmbeddedValkey) -> None:
        """Waits for the end of a failover."""
        await wait_until(lambda: self.primary() is not than, _PATIENCE_SECONDS, "another server is the primary")

    def _know_everything(self) -> bool:
        try:
            for sentinel in self.sentinels:
                told = _pairs(self._ask(sentinel, "MASTER", NAME))
                if told["num-slaves"] != "2" or told["num-other-sentinels"] != "2" or told["flags"] != "master":
                    return False
                replicas = [_pairs(one) for one in self._ask(sentinel, "REPLICAS", NAME)]
                if any(one["master-link-status"] != "ok" or one["flags"] != "slave" for one in replicas):
                    return False
        except RedisError:
            return False
        return True

    def _ask(self, sentinel: _Sentinel, *arguments: str) -> Any:
        no_retry = Retry(NoBackoff(), 0)
        with Redis(port=sentinel.port, decode_responses=True, socket_timeout=_TIMEOUT_SECONDS, retry=no_retry) as redis:
            return redis.execute_command("SENTINEL", *arguments)


def _pairs(told: Any) -> dict[str, str]:
    """A reply of names and values, which come as a map or one after the other."""
    return told if isinstance(told, dict) else dict(zip(told[::2], told[1::2], strict=True))
