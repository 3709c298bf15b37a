"""Samples of a waiting room while its crowd goes through, read from the engine: one instant each."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from engine.commands.events import Count
from engine.commands.waiting_rooms import ReadQueue
from engine.engine import Engine
from engine.errors import Fault
from engine.results.events import Counts
from engine.results.waiting_rooms import QueueState
from engine.settings import Settings
from engine.waiting_rooms import new_proposal

_EVERY_SECONDS = 0.2


class RoomSample(NamedTuple):
    """A room at one instant; `at_seconds` after the opening. `idle`: those inside without a place."""

    at_seconds: float
    phase: str
    joined: int
    serving: int
    inside: int
    idle: int
    free: int


@contextmanager
def watching(settings: Settings, event_id: int, opens_ms: int) -> Iterator[Sequence[RoomSample]]:
    """Samples, taken from now on until the end of the block, which may wait for a process."""
    samples: list[RoomSample] = []
    ended = threading.Event()
    watch = threading.Thread(target=asyncio.run, args=(_watch(settings, event_id, opens_ms, samples, ended),))
    watch.start()
    try:
        yield samples
    finally:
        ended.set()
        watch.join()


async def _watch(
    settings: Settings, event_id: int, opens_ms: int, samples: list[RoomSample], ended: threading.Event
) -> None:
    async with Engine(settings) as engine:
        while not ended.is_set():
            sample = await _sample(engine, event_id, opens_ms)
            if sample is not None:
                samples.append(sample)
            await asyncio.sleep(_EVERY_SECONDS)


async def _sample(engine: Engine, event_id: int, opens_ms: int) -> RoomSample | None:
    """The room and its free places by one call of the library; None if the server is away."""
    try:
        state, counts = await asyncio.gather(
            engine.submit(ReadQueue(event_id, *new_proposal())), engine.submit(Count(event_id))
        )
    except Fault:
        return None
    if not isinstance(state, QueueState) or not isinstance(counts, Counts):
        raise TypeError(f"event {event_id} has no waiting room: {state}")
    free = sum(ticket.available for ticket in counts.tickets)
    at_seconds = (state.now_ms - opens_ms) / 1000
    return RoomSample(at_seconds, str(state.phase), state.joined, state.serving, state.inside, state.idle, free)
