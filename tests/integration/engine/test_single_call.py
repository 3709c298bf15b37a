"""The end of a new hold in the very call that makes it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from engine.commands.command import Command
from engine.commands.events import PutEvent
from engine.commands.holds import Add, Cancel, Hold, Remove
from engine.commands.items import BestSeats, NamedSeats, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.reservations import Find
from engine.commands.seats import ReadSeatMap
from engine.engine import Engine
from engine.facts import decode_facts
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.redis_keys import OUTBOX_FIELD
from engine.results.holds import Cancelled, Held
from engine.results.payments import Paid, Paying
from engine.results.reservations import Expired, Found, KeyReused
from engine.results.seats import SeatMap
from engine.settings import Settings
from engine.stock import PoolCapacity, SectionMap
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus, State
from tests.support.waiting import wait_until

RID = new_reservation_id(1)
HOLD = Hold(RID, 1, "22", "{}", "digest", items_text([(7, 2)]))
SEATS = Hold(RID, 1, "22", "{}", "digest", items_text([BestSeats(8, 2, True)]))
PAY = BeginPayment(RID, "pay-a", 200, "digest")

STORIES: list[tuple[list[Command[Any]], list[type], State]] = [
    ([HOLD, HOLD], [Held, Held], State.HELD),
    ([HOLD, Hold(RID, 1, "22", "{}", "other", items_text([(7, 1)]))], [Held, KeyReused], State.HELD),
    ([HOLD, Find(RID), Cancel(RID), HOLD], [Held, Found, Cancelled, Held], State.CANCELLED),
    ([HOLD, PAY, ConfirmPayment(RID, "pay-a")], [Held, Paying, Paid], State.PAID),
    ([HOLD, PAY], [Held, Paying], State.PAYING),
    ([HOLD, Add(RID, 1, "22", "{}", (7, 1))], [Held, Held], State.HELD),
    ([SEATS, Remove(RID, "s0", [1])], [Held, Held], State.HELD),
]


async def count_facts(engine: Engine) -> int:
    entries = await engine.redis.xrange(engine.keys[1].outbox, min="-", max="+", count=10)
    return sum(len(decode_facts(fields[OUTBOX_FIELD])) for _, fields in entries)


async def at_once(engine: Engine, commands: Sequence[Command[Any]]) -> list[Any]:
    """The results of commands that went in one call."""
    before = (await engine.redis.info("commandstats"))["cmdstat_fcall"]["calls"]
    results = await asyncio.gather(*map(engine.submit, commands))
    assert (await engine.redis.info("commandstats"))["cmdstat_fcall"]["calls"] == before + 1
    return results


@pytest.mark.parametrize(("commands", "kinds", "state"), STORIES, ids=range(len(STORIES)))
async def test_a_new_hold_is_there_for_the_rest_of_its_call(
    engine: Engine, commands: list[Command[Any]], kinds: list[type], state: State
) -> None:
    terms = Terms(
        EventStatus.ON_SALE, 0, 0, 900_000, 10, [TicketTerms(7, ["7"], 100), TicketTerms(8, ["s0"], 100, True)]
    )
    await engine.submit(PutEvent(1, terms, [PoolCapacity("7", 10)], [SectionMap("s0", "aaaa")]))
    others = [Hold(new_reservation_id(1), 1, str(number), "{}", "", items_text([(7, 1)])) for number in range(2)]
    results = await at_once(engine, [others[0], *commands, others[1]])
    assert [type(result) for result in results] == [Held, *kinds, Held]
    records = [result.record for result in results[1:-1] if hasattr(result, "record")]
    found = await engine.submit(Find(RID))
    assert isinstance(found, Found)
    assert found.record.state is state
    assert found.record in records
    assert await count_facts(engine) == len(others) + len(set(map(str, records)))


@pytest.mark.parametrize(("command", "kind"), [(HOLD, Held), (Add(RID, 1, "22", "{}", (7, 1)), Expired)])
async def test_a_customer_comes_back_to_a_hold_that_waits_to_be_given_back(
    engine_settings: Settings, command: Command[Any], kind: type
) -> None:
    """More expired than a call gives back, and this hold is not among the first: of one instant, ids decide."""
    terms = Terms(EventStatus.ON_SALE, 0, 0, 1, 10, [TicketTerms(7, ["7"], 100)])
    first = Hold(f"1-{'-' * 16}", 1, "1", "{}", "", items_text([(7, 1)]))
    assert first.reservation_id < RID
    async with Engine(replace(engine_settings, sweep_slice=1)) as engine:
        await engine.submit(PutEvent(1, terms, [PoolCapacity("7", 10)]))
        *_, held = await at_once(engine, [first, HOLD])
        deadline_ms: int = held.record.deadline_ms

        async def ran_out() -> bool:
            return await server_time_ms(engine.redis) >= deadline_ms

        await wait_until(ran_out)
        assert type(await engine.submit(command)) is kind
        found = await engine.submit(Find(RID))
    assert isinstance(found, Found)
    assert found.record.state is State.EXPIRED


@pytest.mark.parametrize(("second", "writes"), [(198, 1), (901, 2)], ids=["near", "far"])
async def test_seats_near_each_other_are_written_in_one_call_of_redis(engine: Engine, second: int, writes: int) -> None:
    """With what is between them as it was: free, blocked and the ends of rows."""
    rows = "\n".join(["ab" * 50] * 10)
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, 10, [TicketTerms(8, ["s0"], 100, True)])
    await engine.submit(PutEvent(1, terms, [], [SectionMap("s0", rows)]))
    seats = [1, 3, second]
    wishes = {str(seat): items_text([NamedSeats(8, 1, "s0", [seat])]) for seat in seats}
    holds = [Hold(new_reservation_id(1), 1, customer, "{}", "", wish) for customer, wish in wishes.items()]
    await engine.redis.execute_command("CONFIG", "RESETSTAT")
    assert {type(result) for result in await asyncio.gather(*map(engine.submit, holds))} == {Held}
    stats = await engine.redis.info("commandstats")
    assert stats["cmdstat_setrange"]["calls"] == writes
    shown = await engine.submit(ReadSeatMap(1, "s0"))
    assert isinstance(shown, SeatMap)
    assert shown.text == "".join("h" if place in seats else text for place, text in enumerate(rows, 1))
