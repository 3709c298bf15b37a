"""A server and its replica, which may be cut off, stand still and come back."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from redis import Redis

from cli.dev.embedded import EmbeddedValkey
from tests.support.waiting import wait_until


@contextmanager
def replica_pair(directory: Path) -> "Iterator[Pair]":
    """Two servers that do not know each other yet."""
    with (
        EmbeddedValkey(directory / "server", directory / "server.log") as server,
        EmbeddedValkey(directory / "replica", directory / "replica.log") as replica,
    ):
        pair = Pair(server, replica)
        yield pair
        pair.close()


class Pair:
    """A server and its replica."""

    def __init__(self, server: EmbeddedValkey, replica: EmbeddedValkey) -> None:
        self.server, self.replica = server, replica
        self._at_server, self.at_replica = Redis.from_url(server.url), Redis.from_url(replica.url)
        self._at_server.config_set("repl-diskless-sync-delay", 0)

    def close(self) -> None:
        self._at_server.close()
        self.at_replica.close()

    async def join(self) -> None:
        """The replica follows the server, and has all that the server has."""
        self.at_replica.replicaof("127.0.0.1", str(self.server.port))
        await wait_until(lambda: self._at_server.info("replication")["connected_slaves"], 20, "it is connected")
        await wait_until(self._confirms, 20, "it confirms")

    async def cut_off(self) -> None:
        """The replica follows nobody."""
        self.at_replica.replicaof("NO", "ONE")
        await wait_until(lambda: not self._at_server.info("replication")["connected_slaves"], 20, "it is cut off")

    def _confirms(self) -> bool:
        self._at_server.publish("news", "")
        return bool(self._at_server.wait(1, 100))

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """The replica is connected, and confirms nothing."""
        os.kill(self.replica.child.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.replica.child.pid, signal.SIGCONT)
        await wait_until(self._confirms, 20, "it confirms again")

    def confirmed_by_bare_wait(self, reservation_id: str) -> int:
        """The answer of WAIT on a connection that has only read what another wrote."""
        with Redis.from_url(self.server.url, single_connection_client=True) as other:
            other.hget("{p01}:ledger", reservation_id)
            return int(other.wait(1, 100))

    def calls(self, command: str) -> int:
        """The number of times that the server ran a command."""
        return int(self._at_server.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])
