"""A cluster that has lost a shard: all other events sell, pay and list, processes start, and the shard is restored."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cli.dev.embedded_cluster import EmbeddedCluster
from engine.redis_keys import partition_of, slot_of, spread_keys
from engine.settings import Settings
from sync.audit.audit import audit
from sync.restore.restore import restore
from sync.worker import run_sync
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json
from tests.support.cluster.sale import UNHURRIED
from tests.support.waiting import wait_until

PARTITIONS = 6
CATALOGUE = "{catalogue}:events"
_PATIENCE_SECONDS = 60


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(tmp_path / "cluster", tmp_path, 3, 0, node_timeout_ms=1000) as cluster:
        yield cluster


@pytest.fixture
async def settings_of_all(shop: Settings, cluster: EmbeddedCluster) -> Settings:
    return replace(shop, redis_url=cluster.url, partitions=PARTITIONS, command_timeout_ms=1000, connect_timeout_ms=300)


def home_of(cluster: EmbeddedCluster, event: Json) -> int:
    keys = spread_keys(PARTITIONS)[partition_of(event["id"], PARTITIONS)]
    return cluster.primary_of(slot_of(keys.meta))


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


async def sells(front: Front, event: Json, key: str) -> None:
    """Holds, pays and shows, with keys."""
    held = await front.reserve((event["tickets"][0]["id"], 1), **keyed(key))
    assert held.status == 201, held
    paid = await front.pay(held.body, **keyed(key))
    assert paid.status == 200, paid
    assert (await front.get(f"/v1/events/{event['id']}")).status == 200


@pytest.mark.timeout(240)
@pytest.mark.parametrize("with_catalogue", [True, False], ids=["with the catalogue", "without the catalogue"])
async def test_a_lost_shard_concerns_its_own_events_alone(
    settings_of_all: Settings,
    sync_url: str,
    start_api: StartApi,
    cluster: EmbeddedCluster,
    *,
    with_catalogue: bool,
) -> None:
    settings = settings_of_all
    names = ("redis_url", "partitions", "command_timeout_ms", "connect_timeout_ms")
    how = {name: getattr(settings, name) for name in names}
    front = await start_api(**how)
    events = [await front.event(100) for _ in range(PARTITIONS)]
    catalogue = cluster.primary_of(slot_of(CATALOGUE))
    gone = catalogue if with_catalogue else next(number for number in range(3) if number != catalogue)
    lost = [event for event in events if home_of(cluster, event) == gone]
    others = [event for event in events if event not in lost]
    assert len(lost) == 2
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(run_sync(replace(settings, postgres_url=sync_url, **UNHURRIED)))
        held = {event["id"]: await front.held((event["tickets"][0]["id"], 2)) for event in events}
        await wait_until(lambda: _is_listed(front, held), _PATIENCE_SECONDS, "Postgres has all of it")
        cluster.nodes[gone].kill()

        for number, event in enumerate(others * 3):
            await sells(front, event, f"key-{number}")
        refused = await front.reserve((lost[0]["tickets"][0]["id"], 1))
        assert (refused.status, refused.code) == (503, "unavailable")
        await wait_until(lambda: _lists_the_rest(front, others, lost), _PATIENCE_SECONDS, "the list shows the rest")
        ready = await front.get("/readyz")
        assert ready.status == 200
        away = sorted(partition_of(event["id"], PARTITIONS) for event in lost)
        assert ready.body["partitions"] == {"away": away}

        second = await start_api(**how)
        await sells(second, others[0], "new-process")
        assert (await second.reserve((lost[0]["tickets"][0]["id"], 1))).status == 503

        shutil.rmtree(cluster.nodes[gone].directory / "appendonlydir")
        cluster.nodes[gone].start()
        await wait_until(lambda: asyncio.to_thread(cluster.is_whole), _PATIENCE_SECONDS, "the node is back, and empty")
        assert (await front.reserve((lost[0]["tickets"][0]["id"], 1))).status in (404, 409, 503)
        restored = await restore(settings, only_lost=True)
        assert restored.live == 2, "one hold of each event that was lost"
        for api in (front, second):
            await wait_until(lambda api=api: _sells_again(api, lost[1]), _PATIENCE_SECONDS, "it sells")  # type: ignore[misc]
        for event in events:
            assert (await front.read(held[event["id"]]))["status"] == "held"
            await sells(front, event, f"after-all-{event['id']}")
        assert "Onsale-Missing-Events" not in (await front.get("/v1/events")).headers
        await wait_until(lambda: _is_clean(settings), _PATIENCE_SECONDS, "the audit is clean")
        worker.cancel()


async def _is_listed(front: Front, held: Json) -> bool:
    listed = await front.pages("/v1/reservations")
    return {one["id"] for one in held.values()} <= {one["id"] for one in listed}


async def _lists_the_rest(front: Front, others: list[Json], lost: list[Json]) -> bool:
    answers = [await front.get(path) for path in ("/v1/events", "/v1/tickets")]
    if any(answer.status != 200 for answer in answers):
        return False
    shown = {event["id"] for event in answers[0].body["items"]}
    named = {int(part) for part in answers[0].headers["Onsale-Missing-Events"].split(",")}
    assert (shown, named) == ({event["id"] for event in others}, {event["id"] for event in lost})
    return len(answers[1].body["items"]) == len(others)


async def _sells_again(front: Front, event: Json) -> bool:
    return (await front.reserve((event["tickets"][0]["id"], 1))).status == 201


async def _is_clean(settings: Settings) -> bool:
    return await audit(settings) == []
