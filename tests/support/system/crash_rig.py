"""The processes of the crash matrix, with wires between them on which traps are set; also on a cluster."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from cli.dev.child_process import ChildError
from cli.dev.embedded_cluster import EmbeddedCluster
from cli.ports import LOOPBACK
from engine.redis_keys import partition_of, slot_of
from tests.support.cluster.failures import has_another_primary, is_whole
from tests.support.system.fault_proxy import Point, Trap, Wire
from tests.support.system.process_stack import ClusterStack, Stack

NODE = "node"
"""The victim that is a node of the cluster: the one that gets the call, or else the one that has the event."""


class Rig:
    """The processes, with wires between them."""

    _wire_names: tuple[str, ...] = (
        "client-api",
        "api-valkey",
        "api-gateway",
        "sync-valkey",
        "sync-gateway",
        "sync-postgres",
    )

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        direct = stack.settings
        ports = {
            "valkey": stack.valkey.port,
            "gateway": urlsplit(direct.gateway_url).port,
            "postgres": urlsplit(direct.postgres_url).port,
            "api": urlsplit(stack.api_url).port,
        }
        self.wires = {name: Wire(name, ports[name.partition("-")[2]] or 0) for name in self._wire_names}

    async def start(self, name: str) -> None:
        """Starts a process, whose calls go over its wires."""
        direct = self.stack.settings
        for server in ("valkey", "gateway", "postgres"):
            wire = self.wires.get(f"{name}-{server}")
            if wire is not None:
                field = {"valkey": "redis_url"}.get(server, f"{server}_url")
                url = urlsplit(getattr(direct, field))
                self.stack.configure(**{field: url._replace(netloc=_netloc(url.netloc, wire.port)).geturl()})
        try:
            await self._start(name)
        finally:
            self.stack.settings = direct

    async def _start(self, name: str) -> None:
        """Postgres refuses for as long as processes of the killed one are there."""
        for tries in range(100):
            try:
                await self.stack.start(name)
                return
            except ChildError:
                if name != "postgres" or tries == 99:
                    raise
                await asyncio.sleep(0.05)

    def kill(self, name: str) -> None:
        """SIGKILL to a process and all that it started, whatever group they are in."""
        process = psutil.Process(self.stack.pid(name))
        family = process.children(recursive=True)
        self.stack.kill(name)
        for one in family:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue

    def trap(self, point: Point, victim: str) -> Trap:
        """Sets a trap; what is in hand is lost if one of the wire's ends dies."""
        loses = victim in point.wire.split("-")
        trap = Trap(point, lambda: self.kill(victim), loses=loses)
        self.wires[point.wire].trap = trap
        return trap

    def clear_traps(self) -> None:
        """Takes all traps away."""
        for wire in self.wires.values():
            wire.trap = None


class NodeRig(Rig):
    """The same on a cluster. Each node has a wire, which all calls to it go through."""

    _wire_names = ("client-api", "api-gateway", "sync-gateway", "sync-postgres")

    def __init__(self, stack: ClusterStack, node_wires: list[Wire]) -> None:
        super().__init__(stack)
        self.cluster, self._node_wires = stack.cluster, node_wires
        self.event_id = 0
        """The event whose node dies where no node is called."""
        self._dead: tuple[int, int] | None = None

    async def start(self, name: str) -> None:
        """Starts a process; a node when a replica has taken over for it."""
        if name != NODE:
            await super().start(name)
            return
        assert self._dead is not None
        number, slot = self._dead
        await has_another_primary(self.cluster, slot, number)
        await asyncio.to_thread(self.cluster.nodes[number].start)
        await is_whole(self.cluster)

    def kill_node(self, number: int) -> None:
        """SIGKILL to a primary."""
        self._dead = number, next(slot for slot in self._slots() if self.cluster.primary_of(slot) == number)
        self.cluster.nodes[number].kill()

    def trap(self, point: Point, victim: str) -> Trap:
        """Sets a trap. Of a call to Redis on the wires of all nodes: whichever gets it may die of it."""
        if not point.wire.endswith("-valkey"):
            return super().trap(point, victim)
        trap = Trap(point, lambda: None, loses=True)
        for number, wire in enumerate(self._node_wires):
            wire.trap = _TrapAtNode(trap, partial(self.kill_node, number))
        return trap

    def kill(self, name: str) -> None:
        """SIGKILL to a process, or to the primary that has the event."""
        if name == NODE:
            partition = partition_of(self.event_id, self.stack.settings.partitions)
            self.kill_node(self.cluster.primary_of(self._slots()[partition]))
        else:
            super().kill(name)

    def clear_traps(self) -> None:
        super().clear_traps()
        for wire in self._node_wires:
            wire.trap = None

    def _slots(self) -> list[int]:
        return [slot_of(self.stack.key(number, "meta")) for number in range(self.stack.settings.partitions)]


class _TrapAtNode(Trap):
    """A trap that is set at every node. The nth call counts over all of them."""

    def __init__(self, everywhere: Trap, spring: Callable[[], None]) -> None:
        super().__init__(everywhere.point, spring, loses=everywhere.loses)
        self.sprung, self.sees_call = everywhere.sprung, everywhere.sees_call  # type: ignore[method-assign]  # shared


def cluster_behind(wires: list[Wire], folder: Path, shards: int, replicas: int) -> EmbeddedCluster:
    """A cluster whose nodes tell everybody the ports of these wires, which are open."""
    announced = [{"cluster-announce-ip": LOOPBACK, "cluster-announce-port": str(wire.port)} for wire in wires]
    cluster = EmbeddedCluster(folder / "cluster", folder, shards, replicas, node_timeout_ms=1000, own_options=announced)
    for wire, node in zip(wires, cluster.nodes, strict=True):
        wire.target_port = node.port
    return cluster


def _netloc(netloc: str, port: int) -> str:
    user, at, _ = netloc.rpartition("@")
    return f"{user}{at}{LOOPBACK}:{port}"
