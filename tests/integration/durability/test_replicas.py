"""Durability levels: what is answered is on a replica, which may be cut off, stand still and come back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis import Redis

from cli.embedded import EmbeddedValkey
from engine.commands import Count, Hold, items_text
from engine.engine import Engine
from engine.faults import OutcomeUnknown
from engine.ids import new_reservation_id
from engine.results import Counts, Held
from engine.settings import Settings
from tests.integration.inventory.filling import event_of
from tests.invariants import check_invariants
from tests.waiting import wait_until

EVENT = 1
OUTCOME_UNKNOWN = "outcome unknown, repeat with the same key"


class Pair:
    """A server and its replica."""

    def __init__(self, server: EmbeddedValkey, replica: EmbeddedValkey) -> None:
        self.server, self.replica = server, replica
        self._at_server, self.at_replica = Redis.from_url(server.url), Redis.from_url(replica.url)
        self._at_server.config_set("repl-diskless-sync-delay", 0)

    def close(self) -> None:
        self._at_server.close()
        self.at_replica.close()

    async def join(self) -> None:
        """The replica follows the server, and has all that the server has."""
        self.at_replica.replicaof("127.0.0.1", str(self.server.port))
        await wait_until(lambda: self._at_server.info("replication")["connected_slaves"], 20, "it is connected")
        await wait_until(self._confirms, 20, "it confirms")

    async def cut_off(self) -> None:
        """The replica follows nobody."""
        self.at_replica.replicaof("NO", "ONE")
        await wait_until(lambda: not self._at_server.info("replication")["connected_slaves"], 20, "it is cut off")

    def _confirms(self) -> bool:
        self._at_server.publish("news", "")
        return bool(self._at_server.wait(1, 100))

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """The replica is connected, and confirms nothing."""
        os.kill(self.replica.child.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.replica.child.pid, signal.SIGCONT)
        await wait_until(self._confirms, 20, "it confirms again")

    def confirmed_by_bare_wait(self, reservation_id: str) -> int:
        """What WAIT says on a connection that has only read what another wrote."""
        with Redis.from_url(self.server.url, single_connection_client=True) as other:
            other.hget("{p01}:ledger", reservation_id)
            return int(other.wait(1, 100))

    def calls(self, command: str) -> int:
        """How often the server ran a command."""
        return int(self._at_server.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with (
        EmbeddedValkey(tmp_path / "server", tmp_path / "server.log") as server,
        EmbeddedValkey(tmp_path / "replica", tmp_path / "replica.log") as replica,
    ):
        pair = Pair(server, replica)
        yield pair
        pair.close()
        check_invariants(server.url)


@pytest.fixture
def settings(pair: Pair) -> Settings:
    return Settings(redis_url=pair.server.url, partitions=2, replica_acks=1, replica_timeout_ms=200)


def hold_of(customer_id: str) -> Hold:
    return Hold(new_reservation_id(EVENT), EVENT, customer_id, "{}", "digest", items_text([(7, 1)]))


async def held(engine: Engine) -> int:
    counts = await engine.submit(Count(EVENT))
    assert isinstance(counts, Counts)
    return counts.tickets[0].held


async def test_what_is_answered_is_on_the_replica(pair: Pair, settings: Settings) -> None:
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
            assert all(OUTCOME_UNKNOWN in str(answer) for answer in answers)
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
