"""Clients of the servers behind `ONSALE_REDIS_URL`, without anything of ours: the one server, or all primaries."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis, RedisCluster
from redis.cluster import ClusterNode

_TIMEOUT_SECONDS = 30


@contextmanager
def primaries(redis_url: str) -> Iterator[list[Redis]]:
    """A client of each primary. They decode nothing."""
    first, *others = redis_url.split(",")
    if not others:
        with Redis.from_url(redis_url, socket_timeout=_TIMEOUT_SECONDS, driver_info=None) as redis:
            yield [redis]
        return
    nodes = [ClusterNode(*address.rsplit(":", 1)) for address in others]  # type: ignore[no-untyped-call]
    password = first.partition("@")[0].rpartition(":")[2] if "@" in first else None
    with RedisCluster(startup_nodes=nodes, socket_timeout=_TIMEOUT_SECONDS, password=password) as cluster:
        yield [cluster.get_redis_connection(node) for node in cluster.get_primaries()]
