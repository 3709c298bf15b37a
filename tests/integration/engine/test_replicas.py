"""Durability levels: what is answered is on a replica, which may be cut off, stand still and come back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.commands.events import Count
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.errors import HOW_TO_LEARN, OutcomeUnknown
from engine.ids import new_reservation_id
from engine.results.events import Counts
from engine.results.holds import Held
from engine.settings import Settings
from tests.support.engine.bulk_holds import event_of
from tests.support.engine.replica_pair import Pair, replica_pair
from tests.support.invariants import check_invariants

EVENT = 1


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with replica_pair(tmp_path) as pair:
        yield pair
        check_invariants(pair.server.url)


@pytest.fixture
def settings(pair: Pair) -> Settings:
    return Settings(redis_url=pair.server.url, partitions=2, replica_acks=1, replica_timeout_ms=200)


def hold_of(customer_id: str) -> Hold:
    return Hold(new_reservation_id(EVENT), EVENT, customer_id, "{}", "digest", items_text([(7, 1)]))


async def held(engine: Engine) -> int:
    counts = await engine.submit(Count(EVENT))
    assert isinstance(counts, Counts)
    return counts.tickets[0].held


async def test_answered_changes_are_on_the_replica(pair: Pair, settings: Settings) -> None:
    await pair.join()
    async with Engine(settings) as engine:
        await engine.submit(event_of(EVENT, 100))
        before = pair.calls("fcall"), pair.calls("wait")
        commands = [hold_of(str(number)) for number in range(50)]
        for command in commands[:20]:
            assert isinstance(await engine.submit(command), Held)
            assert pair.at_replica.hexists("{p01}:ledger", command.reservation_id)
        await asyncio.gather(*map(engine.submit, commands[20:]))
        assert pair.at_replica.hlen("{p01}:ledger") == 50
        batches, waits = pair.calls("fcall") - before[0], pair.calls("wait") - before[1]
        assert 20 < batches == waits < 50, "one for each batch"


async def test_a_replica_that_is_cut_off(pair: Pair, settings: Settings) -> None:
    await pair.join()
    async with Engine(settings) as engine:
        await engine.submit(event_of(EVENT, 100))
        await pair.cut_off()
        commands = [hold_of(str(number)) for number in range(10)]
        for _ in range(2):
            answers = await asyncio.gather(*map(engine.submit, commands), return_exceptions=True)
            assert {type(answer) for answer in answers} == {OutcomeUnknown}
            assert all(HOW_TO_LEARN in str(answer) for answer in answers)
        assert not pair.at_replica.hlen("{p01}:ledger")
        await pair.join()
        again = await asyncio.gather(*map(engine.submit, commands))
        assert all(isinstance(answer, Held) and answer.replayed for answer in again), "the first try had the effect"
        assert await held(engine) == pair.at_replica.hlen("{p01}:ledger") == 10


async def test_a_repeat_is_not_acknowledged_for_nothing(pair: Pair, settings: Settings) -> None:
    """Another process repeats a request that a replica has not got: it writes nothing, and must wait all the same."""
    await pair.join()
    command = hold_of("22")
    async with Engine(settings) as engine, Engine(settings) as other:
        await engine.submit(event_of(EVENT, 100))
        async with pair.standing_still():
            with pytest.raises(OutcomeUnknown):
                await engine.submit(command)
            assert pair.confirmed_by_bare_wait(command.reservation_id) == 1, "the negative control"
            for _ in range(3):
                with pytest.raises(OutcomeUnknown):
                    await other.submit(command)
        again = await other.submit(command)
        assert isinstance(again, Held)
        assert again.replayed
        assert pair.at_replica.hexists("{p01}:ledger", command.reservation_id)
