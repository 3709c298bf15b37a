import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
from prometheus_client import CollectorRegistry

from api.live.channel import Channel, Gone, server_sent_event
from api.live.metrics import CloseReason, StreamMetrics
from api.live.stream import UNREAD_BYTES, Stream
from engine.errors import Overloaded
from tests.support.waiting import wait_until

UNCERTAIN = 13
"""The number whose position another number may have too."""


class Transport(asyncio.Transport):
    """Remembers what was written; `unread` bytes wait for the client."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.unread = 0
        self.aborted = self.closed = False

    def is_closing(self) -> bool:
        return self.aborted or self.closed

    def get_write_buffer_size(self) -> int:
        return self.unread

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class Number:
    """A document that is one number."""

    def __init__(self, number: int) -> None:
        self.number, self.position, self.is_exact = number, f"1-{number}", number != UNCERTAIN

    def opening(self, *, known: bool) -> bytes:
        return b"known;" if known else b"all %d;" % self.number

    def changes_since(self, before: Self) -> bytes:
        return b"" if before.number == self.number else b"plus %d;" % (self.number - before.number)


class Numbers:
    """Tells the numbers that a test puts in, each once, then the last again and again."""

    interval_seconds = 0.001

    def __init__(self) -> None:
        self.now: int | Exception = 0

    async def read(self) -> Number:
        if isinstance(self.now, Exception):
            raise self.now
        return Number(self.now)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def ended() -> list[CloseReason]:
    return []


@asynccontextmanager
async def running(source: Numbers, registry: CollectorRegistry) -> AsyncIterator[Channel[Number]]:
    channel = Channel(source, StreamMetrics(registry))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(channel.run())
        await channel.wait_until_ready(5)
        yield channel
        task.cancel()


def open_stream(channel: Channel[Number], ended: list[CloseReason], last_event_id: str | None = None) -> Transport:
    transport = Transport()
    stream = Stream(transport, float("inf"), lambda _, reason: ended.append(reason))
    channel.add(stream, last_event_id)
    return transport


async def test_a_stream_begins_with_a_snapshot_and_goes_on_with_changes(
    registry: CollectorRegistry, ended: list[CloseReason]
) -> None:
    source = Numbers()
    async with running(source, registry) as channel:
        transport = open_stream(channel, ended)
        source.now = 5
        await wait_until(lambda: len(transport.written) == 2)
        source.now = 7
        await wait_until(lambda: len(transport.written) == 3)
    assert transport.written == [b"all 0;", b"plus 5;", b"plus 2;"]


async def test_a_client_that_has_the_current_state_gets_no_snapshot(
    registry: CollectorRegistry, ended: list[CloseReason]
) -> None:
    async with running(Numbers(), registry) as channel:
        assert open_stream(channel, ended, "1-0").written == [b"known;"]
        assert open_stream(channel, ended, "0-0").written == [b"all 0;"]


async def test_a_position_that_is_not_exact_spares_no_snapshot(
    registry: CollectorRegistry, ended: list[CloseReason]
) -> None:
    source = Numbers()
    source.now = UNCERTAIN
    async with running(source, registry) as channel:
        assert open_stream(channel, ended, f"1-{UNCERTAIN}").written == [b"all 13;"]


async def test_after_a_fault_all_get_a_snapshot(registry: CollectorRegistry, ended: list[CloseReason]) -> None:
    source = Numbers()
    async with running(source, registry) as channel:
        transport = open_stream(channel, ended)
        source.now = Overloaded("away")
        await asyncio.sleep(0.05)
        source.now = 1
        await wait_until(lambda: len(transport.written) == 2)
        assert transport.written == [b"all 0;", b"all 1;"]
        assert not transport.is_closing()


async def test_streams_end_when_the_document_is_gone(registry: CollectorRegistry, ended: list[CloseReason]) -> None:
    source = Numbers()
    async with running(source, registry) as channel:
        transport = open_stream(channel, ended)
        source.now = Gone("event 1")
        await wait_until(lambda: transport.closed)


async def test_a_client_that_does_not_read_is_disconnected_and_others_are_not(
    registry: CollectorRegistry, ended: list[CloseReason]
) -> None:
    source = Numbers()
    async with running(source, registry) as channel:
        slow, reader = open_stream(channel, ended), open_stream(channel, ended)
        slow.unread = UNREAD_BYTES + 1
        source.now = 1
        await wait_until(lambda: len(reader.written) == 2)
        assert slow.aborted
        assert slow.written == [b"all 0;"]


def test_an_event_has_its_lines() -> None:
    assert server_sent_event("change", "3-4", b"{}") == b"event: change\nid: 3-4\ndata: {}\n\n"


def schedules() -> Iterator[list[int]]:
    chance = random.Random(20270601)  # noqa: S311  # the same schedules in each run
    for _ in range(500):
        yield [chance.randrange(5) for _ in range(chance.randrange(1, 12))]


async def test_changes_lead_to_the_current_state_by_any_schedule(
    registry: CollectorRegistry, ended: list[CloseReason]
) -> None:
    for numbers in schedules():
        source = Numbers()
        channel = Channel(source, StreamMetrics(CollectorRegistry()))
        source.now = numbers[0]
        await channel.read_once()
        transports = []
        for number in numbers[1:]:
            transports.append(open_stream(channel, ended))
            source.now = number
            await channel.read_once()
        for transport in transports:
            text = b"".join(transport.written).decode()
            assert sum(int(part.split()[1]) for part in text.split(";") if part) == numbers[-1]
