"""Waiting rooms on a real server: the order, who may take places, and what survives."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.dev.embedded import EmbeddedValkey
from engine.commands.events import Drop
from engine.commands.holds import Add, Cancel, Claim, Replace
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.waiting_lists import Wait
from engine.commands.waiting_rooms import ReadQueue
from engine.engine import Engine
from engine.errors import Fault
from engine.ids import new_reservation_id
from engine.results.events import UnknownPool
from engine.results.holds import Cancelled, Held
from engine.results.limits import LimitExceeded
from engine.results.payments import Paid
from engine.results.reservations import NotFound
from engine.results.result import Result
from engine.results.waiting_lists import Waiting
from engine.results.waiting_rooms import (
    InsideFull,
    Left,
    NoQueue,
    NotYourTurn,
    PassExpired,
    Placed,
    QueueClosed,
    QueueRequired,
)
from engine.settings import Settings
from engine.terms import WaitingTerms
from engine.waiting_rooms import commitment_of, digest_of, new_proposal, position_of, seed_of
from engine.words import EventStatus, FailureReason
from tests.support.engine.server_clock import ClockedValkey
from tests.support.engine.waiting_room import EVENT, TICKET, Room, customers, inside, served
from tests.support.waiting import wait_until

HOUR = 3600


@pytest.fixture
async def engine(unsynced_settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(unsynced_settings) as engine:
        yield engine


@pytest.fixture
def room(engine: Engine) -> Room:
    return Room(engine)


# The order


async def test_a_cohort_is_drawn_when_the_sale_opens(room: Room) -> None:
    await room.publish(sale_in_ms=3_600_000)
    before = await room.read()
    assert (before.phase, before.cohort, before.secret, before.seed, before.digest) == ("gathering", -1, "", "", "")
    names = customers(50)
    placed = [await room.join(name) for name in names]
    assert [(place.index, place.position, place.ahead) for place in placed] == [(i, -1, -1) for i in range(50)]
    await room.open_sale()
    late = await room.join("late")
    assert (late.index, late.position) == (50, 50)
    drawn = await room.read()
    assert (drawn.phase, drawn.cohort, drawn.joined) == ("serving", 50, 51)
    assert drawn.commitment == before.commitment == commitment_of(drawn.secret)
    assert drawn.digest == digest_of(names)
    assert drawn.seed == seed_of(drawn.secret, EVENT, 50, drawn.digest)
    positions = [(await room.place(name)).position for name in names]
    assert positions == [position_of(index, 50, drawn.seed) for index in range(50)]
    assert sorted(positions) == list(range(50))
    assert positions != list(range(50))


@pytest.mark.parametrize("cohort", [0, 1, 2, 3, 10])
async def test_small_cohorts_are_drawn_like_large_ones(room: Room, cohort: int) -> None:
    await room.publish(sale_in_ms=3_600_000)
    for name in customers(cohort):
        await room.join(name)
    await room.open_sale()
    seed = (await room.read()).seed
    positions = [(await room.place(name)).position for name in customers(cohort)]
    assert positions == [position_of(index, cohort, seed) for index in range(cohort)]
    assert sorted(positions) == list(range(cohort))


async def test_one_customer_has_one_place(room: Room) -> None:
    await room.publish()
    answers = await asyncio.gather(*(room.join("anna") for _ in range(50)))
    assert {answer.index for answer in answers} == {0}
    assert sum(not answer.replayed for answer in answers) == 1
    assert (await room.join("ben")).index == 1


async def test_refused_joins_take_no_index(room: Room) -> None:
    await room.publish(opens_in_ms=3_600_000, sale_in_ms=7_200_000)
    assert await room.try_join("anna") == QueueClosed("")
    await room.change(status=EventStatus.CLOSED)
    assert await room.try_join("anna") == QueueClosed("sale_closed")
    await room.change(status=EventStatus.CANCELLED)
    assert await room.try_join("anna") == QueueClosed("cancelled")
    assert (await room.read()).joined == 0


async def test_customers_who_come_back_are_behind_all_others(room: Room) -> None:
    await room.publish()
    await room.join("anna")
    await room.join("ben")
    assert isinstance(await room.leave("anna"), Left)
    assert isinstance(await room.leave("anna"), Left)
    assert isinstance(await room.enter("anna"), NotFound)
    assert (await room.join("anna")).index == 2


async def test_events_without_a_room_have_no_queue(room: Room) -> None:
    await room.publish()
    await room.change(room=None)
    assert isinstance(await room.try_join("anna"), NoQueue)
    assert isinstance(await room.hold("anna"), Held)
    assert isinstance(await room.engine.submit(ReadQueue(999, *new_proposal())), UnknownPool)


# Nobody goes past it


async def test_only_customers_inside_may_take_places(room: Room) -> None:
    await room.publish(per_minute=60)
    assert await room.hold("anna") == QueueRequired()
    await room.join("anna")
    await room.join("ben")
    assert isinstance(await room.hold("ben"), NotYourTurn)
    await served(room, 1)
    assert await room.hold("anna") == NotYourTurn(0), "its turn, but it has not entered"
    assert isinstance(await room.enter("anna"), Placed)
    before = (await room.read()).serving
    assert await room.enter("ben") == NotYourTurn(1 - before)
    assert isinstance(await room.hold("anna"), Held)
    assert isinstance(await room.hold("ben"), NotYourTurn)
    assert isinstance(await room.hold(""), QueueRequired)
    assert await room.free() == 99


async def test_a_cart_is_refused_like_a_reservation(room: Room) -> None:
    await room.publish()

    async def add(customer: str, quantity: int, rid: str) -> Result:
        return await room.engine.submit(Add(rid, EVENT, customer, "{}", (TICKET, quantity)))

    rid = new_reservation_id(EVENT)
    assert await add("anna", 1, rid) == QueueRequired()
    await inside(room, "anna")
    assert isinstance(await add("anna", 3, rid), Held)
    assert await add("anna", 5, rid) == LimitExceeded(4, 3)
    assert isinstance(await add("anna", 4, rid), Held)
    assert isinstance(await add("anna", 1, rid), Held), "fewer is always possible"
    assert isinstance(await add("anna", 4, rid), Held), "and what was given back may be taken again"
    await room.forward(60_000)
    await room.read()
    assert isinstance(await add("anna", 2, rid), Held)
    assert await add("anna", 3, rid) == PassExpired()


async def test_replacing_places_needs_a_pass_for_others(room: Room) -> None:
    await room.publish()

    async def replace_with(quantity: int, rid: str) -> Result:
        return await room.engine.submit(Replace(rid, EVENT, "anna", items_text([(TICKET, quantity)])))

    rid = new_reservation_id(EVENT)
    await inside(room, "anna")
    assert isinstance(await room.hold("anna", 2, rid), Held)
    assert await replace_with(5, rid) == LimitExceeded(4, 2)
    assert isinstance(await replace_with(4, rid), Held)
    assert await room.hold("anna") == LimitExceeded(4, 4)
    assert isinstance(await replace_with(3, rid), Held)
    await room.forward(60_000)
    assert await replace_with(4, rid) == PassExpired()
    assert isinstance(await replace_with(2, rid), Held), "fewer are always possible"


async def test_a_pass_of_another_event_is_worth_nothing(room: Room, engine: Engine) -> None:
    other = Room(engine, 1 + engine.settings.partitions)
    await room.publish()
    await other.publish()
    await inside(room, "anna")
    assert await other.hold("anna") == QueueRequired()


async def test_a_pass_buys_so_many_places_and_then_ends(room: Room) -> None:
    await room.publish(places=3)
    await inside(room, "anna")
    rid = new_reservation_id(EVENT)
    held = await room.hold("anna", 3, rid)
    assert isinstance(held, Held)
    assert await room.hold("anna") == LimitExceeded(3, 3)
    assert isinstance(await room.cancel(rid), Cancelled)
    assert isinstance(await room.hold("anna", 2), Held), "what the pass took and gave back it may take again"
    pass_of = await room.place("anna")
    assert pass_of.until_ms > 0
    again = await room.enter("anna")
    assert isinstance(again, Placed)
    assert (again.until_ms, again.replayed) == (pass_of.until_ms, True)
    await room.forward(60_000)
    assert await room.hold("anna") == PassExpired()
    assert (await room.place("anna")).until_ms == 0
    repeated = await room.hold("anna", 3, rid)
    assert isinstance(repeated, Held), "a repeat is answered as the first time"
    assert isinstance(await room.enter("anna"), Placed), "who missed a pass may enter again at once"
    assert isinstance(await room.hold("anna", 3), Held)


async def test_takings_of_an_earlier_pass_give_a_later_one_nothing(room: Room) -> None:
    await room.publish(places=2)
    await inside(room, "anna")
    rid = new_reservation_id(EVENT)
    assert isinstance(await room.hold("anna", 2, rid), Held)
    await room.forward(60_000)
    await room.next_millisecond()
    assert isinstance(await room.enter("anna"), Placed)
    assert isinstance(await room.hold("anna", 2), Held)
    await room.cancel(rid)
    assert await room.hold("anna") == LimitExceeded(2, 2)


# Nothing is lost


async def test_a_claimed_hold_gives_its_places_back_to_the_pass_that_it_counts_for(room: Room) -> None:
    """It counts for the pass of its new customer from then on, and what that one took itself still counts."""
    await room.publish()
    for customer in ("nobody", "anna"):
        await inside(room, customer)
    claimed = new_reservation_id(EVENT)
    assert isinstance(await room.hold("nobody", 3, claimed), Held)
    assert isinstance(await room.hold("anna", 2), Held)
    assert isinstance(await room.engine.submit(Claim(claimed, "anna")), Held)
    assert await room.hold("anna", 1) == LimitExceeded(4, 5)
    assert isinstance(await room.cancel(claimed), Cancelled)
    assert await room.hold("anna", 3) == LimitExceeded(4, 2), "what she took herself still counts"
    assert isinstance(await room.hold("anna", 2), Held)
    assert await room.hold("nobody", 2) == LimitExceeded(4, 3), "nobody's pass has bought what it did"


async def test_a_hold_that_is_claimed_before_the_pass_began_does_not_count_for_it(room: Room) -> None:
    await room.publish()
    await inside(room, "nobody")
    claimed = new_reservation_id(EVENT)
    assert isinstance(await room.hold("nobody", 3, claimed), Held)
    await room.next_millisecond()
    await inside(room, "anna")
    assert isinstance(await room.engine.submit(Claim(claimed, "anna")), Held)
    assert isinstance(await room.hold("anna", 2), Held)
    assert isinstance(await room.cancel(claimed), Cancelled)
    assert await room.hold("anna", 3) == LimitExceeded(4, 2)
    assert isinstance(await room.hold("anna", 2), Held)


async def test_money_that_comes_late_counts_for_the_pass_that_got_its_places_back(room: Room) -> None:
    await room.publish()
    await inside(room, "anna")
    late = new_reservation_id(EVENT)
    assert isinstance(await room.hold("anna", 3, late), Held)
    await room.engine.submit(BeginPayment(late, "pay", 300, "d"))
    await room.engine.submit(FailPayment(late, "pay", FailureReason.PAYMENT_FAILED, give_back=True))
    assert isinstance(await room.engine.submit(ConfirmPayment(late, "pay")), Paid)
    assert await room.hold("anna", 2) == LimitExceeded(4, 3)
    assert isinstance(await room.hold("anna", 1), Held)


async def test_an_offer_that_is_reduced_gives_no_pass_its_places(room: Room) -> None:
    """Its customer was inside when it came, and no pass had taken its places."""
    await room.publish()
    await inside(room, "anna")
    await inside(room, "bert")
    room.capacity = 3
    await room.change(waiting=WaitingTerms(60_000, 0))
    sold = new_reservation_id(EVENT)
    assert isinstance(await room.hold("anna", 1), Held)
    assert isinstance(await room.hold("bert", 2, sold), Held)
    offer = new_reservation_id(EVENT)
    assert isinstance(await room.engine.submit(Wait(EVENT, offer, "anna", "{}", "{}", "d", TICKET, 2)), Waiting)
    await room.cancel(sold)
    fewer = await room.engine.submit(Replace(offer, EVENT, "anna", items_text([(TICKET, 1)])))
    assert isinstance(fewer, Held)
    room.capacity = 20
    await room.change()
    assert await room.hold("anna", 4) == LimitExceeded(4, 1)
    assert isinstance(await room.hold("anna", 3), Held)


async def test_processes_that_open_a_room_together_draw_once(engine_settings: Settings) -> None:
    async with Engine(engine_settings) as first, Engine(engine_settings) as second:
        rooms = [Room(first), Room(second)]
        await rooms[0].publish(sale_in_ms=300)
        names = customers(40)
        await asyncio.gather(*(rooms[number % 2].join(name) for number, name in enumerate(names)))
        secrets = {(await room.read()).commitment for room in rooms}
        assert len(secrets) == 1
        seen: set[tuple[int, str]] = set()

        async def watch(number: int) -> None:
            while True:
                state = await rooms[number % 2].read()
                if state.cohort >= 0:
                    seen.add((state.cohort, state.seed))
                    return
                await rooms[number % 2].join(f"late-{number}-{state.now_ms}")

        await asyncio.gather(*(watch(number) for number in range(10)))
        ((cohort, seed),) = seen
        state = await rooms[0].read()
        assert (state.cohort, state.seed) == (cohort, seed)
        assert cohort >= 40
        positions = [(await rooms[1].place(name)).position for name in names]
        assert positions == [position_of((await rooms[0].place(name)).index, cohort, seed) for name in names]


async def test_a_room_outlives_its_server(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey", tmp_path / "valkey.log") as server:
        async with Engine(Settings(redis_url=server.url, auth="off", partitions=2)) as engine:
            room = Room(engine)
            await room.publish(1000, sale_in_ms=3_600_000)
            indexes = {name: (await room.join(name)).index for name in customers(20)}
            before = await room.read()
            await restart(server, room)
            assert (await room.read()).commitment == before.commitment
            assert {name: (await room.join(name)).index for name in indexes} == indexes
            await room.open_sale()
            drawn = await room.read()
            positions = {name: (await room.place(name)).position for name in indexes}
            await restart(server, room)
            await served(room, 20)
            assert isinstance(await room.enter("customer-3"), Placed)
            until_ms = (await room.place("customer-3")).until_ms
            await restart(server, room)
            after = await room.read()
            assert (after.cohort, after.seed, after.serving, after.inside) == (20, drawn.seed, 20, 1)
            assert {name: (await room.place(name)).position for name in indexes} == positions
            assert (await room.place("customer-3")).until_ms == until_ms
            assert isinstance(await room.enter("customer-4"), Placed), "what was read from its own file is not doubted"


async def restart(server: EmbeddedValkey, room: Room) -> None:
    server.kill()
    server.start()

    async def answers() -> bool:
        try:
            await room.read()
        except Fault:
            return False
        return True

    await wait_until(answers, what="the server is back")
    await room.engine.redis.drop_connections()


async def test_a_replica_that_takes_over_admits_nobody_until_old_passes_have_ended(room: Room) -> None:
    await room.publish(1000)
    for name in customers(20):
        await room.join(name)
    await served(room, 5)
    assert isinstance(await room.enter("customer-0"), Placed)
    # Another server wrote last, while this one ran already.
    later_ms = (await room.read()).now_ms + 10_000
    await room.engine.redis.execute_command("HSET", room.key, "run_id", "another", "updated_ms", later_ms)
    serving = (await room.read()).serving
    assert await room.enter("customer-1") == InsideFull()
    assert isinstance(await room.enter("customer-0"), Placed), "who is known to be inside stays there"
    for _ in range(50):
        await room.forward(1000)
        assert (await room.read()).serving == serving
    await room.forward(10_000)
    assert isinstance(await room.enter("customer-1"), Placed)


async def test_a_clock_that_jumps_causes_no_burst(tmp_path: Path) -> None:
    clock = ClockedValkey(tmp_path)
    clock.start()
    try:
        async with Engine(Settings(redis_url=clock.server.url, auth="off", partitions=1)) as engine:
            room = Room(engine, 1)
            await room.publish(100_000, per_minute=60, pass_ms=600_000)
            for name in customers(50):
                await room.join(name)
            before = await room.read()
            for jump in (HOUR, 0, -HOUR, 0):
                await clock.move(jump)
                state = await room.read()
                assert before.serving <= state.serving <= before.serving + 3, "two seconds' worth at most"
                before = state
            assert [(await room.place(name)).index for name in customers(50)] == list(range(50))
    finally:
        clock.stop()


async def test_a_deleted_room_leaves_nothing(room: Room) -> None:
    await room.publish()
    await room.join("anna")
    await room.engine.submit(Drop(EVENT, 0, None))
    assert await room.engine.redis.execute_command("EXISTS", room.key, f"{room.key}:places") == 0


async def test_holds_that_end_make_space_again(room: Room) -> None:
    await room.publish(4, hold_ms=1)
    await inside(room, "anna")
    assert isinstance(await room.hold("anna", 4), Held)

    async def returned() -> bool:
        return await room.free() == 4

    await wait_until(returned, what="the hold has expired")
    state = await room.read()
    assert (state.inside, state.idle) == (1, 1)
    assert isinstance(await room.hold("anna", 4), Held)
    assert isinstance(await room.engine.submit(Cancel(new_reservation_id(EVENT))), NotFound)
