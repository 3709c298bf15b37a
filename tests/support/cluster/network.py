"""A network between the nodes of a cluster and their clients that can be cut in two.

A proxy stands before the port and the cluster bus of each node, and the node tells everybody the ports of its
proxies. A node that calls is known by its address (`bind-source-addr`: all of 127.0.0.0/8 is loopback on Linux), and a
client by its name (`CLIENT SETNAME`). What is under way while the network is cut arrives when it is whole again, as
with TCP.
"""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.dev.embedded_cluster import EmbeddedCluster
from cli.ports import LOOPBACK

_BYTES = 1 << 16
_PATIENCE_SECONDS = 30
_FIRST_SOURCE = 10
"""Node 0 calls from 127.0.0.10."""

_NAMED = re.compile(rb"SETNAME\r\n\$\d+\r\n(\w+)\r\n")

End = int | str
"""One end of a connection: a node by its number, or a client by its name."""


@contextmanager
def cluster_in_network(directory: Path, shards: int, replicas: int, node_timeout_ms: int) -> "Iterator[Network]":
    """A cluster in which each node reaches the others, and is reached, through the network."""
    network = Network()
    with network.running():
        ports = [(network.proxy_of(number), network.proxy_of(number)) for number in range(shards * (1 + replicas))]
        options = [
            {
                "bind-source-addr": _source(number),
                "cluster-announce-ip": LOOPBACK,
                "cluster-announce-port": str(port),
                "cluster-announce-bus-port": str(bus_port),
            }
            for number, (port, bus_port) in enumerate(ports)
        ]
        network.cluster = EmbeddedCluster(
            directory / "cluster",
            directory,
            shards,
            replicas,
            password="secret",
            node_timeout_ms=node_timeout_ms,
            own_options=options,
        )
        for node, (port, bus_port) in zip(network.cluster.nodes, ports, strict=True):
            network.targets |= {port: node.port, bus_port: node.cluster_port}
        with network.cluster:
            yield network


class Network:
    """The proxies, in a thread of their own."""

    cluster: EmbeddedCluster

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._island: frozenset[End] = frozenset()
        self._changed = asyncio.Event()
        self._links: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self.targets: dict[int, int] = {}
        """The port that each proxy leads to."""

    def url(self, name: str) -> str:
        """The value of `ONSALE_REDIS_URL` for a client of this name."""
        first, comma, others = self.cluster.url.partition(",")
        return f"{first}/0?client_name={name}{comma}{others}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Passes on what comes, within the block."""
        thread = threading.Thread(target=self._loop.run_forever, name="network")
        thread.start()
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_PATIENCE_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(_PATIENCE_SECONDS)
            self._loop.close()

    def proxy_of(self, node: int) -> int:
        """The port of a new proxy of a node."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._links.add(task)
            try:
                await _Link(self, node).run(reader, writer, self.targets[port])
            except asyncio.CancelledError:  # the end of the test
                pass
            finally:
                self._links.discard(task)

        async def start() -> int:
            server = await asyncio.start_server(serve, LOOPBACK, 0)
            self._servers.append(server)
            return int(server.sockets[0].getsockname()[1])

        port = asyncio.run_coroutine_threadsafe(start(), self._loop).result(_PATIENCE_SECONDS)
        return port

    @contextmanager
    def cut(self, *island: End) -> Iterator[None]:
        """Within the block nothing passes between these and all others."""
        self._set(frozenset(island))
        try:
            yield
        finally:
            self._set(frozenset())

    def are_apart(self, one: End, other: End) -> bool:
        """True while nothing passes between them."""
        return (one in self._island) != (other in self._island)

    async def passable(self, one: End, other: End) -> None:
        """Waits until something passes between them."""
        while self.are_apart(one, other):
            await self._changed.wait()

    def _set(self, island: frozenset[End]) -> None:
        async def change() -> None:
            self._island = island
            self._changed.set()
            self._changed = asyncio.Event()

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(_PATIENCE_SECONDS)

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)


class _Link:
    """One connection through the network, to a node."""

    def __init__(self, network: Network, node: int) -> None:
        self._network, self._node = network, node
        self._caller: End = ""

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        host = writer.get_extra_info("peername")[0]
        if host != LOOPBACK:
            self._caller = int(host.rpartition(".")[2]) - _FIRST_SOURCE
        ends = [writer]
        try:
            await self._network.passable(self._caller, self._node)
            there, back = await asyncio.open_connection(LOOPBACK, port)
            ends.append(back)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, back))
                group.create_task(self._pass(there, writer))
        except (OSError, ExceptionGroup):
            pass  # one of the ends is gone, so both are
        finally:
            for end in ends:  # both at once: the end of the test may interrupt the wait
                end.close()
            for end in ends:
                with suppress(OSError):
                    await end.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            data = await reader.read(_BYTES)
            named = _NAMED.search(data) if self._caller == "" else None
            if named:
                self._caller = named[1].decode()
            await self._network.passable(self._caller, self._node)
            if not data:
                raise ConnectionResetError("one end has closed it")
            writer.write(data)
            await writer.drain()


def _source(number: int) -> str:
    return f"127.0.0.{_FIRST_SOURCE + number}"
