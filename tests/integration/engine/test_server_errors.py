"""A server that stands still, and replies that get lost: answers come in time, and one id has one effect."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from cli.dev.embedded import EmbeddedValkey
from engine.commands.events import Count
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.ids import new_reservation_id
from engine.outbox import last_position, read_outbox
from engine.results.events import Counts
from engine.results.holds import Held
from engine.settings import Settings
from tests.support.engine.bulk_holds import event_of
from tests.support.waiting import wait_until

EVENT = 16
TIMEOUT_MS = 1500
FUNCTION = b"onsale_run"


def hold_of(customer_id: str) -> Hold:
    return Hold(new_reservation_id(EVENT), EVENT, customer_id, "{}", "digest", items_text([(7, 1)]))


async def held(engine: Engine) -> int:
    counts = await engine.submit(Count(EVENT))
    assert isinstance(counts, Counts)
    return counts.tickets[0].held


async def calls_of(engine: Engine, command: str) -> int:
    """The number of times that the server ran a command."""
    stats = await engine.redis.info("commandstats")
    calls: int = stats.get(f"cmdstat_{command}", {"calls": 0})["calls"]
    return calls


class Proxy:
    """Between the engine and its server. Loses replies when told to: the request arrives, the connection breaks."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self.port = 0
        self.to_lose = 0
        self.lost = 0
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        with suppress(ConnectionError):
            async with asyncio.TaskGroup() as tasks:
                replies = tasks.create_task(self._pass_on(server_reader, writer))
                while data := await reader.read(65_536):
                    losing = FUNCTION in data and self.lost < self.to_lose
                    if losing:
                        replies.cancel()
                        await asyncio.wait([replies])
                    server_writer.write(data)
                    await server_writer.drain()
                    if losing:
                        await server_reader.read(1)
                        self.lost += 1
                        break
                replies.cancel()
        for end in (server_writer, writer):
            end.close()
            with suppress(ConnectionError):
                await end.wait_closed()
        self.connections -= 1

    @staticmethod
    async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxied(settings: Settings, valkey: EmbeddedValkey) -> AsyncIterator[tuple[Proxy, Settings]]:
    proxy = Proxy(valkey.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield proxy, replace(settings, redis_url=f"redis://127.0.0.1:{port}/0")
    finally:
        server.close()
        await wait_until(lambda: not proxy.connections)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "data", tmp_path / "log") as server:
        yield server


async def test_server_that_stands_still(own_valkey: EmbeddedValkey) -> None:
    """Callers learn in time that the outcome is unknown; later the same ids return it, and have one effect."""
    settings = Settings(redis_url=own_valkey.url, command_timeout_ms=TIMEOUT_MS)
    async with Engine(settings) as engine:
        await engine.submit(event_of(EVENT, 100))
        commands = [hold_of(str(number)) for number in range(20)]
        os.kill(own_valkey.child.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            answers = await asyncio.gather(*map(engine.submit, commands), return_exceptions=True)
            took = time.monotonic() - began
        finally:
            os.kill(own_valkey.child.pid, signal.SIGCONT)
        assert [type(answer) for answer in answers] == [OutcomeUnknown] * 20
        assert took < 2 * TIMEOUT_MS / 1000
        again = [await engine.submit(command) for command in commands]
        assert [type(answer) for answer in again] == [Held] * 20, "no answer belongs to a call of before"
        assert [answer.record.customer_id for answer in again if isinstance(answer, Held)] == [
            command.customer_id for command in commands
        ]
        assert await held(engine) == 20


async def test_server_that_was_away_for_a_moment(own_valkey: EmbeddedValkey) -> None:
    """A crash within the timeout reaches no caller: the engine sends the batch again."""
    settings = Settings(redis_url=own_valkey.url, command_timeout_ms=10_000)
    async with Engine(settings) as engine:
        await engine.submit(event_of(EVENT, 100))
        own_valkey.kill()
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(engine.submit(hold_of(str(number)))) for number in range(20)]
            while engine.queued() < 19:
                await asyncio.sleep(0)
                if not engine.queued():
                    break
            own_valkey.start()
        assert all(isinstance(task.result(), Held) for task in waiting)
        assert await held(engine) == 20


async def test_connections_that_a_server_closed_are_opened_again_without_a_failure(own_valkey: EmbeddedValkey) -> None:
    """redis-py skips this check when it listens for notices of maintenance, its default with RESP3."""
    settings = Settings(redis_url=own_valkey.url, command_timeout_ms=10_000)
    async with Engine(settings) as engine:
        pool = engine.redis.beside(4, timeout_seconds=10)
        try:
            await asyncio.gather(*(pool.execute_command("INCR", "calls") for _ in range(4)))
            await asyncio.to_thread(own_valkey.kill)
            await asyncio.to_thread(own_valkey.start)
            counted = await asyncio.gather(*(pool.execute_command("INCR", "calls") for _ in range(8)))
        finally:
            await pool.aclose()
        assert sorted(counted) == list(range(5, 13))


async def test_a_reader_that_waits_while_its_server_becomes_a_replica(own_valkey: EmbeddedValkey) -> None:
    """Redis ends the wait with an error of its own. The reader waits again, and reads what is written then."""
    settings = Settings(redis_url=own_valkey.url, command_timeout_ms=10_000)
    async with Engine(settings) as engine:
        await engine.submit(event_of(EVENT, 100))
        keys = engine.partition_keys(EVENT)
        position = await last_position(engine.redis, keys)

        async def is_read() -> bool:
            return bool((await engine.redis.info("clients"))["blocked_clients"])

        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_outbox(engine.redis, keys, position, limit=1, block_ms=5000))
            await wait_until(is_read, what="the reader waits")
            await engine.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
            await engine.redis.execute_command("REPLICAOF", "NO", "ONE")
            assert isinstance(await engine.submit(hold_of("anna")), Held)
        assert len(reading.result()) == 1


async def test_lost_replies_have_one_effect(engine_settings: Settings, valkey: EmbeddedValkey) -> None:
    async with proxied(engine_settings, valkey) as (proxy, settings), Engine(settings) as engine:
        await engine.submit(event_of(EVENT, 100))
        before = await calls_of(engine, "fcall")
        proxy.to_lose = 3
        answers = await asyncio.gather(*(engine.submit(hold_of(str(number))) for number in range(10)))
        assert proxy.lost == 3
        assert all(isinstance(answer, Held) and answer.replayed for answer in answers), "the first try had the effect"
        assert await calls_of(engine, "fcall") - before == 4, "each try of ours is one call: the client repeats nothing"
        assert await held(engine) == 10


async def test_client_repeats_nothing_by_itself(engine_settings: Settings, valkey: EmbeddedValkey) -> None:
    async with proxied(engine_settings, valkey) as (proxy, settings), Engine(settings) as engine:
        await engine.submit(event_of(EVENT, 100))
        before = await calls_of(engine, "fcall")
        proxy.to_lose = 1
        keys = engine.keys[0].fixed
        with pytest.raises(OutcomeUnknown):
            await engine.call("onsale_run", keys, (b"\x90", 1, 1000))
        assert proxy.lost == 1
        assert await calls_of(engine, "fcall") - before == 1
