"""A server that took over and lacks acknowledged changes: the caller notices, even without another request."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.engine import Engine
from engine.results.holds import Held
from engine.settings import Settings
from tests.integration.engine.test_replicas import EVENT, hold_of
from tests.support.dropping_proxy import LosingProxy
from tests.support.engine.bulk_holds import event_of
from tests.support.engine.replica_pair import Pair, replica_pair
from tests.support.waiting import wait_until

SETTINGS = Settings(partitions=2)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with replica_pair(tmp_path) as pair:
        yield pair


class Process(NamedTuple):
    """A process whose way to Redis may lead elsewhere, and the losses that it told of."""

    engine: Engine
    proxy: LosingProxy
    lost: list[None]

    async def hold(self, places: int) -> None:
        for number in range(places):
            assert isinstance(await self.engine.submit(hold_of(f"c{number}")), Held)

    def moves_to(self, url: str) -> None:
        self.proxy.lead_to(url)
        self.proxy.cut()


@asynccontextmanager
async def process(pair: Pair) -> AsyncIterator[Process]:
    lost: list[None] = []
    async with (
        LosingProxy(pair.server.url) as proxy,
        Engine(replace(SETTINGS, redis_url=proxy.url), tell_lost=lambda: lost.append(None)) as engine,
    ):
        await engine.submit(event_of(EVENT, 100))
        yield Process(engine, proxy, lost)


async def test_a_process_notices_what_a_failover_lost(pair: Pair) -> None:
    await pair.join()
    with capture_logs() as logs:
        async with process(pair) as seller:
            await seller.hold(2)
            await wait_until(lambda: pair.at_replica.hlen("{p01}:ledger") == 2)
            await pair.cut_off()
            await seller.hold(3)
            seller.moves_to(pair.replica.url)
            await wait_until(lambda: seller.lost, 20, "it looks back by itself")
            await seller.hold(1)
            assert len(seller.lost) == 1
    (line,) = [line for line in logs if line["event"] == "acknowledged_lost"]
    acknowledged, kept = (line[name].split("-") for name in ("acknowledged", "kept"))
    assert line["partition"] == 1
    assert acknowledged[0] == kept[0]
    assert int(acknowledged[1]) - int(kept[1]) == 3, "a batch for each hold"


async def test_a_failover_that_loses_nothing_is_not_reported(pair: Pair) -> None:
    await pair.join()
    async with process(pair) as seller:
        await seller.hold(3)
        await wait_until(lambda: pair.at_replica.hlen("{p01}:ledger") == 3)
        await pair.cut_off()
        for server in (pair.replica, pair.replica, pair.replica):
            server.kill()
            server.start()
            seller.moves_to(server.url)
            await seller.hold(1)
        assert seller.lost == []


async def test_a_loss_is_noticed_after_further_restarts(pair: Pair) -> None:
    """Others have sold on the new server meanwhile, and it was started again twice."""
    await pair.join()
    async with process(pair) as seller:
        await seller.hold(1)
        await wait_until(lambda: pair.at_replica.hlen("{p01}:ledger") == 1)
        await pair.cut_off()
        await seller.hold(1)
        for _ in range(2):
            async with Engine(replace(SETTINGS, redis_url=pair.replica.url)) as other:
                assert isinstance(await other.submit(hold_of("other")), Held)
            pair.replica.kill()
            pair.replica.start()
        assert seller.lost == []
        seller.moves_to(pair.replica.url)
        await seller.hold(1)
        assert len(seller.lost) == 1


async def test_an_emptied_server_is_noticed(pair: Pair) -> None:
    async with process(pair) as seller:
        await seller.hold(1)
        async with Engine(replace(SETTINGS, redis_url=pair.replica.url)) as other:
            await other.submit(event_of(EVENT, 100))
        seller.moves_to(pair.replica.url)
        await wait_until(lambda: seller.lost)
