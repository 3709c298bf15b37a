"""Paying at the deadline, a millisecond before and one after, against sweeps from another process.

A round is one reservation. Those of a batch share their deadline, so that all of them take seconds.
"""

import asyncio
import time
from collections import Counter, defaultdict
from typing import Any

import msgspec
import pytest

from engine.commands.command import OnReservation
from engine.commands.events import Count
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.reservations import Find
from engine.engine import Engine
from engine.facts import decode_facts
from engine.inspection import server_time_ms
from engine.library import library_text
from engine.outbox import BEGINNING, read_outbox
from engine.results.any_result import ANY_RESULT
from engine.results.events import Counts
from engine.results.payments import Paid, Paying
from engine.results.reservations import Expired, Found
from engine.results.result import Result
from engine.settings import Settings
from tests.support.effort import effort
from tests.support.engine.bulk_holds import bring_forward, event_of, fill

EVENT_ID = 16
ROUNDS = effort(2400, 10_000)
BYSTANDERS = 256
"""Hold places all the while, so that counters alone do not show a place that was given back too often."""
PRICE_MINOR = 30_000
TOGETHER = 30
"""Rounds that share a deadline: so few that a call takes a fraction of a millisecond."""
AHEAD_MS = 5
NEAR = (-1, 0, 1)
"""When it is paid, in ms from the deadline."""

BOUGHT, LOST, HELD = ("held", "paying", "paid"), ("held", "expired"), ("held",)

_RESULTS = msgspec.msgpack.Decoder(list[ANY_RESULT | int])


async def run(engine: Engine, commands: list[OnReservation[Any]]) -> list[Result]:
    """One call with these commands, past the queue."""
    keys = engine.keys[0]
    names = [keys.hold(command.reservation_id) for command in commands]
    reply = await engine.call("onsale_run", (*keys.fixed, *names), (msgspec.msgpack.encode(commands), 8, 60_000))
    *results, _micros = _RESULTS.decode(reply)
    return results  # type: ignore[return-value]  # the only number is the last


async def at(instant_ms: int) -> None:
    """Returns in that millisecond, if the machine lets it: no timer is so exact."""
    while time.time_ns() // 1_000_000 < instant_ms:  # noqa: ASYNC110  # an Event would come by a timer
        await asyncio.sleep(0)


async def pay(engine: Engine, reservation_ids: list[str], deadline_ms: int, near_ms: int) -> int:
    """Begins and confirms; at what ms from the deadline that was. Who is in time pays, and nobody else."""
    await at(deadline_ms + near_ms)
    begins = [BeginPayment(rid, f"pay-{rid}", PRICE_MINOR, "") for rid in reservation_ids]
    *begun, watch = await run(engine, [*begins, Find(reservation_ids[0])])
    assert isinstance(watch, Found)
    met_ms = watch.now_ms - deadline_ms
    assert {type(result) for result in begun} == {Paying if met_ms < 0 else Expired}, f"{met_ms} ms from the deadline"
    if met_ms < 0:
        confirmed = await run(engine, [ConfirmPayment(rid, f"pay-{rid}") for rid in reservation_ids])
        assert {type(result) for result in confirmed} == {Paid}
    return met_ms


async def race(settings: Settings, rounds: int) -> Counter[int]:
    """Plays the rounds; how many of them were decided how many ms from their deadline."""
    met: Counter[int] = Counter()
    async with Engine(settings) as buyers, Engine(settings) as sweeper:
        await buyers.submit(event_of(EVENT_ID, rounds + BYSTANDERS))
        async for _ in fill(buyers, EVENT_ID, BYSTANDERS):
            pass
        held = [rid async for batch in fill(buyers, EVENT_ID, rounds) for rid in batch]
        for first in range(0, rounds, TOGETHER):
            batch = held[first : first + TOGETHER]
            deadline_ms = await server_time_ms(buyers.redis) + AHEAD_MS
            await bring_forward(buyers, buyers.keys[0], batch, deadline_ms)
            thirds = [batch[number::3] for number in range(3)]
            async with asyncio.TaskGroup() as crowd:
                for near in NEAR:
                    crowd.create_task(sweep_at(sweeper, deadline_ms + near))
                pays = [
                    crowd.create_task(pay(buyers, third, deadline_ms, near))
                    for third, near in zip(thirds, NEAR, strict=True)
                ]
            for third, paid in zip(thirds, pays, strict=True):
                met[paid.result()] += len(third)
        while (await sweeper.sweep(0)).more:
            pass
        await check_everybody(buyers, rounds)
    return met


async def sweep_at(engine: Engine, instant_ms: int) -> None:
    await at(instant_ms)
    await engine.sweep(0)


async def check_everybody(engine: Engine, rounds: int) -> None:
    """Each reservation was bought or lost, as its facts tell, and the counters say the same."""
    told: dict[str, list[str]] = defaultdict(list)
    for entry in await read_outbox(engine.redis, engine.keys[0], BEGINNING, limit=100_000, block_ms=1):
        for fact in decode_facts(entry.payload):
            told[fact.reservation_id].append(fact.word.value)
    ways = Counter(map(tuple, told.values()))
    assert set(ways) <= {BOUGHT, LOST, HELD}, "paid and given back"
    assert (ways[BOUGHT] + ways[LOST], ways[HELD]) == (rounds, BYSTANDERS)
    counts = await engine.submit(Count(EVENT_ID))
    assert isinstance(counts, Counts)
    ticket = counts.tickets[0]
    assert (ticket.sold, ticket.available, ticket.paying) == (ways[BOUGHT], ways[LOST], 0)


async def test_paid_places_are_never_given_back(unsynced_settings: Settings, record_property: Any) -> None:
    met = await race(unsynced_settings, ROUNDS)
    near = {moment: met[moment] for moment in NEAR}
    record_property("rounds by ms from the deadline", near)
    assert all(near.values()), f"the deadline was never met so closely: {met}"


@pytest.mark.damages_keys
async def test_without_the_look_at_the_state_it_is_paid_and_given_back(
    unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    guard = "if NOT_PAYABLE[r.state] then"
    text = library_text()
    assert guard in text
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(guard, "if false then"))
    with pytest.raises(ExceptionGroup) as broken:
        await race(unsynced_settings, 1000)
    assert broken.group_contains(AssertionError)
