"""Waiting rooms on a real server: how many are let in, how fast, and when a room is over."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.holds import Held
from engine.results.waiting_rooms import (
    InsideFull,
    NotYourTurn,
    Placed,
    QueueClosed,
)
from engine.settings import Settings
from tests.support.engine.waiting_room import EVENT, Room, customers, inside, served

HOUR = 3600


@pytest.fixture
async def engine(unsynced_settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(unsynced_settings) as engine:
        yield engine


@pytest.fixture
def room(engine: Engine) -> Room:
    return Room(engine)


# How many are let in


async def test_nobody_is_admitted_while_nothing_is_free(room: Room) -> None:
    await room.publish(4, hold_ms=60_000)
    for name in customers(10):
        await room.join(name)
    await served(room, 1)
    assert isinstance(await room.enter("customer-0"), Placed)
    rid = new_reservation_id(EVENT)
    assert isinstance(await room.hold("customer-0", 4, rid), Held)
    state = await room.read()
    for _ in range(40):
        await room.forward(1000)
        state = await room.read()
    assert (state.serving, state.phase, state.inside) == (1, "serving", 1), "all is held, which is not over"
    assert state.next_return_ms > 0
    await room.cancel(rid)
    await served(room, 2)
    assert isinstance(await room.enter("customer-1"), Placed)


@pytest.mark.parametrize("free", [1, 3, 10, 99, 100])
async def test_customers_without_a_place_are_promised_little_more_than_is_free(room: Room, free: int) -> None:
    await room.publish(free, places=4)
    for name in customers(60):
        await room.join(name)
    state = await room.read()
    for _ in range(60):
        await room.forward(1000)
        for name in customers(60):
            await room.enter(name)
            state = await room.read()
            assert min(4 * state.idle, free) <= 1.2 * free
            assert 4 * state.idle <= max(4, 1.2 * free)
        if state.serving == 60:
            break
        if state.idle >= max(1, free // 4):
            break
    assert state.idle == max(1, free // 4), "and no less"
    assert isinstance(await room.enter("customer-59"), NotYourTurn)


async def test_the_first_who_waits_expects_the_turn_after_those_inside(room: Room) -> None:
    await room.publish(100, max_inside=1, pass_ms=8000)
    for name in customers(3):
        await room.join(name)

    async def expected(number: int) -> tuple[int, int]:
        place = await room.place(f"customer-{number}")
        return place.wait_ms, place.longest_ms

    await served(room, 1)
    assert await expected(0) == (0, 0), "it may enter now"
    assert isinstance(await room.enter("customer-0"), Placed)
    assert (await room.place("customer-1")).ahead == 0
    assert [await expected(number) for number in range(3)] == [(0, 0), (4000, 8000), (8000, 16_000)]
    await room.say(paused=[1])
    assert [await expected(number) for number in range(3)] == [(0, 0), (-1, -1), (-1, -1)]
    await room.say(paused=[0])
    await room.leave("customer-0")
    await served(room, 2)
    assert await expected(1) == (0, 0)


async def test_nobody_expects_a_turn_now_while_all_places_are_held(room: Room) -> None:
    await room.publish(4)
    await inside(room, "customer-0")
    assert isinstance(await room.hold("customer-0", 4), Held)
    await room.join("customer-1")
    place = await room.place("customer-1")
    assert (place.ahead, place.wait_ms, place.longest_ms) == (0, 30_000, 60_000)


async def test_no_more_are_inside_than_may_be(room: Room) -> None:
    await room.publish(1000, max_inside=5)
    for name in customers(40):
        await room.join(name)
    state = await room.read()
    for _ in range(60):
        await room.forward(1000)
        state = await room.read()
        for name in customers(state.serving):
            await room.enter(name)
        assert (await room.read()).inside <= 5
    assert (await room.read()).inside == 5
    assert state.serving >= 5
    await room.say(max_inside=[0])
    assert isinstance(await room.enter("customer-5"), Placed | NotYourTurn)
    await served(room, 40)
    assert isinstance(await room.enter("customer-39"), Placed)


async def test_the_rate_is_kept(room: Room) -> None:
    await room.publish(100_000, per_minute=600)
    for name in customers(100):
        await room.join(name)
    state = await room.read()
    before = state.serving
    for seconds in range(1, 6):
        await room.forward(1000)
        state = await room.read()
        assert before + 10 * (seconds - 1) <= state.serving <= before + 10 * (seconds + 2)
        for name in customers(state.serving):
            await room.enter(name)
    await room.forward(HOUR * 1000)
    after = (await room.read()).serving
    assert after <= state.serving + 20 + 1, "after a long silence two seconds' worth come at once, no more"


async def test_absentees_do_not_stop_the_others(room: Room) -> None:
    await room.publish(100_000, max_inside=10, pass_ms=3_600_000)
    names = customers(400)
    for name in names:
        await room.join(name)
    present = {name for number, name in enumerate(names) if number % 5 < 2}  # 60 % do not come
    entered: set[str] = set()
    most, state = 0, await room.read()
    for _ in range(150):
        await room.forward(1000)
        state = await room.read()
        for name in (name for name in names[: state.serving] if name in present and name not in entered):
            if isinstance(await room.enter(name), Placed):
                entered.add(name)
                await room.leave(name)  # and makes space
        most = max(most, (await room.read()).inside)
        if state.serving == 400:
            break
    assert len(entered) > 100
    assert most <= 10
    assert state.no_show > 400
    absent = next(name for name in names if name not in present)
    assert isinstance(await room.enter(absent), Placed), "and who was absent may come later"


async def test_slow_answers_lower_the_rate_and_it_recovers(room: Room) -> None:
    await room.publish(100_000, per_minute=600)
    for name in customers(300):
        await room.join(name)
    assert (await room.read()).per_minute == 600
    slow = await room.read(delay_ms=2000)
    assert slow.per_minute == 420
    assert (await room.read(delay_ms=2000)).per_minute == 420, "at most once a second"
    for _ in range(3):
        await room.forward(1000)
        slow = await room.read(delay_ms=2000)
    assert slow.per_minute < 200
    for _ in range(30):
        await room.forward(1000)
        await room.read(delay_ms=5)
    assert (await room.read()).per_minute == 600


async def test_serving_never_falls_and_a_pause_stops_it(room: Room) -> None:
    await room.publish(1000, per_minute=60)
    for name in customers(30):
        await room.join(name)
    await served(room, 3)
    paused = await room.say(paused=[1], message=["Back in ten minutes"])
    assert (paused.phase, paused.message) == ("paused", "Back in ten minutes")
    assert await room.enter("customer-0") == InsideFull()
    for _ in range(5):
        await room.forward(1000)
        assert (await room.read()).serving == paused.serving
    resumed = await room.say(paused=[0], message=[""], per_minute=[6000])
    assert (resumed.phase, resumed.message, resumed.per_minute) == ("serving", "", 6000)
    assert isinstance(await room.enter("customer-0"), Placed)
    last = resumed.serving
    for _ in range(5):
        await room.forward(1000)
        state = await room.read()
        assert state.serving >= last
        last = state.serving
    assert room.terms.room is not None
    await room.change(room=replace(room.terms.room, per_minute=120))
    assert (await room.read()).per_minute == 120, "the event's own limits count again once they change"


# The end


async def test_over_means_that_nothing_is_left_and_nothing_held(room: Room) -> None:
    await room.publish(2)
    await inside(room, "anna")
    await room.join("ben")
    rid = new_reservation_id(EVENT)
    assert isinstance(await room.hold("anna", 2, rid), Held)
    assert (await room.read()).phase == "serving"
    await sell(room, rid)
    state = await room.read()
    assert (state.phase, state.reason) == ("over", "sold_out")
    assert await room.enter("ben") == QueueClosed("sold_out")
    assert await room.try_join("carl") == QueueClosed("sold_out")
    assert (await room.join("ben")).index == 1, "a place is never lost"
    room.capacity = 3
    await room.change()
    assert (await room.read()).phase == "serving", "a place that is added later lets the next one in"
    await served(room, 2)
    assert isinstance(await room.enter("ben"), Placed)


async def sell(room: Room, rid: str) -> None:
    await room.engine.submit(BeginPayment(rid, "pay-1", 200, ""))
    assert (await room.read()).phase == "serving", "what is being paid for may return"
    await room.engine.submit(ConfirmPayment(rid, "pay-1"))
