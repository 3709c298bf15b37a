"""A repeat on a cluster whose replica stands still: the marker makes WAIT tell the truth, and PUBLISH does not."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.dev.embedded_cluster import EmbeddedCluster
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.ids import new_reservation_id
from engine.library import library_text
from engine.results.holds import Held
from engine.settings import Settings
from tests.support.engine.bulk_holds import event_of
from tests.support.invariants import check_invariants

EVENT = 16
REPLICA = 1

_MARKER = """    redis.set_repl(redis.REPL_REPLICA)
    redis.call('HSET', key, field, value)
    redis.set_repl(redis.REPL_ALL)
"""
_PUBLISH = "    redis.call('PUBLISH', 'news', field)\n"


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    """One primary with one replica, which is no longer in the way at the end."""
    folder = tmp_path_factory.mktemp("cluster")
    with EmbeddedCluster(folder, folder, 1, 1, node_timeout_ms=60_000) as cluster:
        yield cluster
        check_invariants(cluster.url)


@pytest.fixture
def settings(cluster: EmbeddedCluster) -> Settings:
    return Settings(redis_url=cluster.url, auth="off", replica_acks=1, replica_timeout_ms=300)


@contextmanager
def standing_still(cluster: EmbeddedCluster) -> Iterator[None]:
    """The replica is connected, and confirms nothing."""
    pid = cluster.nodes[REPLICA].child.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def repeat_without_replica(cluster: EmbeddedCluster, settings: Settings) -> object:
    """Another process repeats a hold that no replica has; returns the answer."""
    async with Engine(settings) as engine, Engine(settings) as other:
        await engine.submit(event_of(EVENT, 100))
        reservation_id = new_reservation_id(EVENT)
        hold = Hold(reservation_id, EVENT, "22", "{}", "digest", items_text([(7, 1)]))
        with standing_still(cluster):
            with pytest.raises(OutcomeUnknown):
                await engine.submit(hold)
            try:
                return await other.submit(hold)
            except OutcomeUnknown as fault:
                return fault


async def test_a_repeat_is_not_acknowledged_while_no_replica_has_it(
    cluster: EmbeddedCluster, settings: Settings
) -> None:
    assert isinstance(await repeat_without_replica(cluster, settings), OutcomeUnknown)


async def test_with_publish_as_the_marker_it_is_acknowledged(
    cluster: EmbeddedCluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a cluster sends no PUBLISH to replicas, so WAIT counts what they had before."""
    text = library_text()
    assert text.count(_MARKER) == 1
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(_MARKER, _PUBLISH))
    told = await repeat_without_replica(cluster, settings)
    assert isinstance(told, Held)
    assert told.replayed
