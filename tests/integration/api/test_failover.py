"""A failover behind one address: the old server lives on as a replica of the new one, and sales go on within 2 s."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from redis import Redis
from structlog.testing import capture_logs

from cli.dev.embedded import EmbeddedValkey
from engine.settings import Settings
from sync.worker import run_sync
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front
from tests.support.dropping_proxy import LosingProxy
from tests.support.invariants import check_invariants
from tests.support.waiting import wait_until

_BACK_WITHIN_SECONDS = 2.0


class Pair:
    """A primary and its replica behind one address."""

    def __init__(self, first: EmbeddedValkey, second: EmbeddedValkey, proxy: LosingProxy) -> None:
        self.first, self.second, self.proxy = first, second, proxy
        self._first, self._second = Redis.from_url(first.url), Redis.from_url(second.url)

    async def follow(self) -> None:
        """The second server has all that the first has."""
        self._first.config_set("repl-diskless-sync-delay", 0)
        self._second.replicaof("127.0.0.1", str(self.first.port))
        await wait_until(lambda: self._second.info("replication")["master_link_status"] == "up", 20, "it is connected")

    async def fail_over(self) -> None:
        """The second takes over, the first becomes its replica, and the address leads to the second from now on."""
        written = self._first.info("replication")["master_repl_offset"]
        await wait_until(lambda: self._second.info("replication")["slave_repl_offset"] >= written, 20, "it has all")
        self._second.replicaof("NO", "ONE")
        self.proxy.lead_to(self.second.url)
        self._first.replicaof("127.0.0.1", str(self.second.port))

    def close(self) -> None:
        self._first.close()
        self._second.close()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[EmbeddedValkey, EmbeddedValkey]]:
    with (
        EmbeddedValkey(tmp_path / "first", tmp_path / "first.log") as first,
        EmbeddedValkey(tmp_path / "second", tmp_path / "second.log") as second,
    ):
        yield first, second
        check_invariants(second.url)


@pytest.fixture
async def pair(servers: tuple[EmbeddedValkey, EmbeddedValkey]) -> AsyncIterator[Pair]:
    async with LosingProxy(servers[0].url) as proxy:
        pair = Pair(*servers, proxy)
        try:
            await pair.follow()
            yield pair
        finally:
            pair.close()


@asynccontextmanager
async def buying(front: Front, ticket_id: int) -> AsyncIterator[list[tuple[float, int]]]:
    """Asks for places all the time; when each answer came, and its status."""
    answers: list[tuple[float, int]] = []

    async def buy() -> None:
        while True:
            status = (await front.reserve((ticket_id, 1))).status
            answers.append((time.monotonic(), status))
            await asyncio.sleep(0.01)  # no waiting: the pace of one customer

    async with asyncio.TaskGroup() as customers:
        tasks = [customers.create_task(buy()) for _ in range(8)]
        yield answers
        for task in tasks:
            task.cancel()


async def test_sales_and_their_outcomes_go_on_after_a_failover(
    shop: Settings, sync_url: str, start_api: StartApi, pair: Pair
) -> None:
    await _fail_over_in_a_sale(shop, sync_url, start_api, pair)


@pytest.mark.alone
async def test_sales_go_on_within_two_seconds(shop: Settings, sync_url: str, start_api: StartApi, pair: Pair) -> None:
    took = await _fail_over_in_a_sale(shop, sync_url, start_api, pair)
    assert took < _BACK_WITHIN_SECONDS, f"sales went on after {took:.1f} s"


async def _fail_over_in_a_sale(shop: Settings, sync_url: str, start_api: StartApi, pair: Pair) -> float:
    """The seconds from the failover to the first hold."""
    address = pair.proxy.url
    front = await start_api(redis_url=address)
    sync_settings = replace(shop, redis_url=address, postgres_url=sync_url)
    event = await front.event(100_000)
    ticket_id = event["tickets"][0]["id"]
    async with asyncio.TaskGroup() as workers:
        worker = workers.create_task(run_sync(sync_settings))
        with capture_logs() as lines:
            async with buying(front, ticket_id) as answers:
                await wait_until(lambda: len(answers) > 20)
                held = await front.held((ticket_id, 1))
                before = len(answers)
                await pair.fail_over()
                failed_over = time.monotonic()
                await wait_until(lambda: any(status == 201 for _, status in answers[before + 16 :]), 10, "sales go on")
                took = next(at for at, status in answers[before + 16 :] if status == 201) - failed_over
                await wait_until(lambda: len(answers) > before + 40)
        assert Counter(status for _, status in answers).keys() <= {201, 503}
        paid = await front.pay(held)
        assert paid.status == 200, paid
        assert (await front.get(f"/v1/events/{event['id']}")).status == 200
        await wait_until(lambda: _is_listed(front, held["id"]), 10, "the outcome is in Postgres")
        worker.cancel()
    events = Counter(line["event"] for line in lines if "redis" in line["event"])
    assert events["redis_away"] <= 2, f"one line in each process: {events}"
    return took


async def _is_listed(front: Front, reservation_id: str) -> bool:
    found = (await front.get("/v1/reservations", status="paid")).body
    return reservation_id in {one["id"] for one in found["items"]}
