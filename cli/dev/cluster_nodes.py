"""Questions to the nodes of a cluster on this machine: which slots they have, and which primary they follow."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from cli.dev.child_process import ChildError

_TIMEOUT_SECONDS = 2


class ClusterNodes:
    """Asks the nodes of a cluster, by their numbers; fit to be sent to another process.

    `urls` lead to the nodes themselves. `ports` are those that they tell others, which may lead to proxies.
    """

    def __init__(self, shards: int, replicas: int, urls: Sequence[str], ports: Sequence[int], password: str) -> None:
        self.shards, self.replicas, self.password = shards, replicas, password
        self.urls, self.ports = list(urls), list(ports)

    @contextmanager
    def client(self, number: int) -> Iterator[Redis]:
        """A client of one node."""
        with Redis.from_url(
            self.urls[number], socket_timeout=_TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0), decode_responses=True
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
            for number in range(len(self.urls)):
                with self.client(number) as redis:
                    state = pairs_of(redis.execute_command("CLUSTER", "INFO"))  # type: ignore[no-untyped-call]
                    replication: dict[str, Any] = redis.info("replication")
                if state["cluster_state"] != "ok" or int(state["cluster_known_nodes"]) != len(self.urls):
                    return False
                if replication["role"] == "slave" and replication["master_link_status"] != "up":
                    return False
        except RedisError:
            return False
        return True

    def primary_of(self, slot: int) -> int:
        """The number of the node that has a slot, as the nodes that answer see it; the newest view counts."""
        newest: tuple[int, int] | None = None
        for number in range(len(self.urls)):
            try:
                lines = lines_of(self.call(number, "CLUSTER", "NODES"))
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

    def has_slot(self, number: int, slot: int) -> bool:
        """True if a node believes that a slot is its own. Raises RedisError."""
        lines = lines_of(self.call(number, "CLUSTER", "NODES"))
        own = next(fields for fields in lines if "myself" in fields[2])
        return any(_has(part, slot) for part in own[8:])


def pairs_of(text: Any) -> dict[str, str]:
    """The fields of CLUSTER INFO."""
    return dict(line.split(":", 1) for line in str(text).splitlines() if ":" in line)


def lines_of(reply: Any) -> list[list[str]]:
    """The lines of CLUSTER NODES, split."""
    return [line.split(" ") for line in str(reply).splitlines() if line]


def _has(part: str, slot: int) -> bool:
    """True if a range like `0-5460`, or a single slot, has the slot."""
    if part.startswith("["):
        return False
    first, _, last = part.partition("-")
    return int(first) <= slot <= int(last or first)
