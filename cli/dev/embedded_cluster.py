"""A Valkey Cluster of nodes from the wheel, as children of this process. For `onsale dev --shards` and for tests."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from cli.dev.child_process import Child, ChildError
from cli.dev.cluster_nodes import ClusterNodes, lines_of, pairs_of
from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_ports
from engine.redis_keys import SLOTS

_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.05


class EmbeddedCluster(ClusterNodes):
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
        options = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(node_timeout_ms),
            # A shard that is away must not stop the others.
            "cluster-require-full-coverage": "no",
            # No replica changes its primary by itself: a person sees the cluster as it was set up.
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
        super().__init__(
            shards,
            replicas,
            [node.url for node in self.nodes],
            [int(own[number].get("cluster-announce-port", node.port)) for number, node in enumerate(self.nodes)],
            password,
        )
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
    def seen(self) -> ClusterNodes:
        """The nodes without their processes, to be sent to another process."""
        return ClusterNodes(self.shards, self.replicas, self.urls, self.ports, self.password)

    @property
    def children(self) -> list[Child]:
        """The processes of the nodes."""
        return [node.child for node in self.nodes]

    def _form(self) -> None:
        """Makes one cluster of the nodes. Those of an earlier start know each other, at addresses that have changed."""
        is_new = pairs_of(self.call(0, "CLUSTER", "INFO"))["cluster_current_epoch"] == "0"
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
            lines = lines_of(self.call(number, "CLUSTER", "NODES"))
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
