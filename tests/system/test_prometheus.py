"""Prometheus, on our configuration, over a running sale: every query of every panel and alert has an answer."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import yaml

from cli.dev.child_process import Child
from cli.dev.embedded_cluster import EmbeddedCluster
from cli.ports import LOOPBACK, free_port
from engine.redis_keys import slot_of
from tests.support.cluster.failures import hand_over
from tests.support.system.process_stack import ClusterStack, Stack
from tests.support.system.storefront_client import Storefront
from tests.support.waiting import wait_until
from tests.system.conftest import Database

PATIENCE_SECONDS, _SCRAPE_SECONDS = 60, 1
_REST_SECONDS = 0.1
"""Between two customers: rates need time, not numbers."""

TIMEOUT = aiohttp.ClientTimeout(total=10)

# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "10s", "$event": ".+", "$node": ".+"}

CLUSTER_BOARD = "shards"
"""It and the alerts of the same group are about clusters alone."""

THRESHOLD = re.compile(r"\s*(?:[<>]=?|[!=]=)\s*[^<>=]+$")


def queries_of_panels(folder: Path, *, of_cluster: bool = False) -> Iterator[tuple[str, str]]:
    """Each query of each panel, and where it is shown."""
    for board in map(json.loads, (path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.json")))):
        for panel in board["panels"] if of_cluster == (board["uid"] == CLUSTER_BOARD) else ():
            for target in panel.get("targets", ()):  # a row has none
                query = target["expr"]
                for name, value in VARIABLES.items():
                    query = query.replace(name, value)
                yield f"{board['title']}: {panel['title']}", query


def queries_of_alerts(alerts: dict[str, Any], *, of_cluster: bool = False) -> Iterator[tuple[str, str]]:
    """The expression that each alert compares; a comparison itself has an answer only in trouble."""
    for group in (group for group in alerts["groups"] if of_cluster == (group["name"] == "cluster")):
        for rule in group["rules"]:
            compared = rule["expr"].partition(" or ")[0]  # more of an alert has an answer only in trouble, too
            for condition in compared.split(" and "):
                assert THRESHOLD.search(condition), rule
                yield rule["alert"], THRESHOLD.sub("", condition)


@asynccontextmanager
async def prometheus(stack: Stack, config: Path, directory: Path) -> AsyncIterator[str]:
    """A Prometheus with our configuration, but for addresses and intervals; where it answers."""
    program = shutil.which("prometheus")
    assert program, "this test starts Prometheus: apt-get install prometheus"
    ours = yaml.safe_load(config.read_text(encoding="utf-8"))
    ours["global"] = dict.fromkeys(("scrape_interval", "evaluation_interval"), f"{_SCRAPE_SECONDS}s")
    ours["rule_files"] = [str(config.parent / name) for name in ours["rule_files"]]
    targets = {
        "api": urlsplit(stack.api_url).netloc,
        "sync": f"{LOOPBACK}:{stack.settings.sync_metrics_port}",
    }
    for job in ours["scrape_configs"]:
        del job["dns_sd_configs"]
        job.pop("authorization", None)  # nobody is asked who they are in these tests
        job["static_configs"] = [{"targets": [targets.pop(job["job_name"])]}]
    assert not targets
    local, address = directory / "prometheus.yml", f"{LOOPBACK}:{free_port()}"
    local.write_text(yaml.safe_dump(ours), encoding="utf-8")
    command = [
        program,
        f"--config.file={local}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
    ]
    child = Child("prometheus", command, directory / "prometheus.log")
    child.start()
    try:
        yield f"http://{address}"
    finally:
        child.stop()


async def unanswered(url: str, queries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The queries that have no answer now."""
    silent = []
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        for where, query in queries:
            try:
                async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
                    told = await response.json()
            except aiohttp.ClientError:  # it is only starting
                return queries
            assert told["status"] == "success", (where, query, told)
            values = [float(series["value"][1]) for series in told["data"]["result"]]
            if not values or all(value != value for value in values):  # noqa: PLR0124  # NaN: divided by nothing
                silent.append((where, query))
    return silent


async def all_are_answered(url: str, queries: list[tuple[str, str]], *beside: "asyncio.Task[None]") -> None:
    """Waits until each query has had an answer. Fails the test if one has none, or with what a task beside raised."""
    silent = queries

    async def are() -> bool:
        nonlocal silent
        for task in beside:
            if task.done():
                task.result()
        silent = await unanswered(url, silent)
        await asyncio.sleep(_SCRAPE_SECONDS / 2)
        return not silent

    try:
        await wait_until(are, PATIENCE_SECONDS)
    except AssertionError:
        pytest.fail("\n".join(f"{where}: {query}" for where, query in silent))


async def sell(storefront: Storefront) -> None:
    """A little of everything that can happen at a sale, until cancelled."""
    event = await storefront.create_event(capacity=1)
    roomy = await storefront.create_event(capacity=100_000)
    await storefront.hold(event.ticket_id, "first")
    for number in count():
        await storefront.hold(event.ticket_id, "late")
        held = await storefront.hold(roomy.ticket_id, f"customer-{number}")
        assert held.status == 201, held
        await storefront.pay(held.body["id"], "card_error")
        await storefront.pay(held.body["id"])
        listed = await storefront.ask("GET", f"/v1/reservations/{held.body['id']}/etickets")
        for direction in ("in", "out"):
            scan = {"code": listed.body["items"][0]["code"], "direction": direction}
            await storefront.ask("POST", f"/v1/events/{roomy.event_id}/check-ins", scan)
        await asyncio.sleep(_REST_SECONDS)  # no waiting: the pace of customers


async def wait_in_queue(storefront: Storefront) -> None:
    """A crowd in a waiting room, until cancelled."""
    room = {"opens_at": "2020-01-01T00:00:00Z", "pass_seconds": 1, "places_per_pass": 1}
    event = await storefront.create_event(capacity=100_000, waiting_room=room)
    queue = f"/v1/events/{event.event_id}/queue"
    for number in count():
        who = f"?customer_id=waiting-{number}"
        assert (await storefront.hold(event.ticket_id, f"waiting-{number}")).code == "queue_required"
        assert (await storefront.ask("POST", f"{queue}{who}")).status == 201
        await storefront.ask("POST", f"{queue}/enter{who}")
        assert (await storefront.ask("GET", queue)).status == 200
        await asyncio.sleep(_REST_SECONDS)  # no waiting: the pace of customers


async def use_codes_and_wait(storefront: Storefront) -> None:
    """Codes that are used up, or wrong, or of another ticket; and customers who wait, until cancelled."""
    event = await storefront.create_event(capacity=1, waiting_list={})
    await storefront.hold(event.ticket_id, "early")
    roomy = await storefront.create_event(capacity=100_000)
    code = {"kind": "discount", "percent": 10, "codes": ["ONCE"], "max_uses": 1, "max_places_per_use": 1}
    made = await storefront.ask("POST", f"/v1/events/{roomy.event_id}/codes", code)
    assert made.status == 201, made
    path = f"/v1/events/{event.event_id}/waiting-list"
    for number in count():
        for name, places in (("ONCE", 1), ("ONCE", 2), ("WRONG", 1)):
            await storefront.hold(roomy.ticket_id, f"coded-{number}", places=places, code=name)
        who = {"customer": {"id": f"waits-{number}"}, "contact": {"email": "a@example.com"}, "quantity": 1}
        joined = await storefront.ask("POST", path, {**who, "ticket_id": event.ticket_id})
        assert joined.status == 201, joined
        if number % 2:
            await storefront.ask("DELETE", f"{path}/{joined.body['id']}")
        await asyncio.sleep(0.2)  # nobody hurries to wait


async def hold_again_and_again(storefront: Storefront, ticket_id: int) -> None:
    """Changes that streams report, until cancelled."""
    for number in count():
        await storefront.hold(ticket_id, f"watched-{number}")
        await asyncio.sleep(_REST_SECONDS)  # no waiting: the pace of customers


async def follow(stack: Stack, event_id: int) -> None:
    """Reads the stream of an event, until cancelled."""
    url = f"{stack.api_url}/v1/events/{event_id}/availability/stream"
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as response:
        async for _ in response.content:
            pass


async def test_every_panel_and_alert_has_an_answer(
    stack: Stack, storefront: Storefront, repository: Path, tmp_path: Path
) -> None:
    await stack.start("gateway", "sync", "api")
    deploy = repository / "deploy"
    alerts = yaml.safe_load((deploy / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    queries = [*queries_of_panels(deploy / "grafana" / "dashboards"), *queries_of_alerts(alerts)]
    assert len(queries) > 30
    sale = asyncio.create_task(sell(storefront))
    watched = await storefront.create_event(capacity=100_000)
    beside = [asyncio.create_task(each) for each in (wait_in_queue(storefront), follow(stack, watched.event_id))]
    beside.append(asyncio.create_task(hold_again_and_again(storefront, watched.ticket_id)))
    beside.append(asyncio.create_task(use_codes_and_wait(storefront)))
    try:
        async with prometheus(stack, deploy / "prometheus" / "prometheus.yml", tmp_path) as url:
            assert await unanswered(url, [("a query that has no answer", "onsale_no_such_metric")])
            await all_are_answered(url, queries, sale, *beside)
    finally:
        for task in (sale, *beside):
            task.cancel()


@pytest.fixture
def cluster_stack(tmp_path: Path, database: Database) -> Iterator[ClusterStack]:
    with (
        EmbeddedCluster(tmp_path / "cluster", tmp_path, 3, 1) as cluster,
        ClusterStack(tmp_path, *database, cluster) as stack,
    ):
        yield stack


async def sell_everywhere(storefront: Storefront) -> None:
    """Holds of events in several partitions, until cancelled."""
    events = [await storefront.create_event(capacity=100_000) for _ in range(6)]
    for number in count():
        for event in events:
            await storefront.hold(event.ticket_id, f"customer-{number}")
        await asyncio.sleep(_REST_SECONDS)  # no waiting: the pace of customers


async def told_by_sync(stack: Stack, metric: str) -> dict[str, float]:
    """The values of a metric of the sync worker, by the words of their labels."""
    url = f"http://{LOOPBACK}:{stack.settings.sync_metrics_port}/metrics"
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session, session.get(url) as response:
        lines = (await response.text()).splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith(metric + "{"))
    return {labels: float(value) for labels, _, value in found}


async def test_every_panel_and_alert_of_a_cluster_has_an_answer(
    cluster_stack: ClusterStack, repository: Path, tmp_path: Path
) -> None:
    """After a failover they show the nodes that are primaries then."""
    stack, cluster, deploy = cluster_stack, cluster_stack.cluster, repository / "deploy"
    await stack.start("gateway", "sync", "api")
    alerts = yaml.safe_load((deploy / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    folder = deploy / "grafana" / "dashboards"
    queries = [*queries_of_panels(folder, of_cluster=True), *queries_of_alerts(alerts, of_cluster=True)]
    assert len(queries) > 10
    async with Storefront.at(stack.api_url) as storefront:
        sale = asyncio.create_task(sell_everywhere(storefront))
        try:
            async with prometheus(stack, deploy / "prometheus" / "prometheus.yml", tmp_path) as url:
                await all_are_answered(url, queries, sale)
            slot = slot_of(stack.key(0, "meta"))
            await hand_over(cluster, slot)
            before = f"127.0.0.1:{cluster.ports[0]}"

            async def are_told() -> bool:
                homes = await told_by_sync(stack, "onsale_partition_node")
                replicas = await told_by_sync(stack, "onsale_replicas")
                now = f"127.0.0.1:{cluster.ports[cluster.primary_of(slot)]}"
                return (
                    f'onsale_partition_node{{node="{now}",partition="00"}}' in homes
                    and len(homes) == stack.settings.partitions
                    and not any(before in labels for labels in (*homes, *replicas))
                )

            await wait_until(are_told, PATIENCE_SECONDS, "the new primary is shown, and the old one no longer")
        finally:
            sale.cancel()
