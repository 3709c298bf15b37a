"""The figures of GET /v1/console/now, on real servers: right while all is well, null where something is away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import which
from typing import Any
from uuid import uuid4

import pytest
import yaml

from api.access.callers import Role
from cli.dev.child_process import Child
from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.access.test_access import SHARED
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json, ticket
from tests.support.api.timed_event import open_museum
from tests.support.waiting import wait_until

PATIENCE_SECONDS = 30


async def now_of(front: Front, **how: Any) -> Json:
    answer = await front.call("GET", "/v1/console/now", **how)
    assert answer.status == 200, answer
    return answer.body


async def tile_of(front: Front, event: Json) -> Json:
    (tile,) = [each for each in (await now_of(front))["events"] if each["id"] == event["id"]]
    return tile


@pytest.mark.usefixtures("sync")
async def test_figures_of_an_event(front: Front) -> None:
    event = await front.event(10, 5)
    one, other = (each["id"] for each in event["tickets"])
    await front.held((one, 2))
    await front.paid((one, 3), (other, 1))

    async def stored() -> bool:
        return bool((await tile_of(front, event))["stored"]["sold"] == 4)

    await wait_until(stored, PATIENCE_SECONDS)
    tile = await tile_of(front, event)
    assert tile["places"] == {"capacity": 15, "available": 9, "held": 2, "sold": 4, "kept": 0}
    assert tile["stored"] == {"held": 2, "sold": 4, "revenue": {"amount": 10_000, "currency": "EUR"}}
    assert (tile["status"], tile["timed"], tile["refused"]) == ("on_sale", False, {})

    async def nothing_late() -> bool:
        health = (await now_of(front))["health"]
        return bool(health["lag_ms"] == 0)

    await wait_until(nothing_late, PATIENCE_SECONDS)
    health = (await now_of(front))["health"]
    assert (health["source"], health["redis"], health["postgres"]) == ("server", "ok", "ok")
    assert health["alerts"] == []
    assert sum(health["hold_times"]["answers"]) == 2
    assert len(health["hold_times"]["answers"]) == len(health["hold_times"]["at_most_ms"]) + 1


async def test_refusals_are_counted_by_event_however_places_are_asked_for(front: Front) -> None:
    small, other = await front.event(1), await front.event(1)
    museum = await open_museum(front, capacity=1)
    ticket_id = small["tickets"][0]["id"]
    await front.held((ticket_id, 1))
    assert (await front.reserve((ticket_id, 1))).code == "sold_out"
    item = {"event_id": small["id"], "price_id": ticket_id, "quantity": 1, "customer": {"id": "22"}}
    assert await front.refused("POST", f"/v1/orders/carts/{uuid4()}", item) == "sold_out"
    await museum.booked()
    assert (await museum.book(phone_number="9334556780")).code == "slot_full"

    async def counted() -> bool:
        return bool((await tile_of(front, small))["refused"] == {"sold_out": 2})

    await wait_until(counted, PATIENCE_SECONDS)
    assert (await tile_of(front, other))["refused"] == {}
    assert (await tile_of(front, museum.event))["refused"] == {"slot_full": 1}
    assert (await tile_of(front, museum.event))["places"] is None


async def test_tickets_that_share_a_section_are_counted_once(front: Front) -> None:
    venue = (await front.call("POST", "/v1/venues", {"name": "Lawn", "sections": [{"name": "A", "capacity": 50}]})).body
    both = [{**ticket(kind, 0), "section_ids": [venue["sections"][0]["id"]]} for kind in ("Adult", "Child")]
    for each in both:
        del each["capacity"]
    event = await front.event(venue_id=venue["id"], tickets=both)
    await front.held((event["tickets"][1]["id"], 3))
    assert (await tile_of(front, event))["places"] == {"capacity": 50, "available": 47, "held": 3, "sold": 0, "kept": 0}


async def test_a_manager_of_some_events_sees_those_alone(start_api: StartApi) -> None:
    front = await start_api()
    mine, _ = await front.event(5), await front.event(5)
    guarded = await start_api(auth="jwt", jwt_secret=SHARED)
    token = mint_token(Settings(jwt_secret=SHARED), Role.MANAGER, "boss", 600, [mine["id"]])
    headers = {"Authorization": f"Bearer {token}"}
    now = await now_of(guarded, headers=headers)
    assert [event["id"] for event in now["events"]] == [mine["id"]]
    assert now["health"] is None
    session = (await guarded.call("GET", "/v1/console/session", headers=headers)).body
    assert (session["name"], session["auth"], session["events"]) == ("boss", "jwt", [mine["id"]])


async def test_without_redis_the_answer_comes_and_says_so(start_api: StartApi, own_valkey: EmbeddedValkey) -> None:
    front = await start_api(redis_url=own_valkey.url, command_timeout_ms=400, connect_timeout_ms=200)
    event = await front.event(10)
    assert (await tile_of(front, event))["places"]["capacity"] == 10
    own_valkey.kill()

    async def told() -> bool:
        health = (await now_of(front))["health"]
        return [alert["name"] for alert in health["alerts"]] == ["Unavailable"]

    await wait_until(told, PATIENCE_SECONDS)
    now = await now_of(front)
    assert (now["health"]["redis"], now["health"]["lag_ms"]) == ("away", None)
    (tile,) = now["events"]
    assert (tile["places"], tile["lag_ms"]) == (None, None)
    assert tile["stored"] is not None, "Postgres is there"
    own_valkey.start()

    async def is_back() -> bool:
        back = await now_of(front)
        return bool(back["health"]["redis"] == "ok" and back["events"][0]["places"])

    await wait_until(is_back, PATIENCE_SECONDS)
    assert (await now_of(front))["health"]["alerts"] == []


async def test_without_postgres_revenue_is_unknown_and_lag_is_shown(start_api: StartApi) -> None:
    event = await (await start_api()).event(10)
    nobody = f"postgresql://onsale@{LOOPBACK}:{free_port()}/onsale"
    front = await start_api(postgres_url=nobody, connect_timeout_ms=200, postgres_timeout_ms=500)
    await front.held((event["tickets"][0]["id"], 1))

    async def is_behind() -> bool:
        return bool((await tile_of(front, event))["lag_ms"])

    await wait_until(is_behind, PATIENCE_SECONDS)
    now = await now_of(front)
    (tile,) = now["events"]
    assert (tile["stored"], tile["places"]["held"]) == (None, 1)
    assert now["health"]["postgres"] == "away"
    assert [alert["name"] for alert in now["health"]["alerts"]] == ["SyncLate"]


@pytest.fixture
async def watched(start_api: StartApi, tmp_path: Path) -> AsyncIterator[tuple[Front, Child]]:
    """An API that asks a Prometheus, which scrapes another API and has an alert that fires at once."""
    program = which("prometheus")
    assert program, "this test starts Prometheus: apt-get install prometheus"
    other, address = await start_api(), f"{LOOPBACK}:{free_port()}"
    rule = {
        "alert": "ShardAway",
        "expr": 'label_replace(vector(1), "partition", "02", "", "")',
        "labels": {"severity": "page"},
        "annotations": {"summary": "Partition {{ $labels.partition }} is away."},
    }
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": [rule]}]}))
    target = f"{other.client.host}:{other.client.port}"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(tmp_path / "rules.yml")],
        "scrape_configs": [{"job_name": "api", "static_configs": [{"targets": [target]}]}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    files = f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}"
    child = Child("prometheus", [program, *files, f"--web.listen-address={address}"], tmp_path / "prometheus.log")
    child.start()
    try:
        event = await other.event(1)
        await other.held((event["tickets"][0]["id"], 1))
        for _ in range(2):
            await other.reserve((event["tickets"][0]["id"], 1))
        yield await start_api(prometheus_url=f"http://{address}/"), child
    finally:
        await asyncio.to_thread(child.stop)


async def test_prometheus_tells_of_all_processes_until_it_is_away(watched: tuple[Front, Child]) -> None:
    """Holds and refusals are another process' here, so only Prometheus can tell them."""
    front, prometheus = watched

    async def told() -> bool:
        now = await now_of(front)
        return bool(now["health"]["source"] == "prometheus" and now["events"][0]["refused"] == {"sold_out": 2})

    await wait_until(told, PATIENCE_SECONDS)
    now = await now_of(front)
    assert now["counting"] == "prometheus"
    assert sum(now["health"]["hold_times"]["answers"]) == 3
    (alert,) = now["health"]["alerts"]
    assert alert.pop("since") is not None
    assert alert == {"name": "ShardAway", "severity": "page", "summary": "Partition 02 is away.", "partition": 2}

    await asyncio.to_thread(prometheus.stop)

    async def is_told_to_be_away() -> bool:
        return (await now_of(front))["health"]["prometheus"] is not None

    await wait_until(is_told_to_be_away, PATIENCE_SECONDS)
    now = await now_of(front)
    assert (now["health"]["source"], now["health"]["alerts"]) == ("server", [])
    assert now["events"][0]["refused"] == {}
    assert now["counting"] != "prometheus"
