"""The inflow of a waiting room, second by second, while a crowd buys: bounds, absentees, slow answers.

Each case is played once with the library, and once with each of the defects that it is to find.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import pytest

from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.library import library_text
from engine.results.holds import Cancelled, Held
from engine.results.waiting_rooms import Placed, QueueState
from engine.settings import Settings
from tests.support.engine.waiting_room import Room

PLACES_PER_PASS = 4
WINDOW_SECONDS = 15
SETTLING_SECONDS = 6 * WINDOW_SECONDS
"""Two windows until a share of absentees is known, and four that halve what is wrong about it."""
_LONGEST_SECONDS = 1000


class Crowd:
    """Customers who joined one after the other. Each second those who are present enter when it is their turn."""

    def __init__(self, room: Room, size: int) -> None:
        self.room, self.names = room, [f"customer-{number}" for number in range(size)]
        self.absent: set[str] = set()
        self.entered: dict[str, int] = {}
        self.second = 0
        self.state: QueueState

    async def join(self) -> None:
        for name in self.names:  # in this order
            await self.room.join(name)
        self.state = await self.room.read()

    async def pass_second(self, delay_ms: int = 0) -> list[str]:
        """The customers who came in within a second."""
        await self.room.forward(1000)
        self.second += 1
        self.state = await self.room.read(delay_ms)
        wanting = [
            name for name in self.names[: self.state.serving] if name not in self.entered and name not in self.absent
        ]
        answers = await asyncio.gather(*(self.room.enter(name) for name in wanting))
        came = [name for name, answer in zip(wanting, answers, strict=True) if isinstance(answer, Placed)]
        self.entered |= dict.fromkeys(came, self.second)
        return came

    async def leave(self, seconds: int) -> None:
        """Customers who came that long ago leave."""
        await asyncio.gather(
            *(self.room.leave(name) for name, at in self.entered.items() if at == self.second - seconds)
        )


async def check_bounds(room: Room, max_inside: int) -> QueueState:
    """A sample. A pass promises what it buys, or all that is free if that is less."""
    free, state = await room.free(), await room.read()
    assert state.inside <= max_inside
    assert state.idle * min(PLACES_PER_PASS, free) <= 1.2 * free or state.idle == 0 or free == 0, (state.idle, free)
    return state


async def promises_at_each_moment(room: Room, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # a play, no secret
    await room.publish(150, places=PLACES_PER_PASS, max_inside=20)
    crowd = Crowd(room, 150)
    await crowd.join()
    buying: list[str] = []
    while await room.free() > 0:
        free = await room.free()
        before = crowd.state.inside
        came = await crowd.pass_second()
        assert free > 0 or not came, "nobody enters while nothing is free"
        assert crowd.second < 200, f"{free} are never sold"
        buying += came
        await check_bounds(room, 20)
        rng.shuffle(buying)
        for name in [buying.pop() for _ in range(rng.randint(0, len(buying)))]:
            await room.hold(name, min(rng.choice((1, 4, 4, 4)), await room.free()) or 1)
            await check_bounds(room, 20)
        if crowd.state.inside == before == 20:
            await crowd.leave(5)
    assert (await room.read()).phase == "serving"
    assert not await crowd.pass_second()


async def a_place_that_returns(room: Room) -> None:
    await room.publish(4, places=PLACES_PER_PASS)
    crowd = Crowd(room, 10)
    await crowd.join()
    while not (came := await crowd.pass_second()):
        assert crowd.second < 10
    rids = [new_reservation_id(room.event_id) for _ in range(4)]
    for rid in rids:
        assert isinstance(await room.hold(came[0], 1, rid), Held)
    for _ in range(3):
        assert not await crowd.pass_second()
    assert isinstance(await room.cancel(rids[0]), Cancelled)
    while not (came := await crowd.pass_second()):
        assert crowd.second < 20
    assert len(came) == 1


async def the_last_places(room: Room) -> None:
    """Some customers are absent; each keeps a space for a moment only, also when one place is left."""
    rng = random.Random(2)  # noqa: S311  # a play, no secret
    await room.publish(200, places=PLACES_PER_PASS, max_inside=100, pass_ms=10_000)
    crowd = Crowd(room, 400)
    crowd.absent = {name for name in crowd.names if rng.random() < 0.15}
    await crowd.join()
    while await room.free() > 0:
        for name in await crowd.pass_second():
            await room.hold(name, min(rng.choice((1, 1, 2, 2, 2, 4)), await room.free()) or 1)
        assert crowd.second < 30, f"{await room.free()} places are still free"


async def seconds_until_all_entered(room: Room, present: int, absent_of_five: int, at_most: int) -> int:
    """Time until that many customers have come in. Of five, that many are absent; each stays two seconds."""
    crowd = Crowd(room, present * 5 // (5 - absent_of_five))
    crowd.absent = {name for number, name in enumerate(crowd.names) if number % 5 >= 5 - absent_of_five}
    await crowd.join()
    while len(crowd.entered) < present:
        await crowd.pass_second()
        await crowd.leave(2)
        assert room.terms.room is not None
        assert (await room.read()).inside <= (room.terms.room.max_inside or present)
        assert crowd.second <= at_most
    return crowd.second


async def absentees(room: Room, present: int, **limits: int) -> None:
    seconds = _LONGEST_SECONDS
    for event_id, absent_of_five in ((1, 0), (17, 3)):
        each = Room(room.engine, event_id)
        await each.publish(100_000, pass_ms=3_600_000, **limits)
        seconds = SETTLING_SECONDS + await seconds_until_all_entered(each, present, absent_of_five, seconds)


async def slow_answers(room: Room, per_minute: int) -> None:
    await room.publish(100_000, max_inside=20, pass_ms=3_600_000, per_minute=per_minute)
    crowd = Crowd(room, 700)
    await crowd.join()

    async def came_in(seconds: int, delay_ms: int) -> list[int]:
        came = []
        for _ in range(seconds):
            came.append(len(await crowd.pass_second(delay_ms)))
            await crowd.leave(2)
        return came

    usual = sum(await came_in(8, 5)) / 8
    slowed = (await came_in(9, 1000))[5:]
    recovered = (await came_in(40, 5))[-8:]
    assert sum(slowed) / 4 <= usual / 2, (usual, slowed)
    assert sum(recovered) / 8 >= 0.8 * usual, (usual, recovered)


async def expected_turns(room: Room) -> None:
    await room.publish(100_000, max_inside=10, pass_ms=60_000)
    crowd = Crowd(room, 200)
    await crowd.join()
    assert (await room.place(crowd.names[9])).longest_ms <= 10_000, "there is space for that many at once"
    first = await room.place(crowd.names[109])
    assert first.wait_ms == pytest.approx(10 * 30_000, rel=0.05), (
        "ten times ten customers, each of whom stays for half a pass"
    )
    assert first.longest_ms == pytest.approx(10 * 60_000, rel=0.05)
    for _ in range(4 * WINDOW_SECONDS):
        await crowd.pass_second()
        await crowd.leave(5)
    a_second = sum(at > 2 * WINDOW_SECONDS for at in crowd.entered.values()) / (2 * WINDOW_SECONDS)
    learned = await room.place(crowd.names[199])
    assert learned.wait_ms == pytest.approx(learned.ahead / a_second * 1000, rel=0.3)
    assert learned.wait_ms < learned.longest_ms <= 2 * learned.wait_ms


class Case(NamedTuple):
    """A play of a crowd, and what it shows."""

    name: str
    play: Callable[[Room], Awaitable[None]]


class Defect(NamedTuple):
    """Another text of the library, and the play that finds it."""

    name: str
    text: str
    instead: str
    play: Callable[[Room], Awaitable[None]]


CASES = [
    *(
        Case(
            f"at each moment little more is promised than is free, {seed}", partial(promises_at_each_moment, seed=seed)
        )
        for seed in range(3)
    ),
    Case("a place that returns lets the next one in", a_place_that_returns),
    Case("absentees keep no last place", the_last_places),
    Case("absentees who are unknown take some space", partial(absentees, present=240, max_inside=10)),
    Case("absentees take from the rate until they are known", partial(absentees, present=480, per_minute=300)),
    Case("slow answers lower the chosen rate within five seconds", partial(slow_answers, per_minute=600)),
    Case("slow answers lower what comes in within five seconds", partial(slow_answers, per_minute=0)),
    Case("a turn is expected by the length of passes, then by what comes in", expected_turns),
]

DEFECTS = [
    Defect(
        "the promise is 1.2 times what is free already as customers enter",
        "math.max(1, math.floor(free / room.terms.room[3]))",
        "math.ceil(1.2 * free / room.terms.room[3])",
        partial(promises_at_each_moment, seed=0),
    ),
    Defect(
        "the last places are promised to nobody",
        "math.max(1, math.floor(free / room.terms.room[3]))",
        "math.floor(free / room.terms.room[3])",
        a_place_that_returns,
    ),
    Defect(
        "absentees are never known",
        "if absent < room.no_show or space(u, room) > 0 then",
        "if false then",
        partial(absentees, present=480, per_minute=300),
    ),
    Defect("absentees keep the last places", "1 - passed_ms / due_ms", "1", the_last_places),
    Defect("absentees keep their space", "1 - passed_ms / due_ms", "1", partial(absentees, present=240, max_inside=10)),
    Defect(
        "slow answers do nothing", "if delay_ms > SLOW_MS and", "if false and", partial(slow_answers, per_minute=600)
    ),
    Defect(
        "slow answers lower a rate that nobody chose",
        "present * SLOWER / FASTEST_PER_MINUTE",
        "room.factor * SLOWER",
        partial(slow_answers, per_minute=0),
    ),
    Defect(
        "the rate stays low",
        "counted_ms = math.min(passed_ms, BUCKET_MS)",
        "counted_ms = 0",
        partial(slow_answers, per_minute=600),
    ),
    Defect(
        "what is not known is thought to be the best",
        "or 2 * least, is_known",
        "or FASTEST_PER_MINUTE, is_known",
        expected_turns,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
async def test_inflow(unsynced_settings: Settings, case: Case) -> None:
    async with Engine(unsynced_settings) as engine:
        await case.play(Room(engine))


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name.replace(" ", "-"))
async def test_a_defect_is_found(unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    text = library_text()
    assert text.count(defect.text) == 1, "the library changed; choose another line to break"
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(defect.text, defect.instead))
    async with Engine(unsynced_settings) as engine:
        with pytest.raises(AssertionError):
            await defect.play(Room(engine))
