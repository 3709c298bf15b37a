"""Moves of slots between the nodes of a cluster, as operators and their tools do them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis.exceptions import ResponseError

from cli.dev.cluster_nodes import ClusterNodes
from cli.ports import LOOPBACK
from tests.support.waiting import rest_after

_PATIENCE_SECONDS = 60
_MOVE_MS = 10_000


def wait_for(ready: Callable[[], bool], what: str) -> None:
    """Returns when it is so. Fails the test after a minute."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        looked_at = time.monotonic()
        if ready():
            return
        assert time.monotonic() < deadline, f"{what} did not happen within {_PATIENCE_SECONDS} s"
        time.sleep(rest_after(time.monotonic() - looked_at))


def move_at_once(cluster: ClusterNodes, slot: int, to: int) -> None:
    """Moves a slot in one piece (CLUSTER MIGRATESLOTS), and waits until it is done."""
    source = cluster.primary_of(slot)
    cluster.call(source, "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", cluster.node_id(to))
    wait_for(lambda: cluster.has_slot(to, slot), f"slot {slot} is on node {to}")


def add_replicas(cluster: ClusterNodes, primary: int, *replicas: int) -> None:
    """Makes spare nodes the replicas of another one, and waits until they follow."""
    for replica in replicas:
        cluster.call(replica, "CLUSTER", "REPLICATE", cluster.node_id(primary))
    wait_for(cluster.is_whole, "the replicas follow")


@contextmanager
def moving_by_keys(cluster: ClusterNodes, slot: int, to: int) -> "Iterator[Move]":
    """Moves a slot key by key (CLUSTER SETSLOT, MIGRATE): it is on its way within the block, and there at its end."""
    move = Move(cluster, slot, cluster.primary_of(slot), to)
    yield move
    move.finish()


class Move:
    """A slot on its way from one node to another."""

    def __init__(self, cluster: ClusterNodes, slot: int, source: int, target: int) -> None:
        self._cluster, self._slot, self._source, self._target = cluster, slot, source, target
        cluster.call(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.node_id(source))
        cluster.call(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.node_id(target))

    def keys(self) -> list[str]:
        """Some of the keys that are still at the source."""
        keys: list[str] = self._cluster.call(self._source, "CLUSTER", "GETKEYSINSLOT", self._slot, 100)
        return keys

    def take(self, *keys: str) -> None:
        """Moves these keys."""
        port = self._cluster.ports[self._target]
        login = ("AUTH", self._cluster.password) if self._cluster.password else ()
        self._cluster.call(self._source, "MIGRATE", LOOPBACK, port, "", 0, _MOVE_MS, "REPLACE", *login, "KEYS", *keys)

    def finish(self) -> None:
        """Moves all keys that are left, and gives the slot to the target."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            while keys := self.keys():
                self.take(*keys)
            try:
                for node in (self._target, self._source):
                    target = self._cluster.node_id(self._target)
                    self._cluster.call(node, "CLUSTER", "SETSLOT", self._slot, "NODE", target)
                return
            except ResponseError:  # a key came meanwhile
                assert time.monotonic() < deadline, "the slot cannot be given over"
