"""Clients of the servers behind `ONSALE_REDIS_URL`, without anything of ours: the one server, or all primaries."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis, RedisCluster
from redis.cluster import ClusterNode

_TIMEOUT_SECONDS = 30
_ASIDE = ("auth", "client", "cluster", "command", "hello", "info", "ping")
"""Commands by which clients find their way, and by which commands are counted."""


@contextmanager
def primaries(redis_url: str) -> Iterator[list[Redis]]:
    """A client of each primary. They decode nothing."""
    with whole(redis_url) as redis:
        if isinstance(redis, Redis):
            yield [redis]
        else:
            nodes = redis.get_primaries()  # type: ignore[no-untyped-call]  # redis-py does not annotate it
            yield [redis.get_redis_connection(node) for node in nodes]


@contextmanager
def whole(redis_url: str) -> Iterator[Redis | RedisCluster]:
    """A client of the one server, or of the cluster, which finds the node of each key. It decodes nothing."""
    first, *others = redis_url.split(",")
    if not others:
        with Redis.from_url(redis_url, socket_timeout=_TIMEOUT_SECONDS, driver_info=None) as redis:
            yield redis
        return
    nodes = [ClusterNode(*address.rsplit(":", 1)) for address in others]  # type: ignore[no-untyped-call]
    password = first.partition("@")[0].rpartition(":")[2] if "@" in first else None
    with RedisCluster(startup_nodes=nodes, socket_timeout=_TIMEOUT_SECONDS, password=password) as cluster:
        yield cluster


def commands_done(redis_url: str, *names: str, without: tuple[str, ...] = ()) -> int:
    """The number of commands that all servers ran, those in functions too: these, or all but `without`."""
    calls = 0
    with primaries(redis_url) as nodes:
        for redis in nodes:
            for name, told in redis.info("commandstats").items():
                command = name.removeprefix("cmdstat_").partition("|")[0]
                if command in names or not (names or command in (*_ASIDE, *without)):
                    calls += told["calls"]
    return calls
