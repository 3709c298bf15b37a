"""A Valkey Cluster of nodes from the wheel, as children of this process. For `onsale dev --shards` and for tests."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from cli.dev.child_process import Child, ChildError
from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_ports
from engine.redis_keys import SLOTS

_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.05
_TIMEOUT_SECONDS = 2


class EmbeddedCluster:
    """Primaries with their replicas, and perhaps spare nodes without slots. A context manager.

    Nodes are numbered: first the primaries, then the replicas of the first one, of the second one, and so on, then the
    spares. Data survives a restart; ports and, after failovers, roles do not. `own_options`: more options of each node,
    in order. A node may announce ports that lead to its own.
    """

    def __init__(
        self,
        directory: Path,
        logs: Path,
        shards: int,
        replicas: int,
        *,
        spares: int = 0,
        password: str = "",
        node_timeout_ms: int = 2000,
        own_options: Sequence[Mapping[str, str]] = (),
    ) -> None:
        self.shards, self.replicas, self.password = shards, replicas, password
        options = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(node_timeout_ms),
            # A shard that is away must not stop the others.
            "cluster-require-full-coverage": "no",
            # # No replica changes its primary by itself: a person sees the cluster as it was set up.
            "cluster-allow-replica-migration": "no",
            "repl-diskless-sync-delay": "0",
        }
        count = shards * (1 + replicas) + spares
        own, ports = own_options or [{}] * count, free_ports(2 * count)
        self.nodes = [
            EmbeddedValkey(
                directory / f"node-{number}",
                logs / f"valkey-{number}.log",
                ports[number],
                password=password,
                options=options | {"cluster-port": str(ports[count + number])} | dict(own[number]),
                name=f"valkey-{number}",
            )
            for number in range(count)
        ]
        self.ports = [
            int(own[number].get("cluster-announce-port", node.port)) for number, node in enumerate(self.nodes)
        ]
        """The port of each node, as it tells the others and clients."""
        self._bus_ports = [
            int(own[number].get("cluster-announce-bus-port", node.cluster_port))
            for number, node in enumerate(self.nodes)
        ]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            for node in self.nodes:
                self._stack.enter_context(node)
            self._form()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """The value of `ONSALE_REDIS_URL`: the addresses of all primaries."""
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}" + ",".join(f"{LOOPBACK}:{port}" for port in self.ports[: self.shards])

    @property
    def children(self) -> list[Child]:
        """The processes of the nodes."""
        return [node.child for node in self.nodes]

    @contextmanager
    def client(self, number: int) -> Iterator[Redis]:
        """A client of one node."""
        with Redis.from_url(
            self.nodes[number].url, socket_timeout=_TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0), decode_responses=True
        ) as redis:
            yield redis

    def call(self, number: int, *arguments: str | int) -> Any:
        """The reply of one node to a command. Raises RedisError."""
        with self.client(number) as redis:
            return redis.execute_command(*arguments)  # type: ignore[no-untyped-call]  # redis-py does not annotate it

    def node_id(self, number: int) -> str:
        """The id of a node in the cluster."""
        return str(self.call(number, "CLUSTER", "MYID"))

    def is_whole(self) -> bool:
        """True if every node sees a primary for every slot, and each replica follows its primary."""
        try:
            for number in range(len(self.nodes)):
                with self.client(number) as redis:
                    state = _pairs(self.call(number, "CLUSTER", "INFO"))
                    replication: dict[str, Any] = redis.info("replication")
                if state["cluster_state"] != "ok" or int(state["cluster_known_nodes"]) != len(self.nodes):
                    return False
                if replication["role"] == "slave" and replication["master_link_status"] != "up":
                    return False
        except RedisError:
            return False
        return True

    def primary_of(self, slot: int) -> int:
        """The number of the node that has a slot, as the nodes that answer see it; the newest view counts."""
        newest: tuple[int, int] | None = None
        for number in range(len(self.nodes)):
            try:
                lines = _lines(self.call(number, "CLUSTER", "NODES"))
            except RedisError:
                continue
            for fields in lines:
                if "master" in fields[2] and any(_has(part, slot) for part in fields[8:]):
                    port = int(fields[1].partition("@")[0].rpartition(":")[2])
                    told = (int(fields[6]), port)
                    newest = told if newest is None else max(newest, told)
        if newest is None:
            raise ChildError(f"no node of the cluster has slot {slot}")
        return self.ports.index(newest[1])

    def _form(self) -> None:
        """Makes one cluster of the nodes. Those of an earlier start know each other, at addresses that have changed."""
        is_new = _pairs(self.call(0, "CLUSTER", "INFO"))["cluster_current_epoch"] == "0"
        if is_new:
            for number in range(self.shards):
                self.call(number, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
                first, last = SLOTS * number // self.shards, SLOTS * (number + 1) // self.shards - 1
                self.call(number, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for port, bus_port in list(zip(self.ports, self._bus_ports, strict=True))[1:]:
            self.call(0, "CLUSTER", "MEET", LOOPBACK, port, bus_port)
        if is_new:
            self._wait(self._all_know_each_other, "the nodes do not meet")
            for number in range(self.shards * self.replicas):
                primary = self.node_id(number // self.replicas)
                self.call(self.shards + number, "CLUSTER", "REPLICATE", primary)
        self._wait(self.is_whole, "the cluster does not form")

    def _all_know_each_other(self) -> bool:
        for number in range(len(self.nodes)):
            lines = _lines(self.call(number, "CLUSTER", "NODES"))
            if len(lines) != len(self.nodes) or any("handshake" in fields[2] for fields in lines):
                return False
        return True

    def _wait(self, ready: Callable[[], bool], why: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not ready():
            for child in self.children:
                if not child.running:
                    raise child.failure()
            if time.monotonic() > deadline:
                raise ChildError(f"{why} in {_PATIENCE_SECONDS} s; their logs are beside {self.children[0].log_file}")
            time.sleep(_POLL_SECONDS)


def _pairs(text: Any) -> dict[str, str]:
    return dict(line.split(":", 1) for line in str(text).splitlines() if ":" in line)


def _lines(reply: Any) -> list[list[str]]:
    """The lines of CLUSTER NODES, split."""
    return [line.split(" ") for line in str(reply).splitlines() if line]


def _has(part: str, slot: int) -> bool:
    """True if a range like `0-5460`, or a single slot, has the slot."""
    if part.startswith("["):
        return False
    first, _, last = part.partition("-")
    return int(first) <= slot <= int(last or first)
