"""The worker as a whole, on servers of its own that come and go."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from cli.dev.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.ports import free_port
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.commands.refunds import Refund
from engine.engine import Engine
from engine.errors import Fault
from engine.ids import new_reservation_id
from engine.results.holds import Held
from engine.settings import Settings
from payments.gateway import HttpGateway
from payments.payments import Payments
from sync.audit.audit import audit
from sync.metrics import SyncMetrics
from sync.migrations import migrate
from sync.outbox.lag import run_lag
from sync.outbox.leader import Leader
from sync.postgres import Postgres, PostgresAway
from sync.upkeep.stock_gauge import Stock, stock_on_sale
from sync.worker import run_sync
from tests.support.engine.waiting_list import WaitingEvent
from tests.support.prepared_postgres import DATABASE
from tests.support.sync.box_office import DETAILS, BoxOffice, running
from tests.support.waiting import wait_until


async def test_it_writes_sweeps_publishes_and_tells_of_itself(office: BoxOffice, settings: Settings) -> None:
    port = free_port()
    await office.open(hold_seconds=1)
    rid = await office.hold(3)
    async with running(run_sync(msgspec.structs.replace(settings, sync_metrics_port=port))):

        async def expired() -> bool:
            return await office.statuses() == {rid: "expired"}

        await wait_until(expired)
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(5)) as client,
            client.get(f"http://127.0.0.1:{port}/metrics") as answer,
        ):
            told = await answer.text()
    assert "onsale_sync_partitions_led 16.0" in told
    assert "onsale_sync_facts_total 2.0" in told
    assert "onsale_sweep_given_back_total 1.0" in told
    assert f'onsale_sync_lag_entries{{partition="{office.keys.partition:02}"}}' in told


async def test_it_tells_the_stock_of_events_by_their_names(office: BoxOffice, settings: Settings) -> None:
    await office.open(capacity=5)
    await office.hold(2)
    metrics = SyncMetrics()
    label = {"event": str(office.event.event_id), "name": "Concert"}
    async with running(run_lag(settings, office.engine.redis, office.engine.keys, metrics)):
        await wait_until(
            lambda: metrics.registry.get_sample_value("onsale_stock_places", label | {"state": "held"}) == 2
        )
    assert metrics.registry.get_sample_value("onsale_stock_places", label | {"state": "available"}) == 3


async def test_places_set_aside_for_a_waiting_list_count_as_held(engine_settings: Settings) -> None:
    async with Engine(engine_settings) as engine:
        await engine.init_partitions()
        event = WaitingEvent(engine)
        await event.publish(3)
        held = [await event.hold("early") for _ in range(3)]
        await event.wait("anna", 2)
        await event.cancel(held[0])
        keys = engine.partition_keys(event.event_id)
        assert await stock_on_sale(engine.redis, keys) == {event.event_id: Stock(0, 3, 0, 0, 0)}


async def test_it_tells_whose_money_is_awaited(office: BoxOffice, settings: Settings) -> None:
    await office.open()
    owed = await office.hold()
    await office.pay(owed)
    await office.engine.submit(Refund(owed, restock=True))
    for number in range(2):
        await office.begin(await office.hold(customer_id=f"c{number}"))
    metrics, label = SyncMetrics(), {"partition": f"{office.keys.partition:02}"}

    def told(name: str) -> float | None:
        return metrics.registry.get_sample_value(name, label)

    async with running(run_lag(settings, office.engine.redis, office.engine.keys, metrics)):
        await wait_until(lambda: told("onsale_payments_pinned") == 2 and told("onsale_refunds_due") == 1)
        await wait_until(lambda: (told("onsale_unsettled_age_seconds") or 0) > 0)
    async with aiohttp.ClientSession() as session:
        nobody = HttpGateway(session, f"http://127.0.0.1:{free_port()}", 1)
        assert not await Payments(office.engine, nobody, metrics.observe_payment).settle(owed, pin_ms=1)
    assert metrics.registry.get_sample_value("onsale_payments_total", {"outcome": "refund_unknown"}) == 1


async def test_each_partition_has_one_leader_and_another_worker_takes_over(
    office: BoxOffice, settings: Settings
) -> None:
    first, second = SyncMetrics(), SyncMetrics()

    def leader(metrics: SyncMetrics) -> Leader:
        return Leader(settings, office.engine, office.engine.redis, office.postgres, metrics)

    async with running(leader(second).run()):
        async with running(leader(first).run()):
            await wait_until(lambda: first.partitions_led._value.get() + second.partitions_led._value.get() == 16)
            rids = {await office.hold() for _ in range(10)}
            await wait_until(office.outbox_is_empty)
            assert first.partitions_led._value.get() + second.partitions_led._value.get() == 16
        await wait_until(lambda: second.partitions_led._value.get() == 16)
        rids |= {await office.hold() for _ in range(10)}
        await wait_until(office.outbox_is_empty)
    assert (await office.statuses()).keys() == rids
    assert first.facts._value.get() + second.facts._value.get() == 20


async def test_leadership_survives_the_loss_of_its_connection(office: BoxOffice, settings: Settings) -> None:
    metrics = SyncMetrics()
    async with running(Leader(settings, office.engine, office.engine.redis, office.postgres, metrics).run()):
        await wait_until(lambda: metrics.partitions_led._value.get() == 16)
        ended = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'onsale-sync%'"
        )
        assert await office.sql(ended) == 1
        await wait_until(lambda: metrics.partitions_led._value.get() == 0)
        rid = await office.hold()
        await wait_until(lambda: metrics.partitions_led._value.get() == 16)
        await wait_until(office.outbox_is_empty)
    assert await office.statuses() == {rid: "held"}


@pytest.fixture
def own_servers(tmp_path: Path, own_postgres: EmbeddedPostgres) -> Iterator[tuple[EmbeddedValkey, EmbeddedPostgres]]:
    """Servers that a test may stop."""
    with EmbeddedValkey(tmp_path / "valkey", tmp_path / "valkey.log") as valkey:
        yield valkey, own_postgres


@pytest.fixture
async def own_office(own_servers: tuple[EmbeddedValkey, EmbeddedPostgres]) -> AsyncIterator[BoxOffice]:
    valkey, postgres = own_servers
    settings = Settings(redis_url=valkey.url, postgres_url=postgres.url(DATABASE), postgres_timeout_ms=1000)
    async with Engine(settings) as engine, Postgres(settings) as pool:
        office = BoxOffice(settings, engine, pool)
        await office.open(capacity=10_000)
        yield office


class Sales:
    """Customers who come without pause, and go on when Redis is away."""

    def __init__(self, office: BoxOffice) -> None:
        self._office = office
        self.asked: set[str] = set()
        self.sold: set[str] = set()

    async def run(self) -> None:
        event_id = self._office.event.event_id
        while True:
            rid = new_reservation_id(event_id)
            self.asked.add(rid)
            hold = Hold(
                rid, event_id, f"c{len(self.sold) % 50}", DETAILS, "d", items_text([(self._office.ticket_id, 1)])
            )
            if isinstance(await self._office.engine.submit(hold), Held):
                self.sold.add(rid)
            await asyncio.sleep(0.001)

    async def go_on(self) -> None:
        """Waits until more was sold."""
        before = len(self.sold)
        await wait_until(lambda: len(self.sold) >= before + 50)


async def test_nothing_is_lost_while_postgres_comes_and_goes(
    own_office: BoxOffice, own_servers: tuple[EmbeddedValkey, EmbeddedPostgres]
) -> None:
    _, postgres = own_servers
    sales = Sales(own_office)
    async with running(run_sync(own_office.settings)):
        async with running(sales.run()):
            await sales.go_on()
            for end in (postgres.kill, postgres.stop):
                await asyncio.to_thread(end)
                await sales.go_on()
                with pytest.raises(PostgresAway):
                    await own_office.statuses()
                await asyncio.to_thread(postgres.start)
                await sales.go_on()
        await wait_until(own_office.outbox_is_empty, timeout=20)
        # The last one may have been held when nobody waited for the answer any more.
        assert sales.sold <= (await own_office.statuses()).keys() <= sales.asked
        assert await audit(own_office.settings) == []


async def test_it_outlives_redis(own_office: BoxOffice, own_servers: tuple[EmbeddedValkey, EmbeddedPostgres]) -> None:
    valkey, _ = own_servers

    async def caught_up() -> bool:
        try:
            return await own_office.outbox_is_empty()
        except Fault:  # on a connection from before, of whose end it was not told yet
            return False

    async with running(run_sync(own_office.settings)):
        first = await own_office.hold()
        await wait_until(caught_up)
        await asyncio.to_thread(valkey.kill)
        await asyncio.to_thread(valkey.start)
        second = await own_office.hold()
        await wait_until(caught_up)
        assert (await own_office.statuses()).keys() == {first, second}


async def test_it_starts_before_postgres_does(own_servers: tuple[EmbeddedValkey, EmbeddedPostgres]) -> None:
    valkey, postgres = own_servers
    settings = Settings(redis_url=valkey.url, postgres_url=postgres.url("later"), postgres_timeout_ms=1000)
    await asyncio.to_thread(postgres.stop)
    async with running(run_sync(settings)), Engine(settings) as engine, Postgres(settings) as pool:
        with pytest.raises(PostgresAway):
            async with pool.connection():
                pass
        await asyncio.to_thread(postgres.start)
        await asyncio.to_thread(postgres.ensure_database, "later")
        await asyncio.to_thread(migrate, settings.postgres_url)
        office = BoxOffice(settings, engine, pool)
        await office.open()
        rid = await office.hold()
        await wait_until(office.outbox_is_empty)
        assert await office.statuses() == {rid: "held"}


async def test_migrations_at_the_same_time(postgres: EmbeddedPostgres) -> None:
    url = await asyncio.to_thread(postgres.ensure_database, "crowded")
    await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(4)))
