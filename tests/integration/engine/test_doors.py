"""The doors on a real server: one of many gates admits, whatever else happens to the e-ticket meanwhile.

Plays are compared with the model (tests/support/engine/reference_doors.py), once with the library, and once with each
of the defects that they are to find.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.commands.etickets import CheckIn, Etickets
from engine.commands.refunds import Refund
from engine.commands.reservations import Find
from engine.engine import Engine
from engine.gate_snapshots import read_gate_snapshot
from engine.inspection import server_time_ms
from engine.library import library_text
from engine.results.etickets import CheckedIn, EticketsListed
from engine.results.reservations import Found, NotFound
from engine.settings import Settings
from tests.support.effort import effort
from tests.support.engine.door_sales import REGULAR, VIP, Doors
from tests.support.engine.reference_doors import DoorsModel, ModelAnswer

GATES, ROUNDS = 50, 200
NEVER = 2**40
STEP_MS, HOUR_MS = 60_000, 3_600_000


@pytest.fixture
async def engine(unsynced_settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(unsynced_settings) as engine:
        yield engine


@pytest.fixture
async def doors(engine: Engine) -> Doors:
    doors = Doors(engine)
    await doors.publish()
    return doors


async def one_of_fifty(own: Settings, rounds: int) -> None:
    """Gates of two processes ask about one e-ticket at once."""
    async with Engine(own) as one, Engine(own) as other:
        doors = Doors(one)
        await doors.publish()
        for _ in range(rounds):
            ((number, _),) = [(each.number, each) for each in await doors.etickets(await doors.sold(regular=1))]
            asked = [
                (one if gate % 2 else other).submit(
                    CheckIn(1, number, 0, "", f"gate {gate}", "nonce", "in", 0, False, (0, 0, 0))
                )
                for gate in range(GATES)
            ]
            results = sorted(answer.result for answer in await asyncio.gather(*asked))
            assert results == ["admitted", *["already_in"] * (GATES - 1)]


async def test_one_of_fifty_gates_admits_in_each_round(unsynced_settings: Settings) -> None:
    await one_of_fifty(unsynced_settings, ROUNDS)


async def test_a_refund_and_a_scan_of_one_call_are_in_their_order(doors: Doors) -> None:
    rid = await doors.sold(regular=1)
    refund = Refund(rid, restock=True)
    scan = CheckIn(1, 0, 0, "", "north", "1", "in", 0, False, (0, 0, 0))
    _, answer = await asyncio.gather(doors.engine.submit(refund), doors.engine.submit(scan))
    assert answer.result == "void"


async def test_a_hold_makes_no_keys_of_doors(doors: Doors) -> None:
    keys = [key async for key in doors.engine.redis.scan_iter("*doors*", count=100)]
    assert keys == []
    await doors.sold(regular=1)
    kinds = {key.decode().rpartition(":")[2] async for key in doors.engine.redis.scan_iter("*doors*", count=100)}
    assert kinds == {"1", "etickets", "of", "changes"}


async def test_reservations_that_redis_forgot_keep_their_etickets(doors: Doors) -> None:
    rid = await doors.sold(regular=2)
    found = await doors.engine.submit(Find(rid))
    await doors.engine.redis.delete(doors.engine.partition_keys(1).hold(rid))
    assert isinstance(await doors.engine.submit(Etickets(rid)), NotFound)
    assert isinstance(found, Found)
    listed = await doors.engine.submit(Etickets(rid, found.record))
    assert isinstance(listed, EticketsListed)
    assert [each.number for each in listed.etickets] == [0, 1]
    assert (await doors.scan(1)).result == "admitted"


async def test_one_that_was_paid_before_there_were_etickets_gets_them(doors: Doors) -> None:
    rid = await doors.sold(regular=2)
    for kind in ("", ":etickets", ":of", ":changes"):
        await doors.engine.redis.delete(doors.engine.partition_keys(1).doors(1) + kind)
    assert [each.number for each in await doors.etickets(rid)] == [0, 1]


async def test_times(doors: Doors) -> None:
    await doors.sold(regular=1)
    now_ms = await server_time_ms(doors.engine.redis, doors.engine.partition_keys(1))
    assert (await doors.scan(0, times=(now_ms + NEVER, 0, 0))).result == "not_yet"
    assert (await doors.scan(0, times=(now_ms, 0, 0))).result == "admitted"


async def test_a_timed_eticket_admits_around_its_slots_start(doors: Doors) -> None:
    """The slot begins in an hour; the window is moved instead of the clock."""
    now_ms = await server_time_ms(doors.engine.redis, doors.engine.partition_keys(1))
    await doors.sold_slot(now_ms + HOUR_MS)
    for early_ms, late_ms, result in (
        (0, 1, "not_yet"),
        (HOUR_MS - STEP_MS, 1, "not_yet"),
        (2 * HOUR_MS, -2 * HOUR_MS, "other_event"),
        (2 * HOUR_MS, 1, "admitted"),
    ):
        assert (await doors.scan(0, times=(0, early_ms, late_ms))).result == result
    assert (await doors.scan(0, direction="out", times=(0, 0, -2 * HOUR_MS))).result == "admitted", "out at any time"


async def test_verdicts_are_recorded_and_change_nothing(doors: Doors) -> None:
    rid = await doors.sold(regular=1)
    before = await doors.etickets(rid)
    for verdict in ("unknown", "other_event"):
        answer = await doors.scan(-1, verdict=verdict)
        assert (answer.result, answer.number, answer.eticket) == (verdict, -1, [])
    assert (await doors.scan(1)).result == "unknown"
    assert (await doors.scan(0, issue=1)).result == "unknown"
    assert await doors.etickets(rid) == before


async def test_a_snapshot_since_a_version_has_what_changed_after(doors: Doors) -> None:
    redis, keys = doors.engine.redis, doors.engine.partition_keys(1)
    await doors.sold(regular=3, vip=1)
    known = await read_gate_snapshot(redis, keys, 1, 0)
    assert [each.number for each in known.etickets] == [0, 1, 2, 3]
    await doors.scan(2)
    changed = await read_gate_snapshot(redis, keys, 1, known.version)
    assert [each.number for each in changed.etickets] == [2]
    await doors.sold(vip=1)
    more = await read_gate_snapshot(redis, keys, 1, changed.version)
    assert [each.number for each in more.etickets] == [4]
    assert (await read_gate_snapshot(redis, keys, 1, more.version)).etickets == []


# Plays


class Sell(NamedTuple):
    regular: int
    vip: int


class GiveBack(NamedTuple):
    sale: int
    ticket: int
    quantity: int
    """0: all of it."""


class Transfer(NamedTuple):
    number: int


class Show(NamedTuple):
    """A code before a gate. `ago`: where it is offline, that many minutes ago; 0: online."""

    number: int
    issue: int
    gate: str
    nonce: str
    direction: str
    ago: int


Step = Sell | GiveBack | Transfer | Show
NUMBERS = st.integers(0, 6)
SHOWS = st.builds(
    Show,
    NUMBERS,
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from(["north", "south"]),
    st.sampled_from(["", "", "", "1", "2"]),
    st.sampled_from(["in", "in", "out"]),
    st.integers(0, 4),
)
STEPS = st.one_of(
    st.builds(Sell, st.integers(1, 3), st.integers(0, 2)),
    st.builds(GiveBack, st.integers(0, 2), st.sampled_from([REGULAR, VIP]), st.integers(0, 2)),
    st.builds(Transfer, NUMBERS),
    SHOWS,
    SHOWS,
    SHOWS,
)


class Play:
    """The same steps on the server and on the model."""

    def __init__(self, doors: Doors) -> None:
        self.doors, self.model = doors, DoorsModel()
        self._sales: list[tuple[str, dict[int, int]]] = []

    async def run(self, steps: list[Step]) -> None:
        self._base_ms = await server_time_ms(self.doors.engine.redis, self.doors.engine.partition_keys(1))
        for step in (Sell(2, 1), *steps):
            await self._step(step)
            await self._compare()

    async def _step(self, step: Step) -> None:
        match step:
            case Sell(regular, vip):
                places = {"regular": regular} | ({"vip": vip} if vip else {})
                rid = await self.doors.sold(**places)
                self._sales.append((rid, {REGULAR: regular, VIP: vip}))
                self._told(len(self._sales) - 1)
            case GiveBack(sale, ticket, quantity):
                await self._give_back(sale % len(self._sales), ticket, quantity)
            case Transfer(number):
                if number < len(self.model.tickets):
                    assert await self.doors.transfer(number) == self.model.transfer(number)
            case Show():
                await self._show(step)

    async def _give_back(self, sale: int, ticket: int, quantity: int) -> None:
        rid, places = self._sales[sale]
        if not any(places.values()) or (quantity and places[ticket] < quantity):
            assert not quantity or not await self.doors.refund(rid, ticket, quantity)
            return
        assert await self.doors.refund(rid, ticket, quantity)
        places.update({ticket: places[ticket] - quantity} if quantity else {REGULAR: 0, VIP: 0})
        self._told(sale)

    def _told(self, sale: int) -> None:
        rid, places = self._sales[sale]
        self.model.has(rid, {(ticket, str(ticket), 0): places[ticket] for ticket in places if places[ticket]})

    async def _show(self, step: Show) -> None:
        at_ms = self._base_ms - step.ago * STEP_MS if step.ago else 0
        how = {"issue": step.issue, "nonce": step.nonce, "direction": step.direction}
        answer = await self.doors.scan(
            step.number,
            step.gate,
            scanned_ms=at_ms,
            offline=step.ago > 0,
            **how,  # type: ignore[arg-type]
        )
        expected = self.model.scan(
            step.number,
            step.issue,
            step.gate,
            step.nonce or f"only {answer.now_ms} {id(step)}",
            step.direction,
            at_ms=at_ms or answer.now_ms,
            offline=step.ago > 0,
        )
        assert ModelAnswer(answer.result, answer.number, (answer.other_gate, answer.other_ms)) == expected, step

    async def _compare(self) -> None:
        found: dict[int, tuple[str, int, str, int]] = {}
        for rid, _ in self._sales:
            for number, eticket in [(each.number, each.eticket) for each in await self.doors.etickets(rid)]:
                found[number] = (rid, eticket.issue, eticket.state.value, eticket.first_in_ms)
        expected = {
            number: (one.owner, one.issue, one.state, one.first_in_ms) for number, one in enumerate(self.model.tickets)
        }
        assert found == expected


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_the_library_plays_as_the_model_says(unsynced_settings: Settings, runner: asyncio.Runner) -> None:
    engine = Engine(unsynced_settings)
    events = iter(range(1, 10**6))

    async def play(steps: list[Step]) -> None:
        doors = Doors(engine, next(events))
        await doors.publish()
        await Play(doors).run(steps)

    @settings(max_examples=effort(30, 2000), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, max_size=14))
    def search(steps: list[Step]) -> None:
        runner.run(play(steps))

    runner.run(engine.__aenter__())
    try:
        search()
    finally:
        runner.run(engine.__aexit__(None, None, None))


def show(
    number: int, *, issue: int = 0, gate: str = "north", nonce: str = "", direction: str = "in", ago: int = 0
) -> Show:
    return Show(number, issue, gate, nonce, direction, ago)


ENTER_TWICE: list[Step] = [show(0), show(0, gate="south")]
AGAIN_AFTER_GOING_OUT: list[Step] = [show(0), show(0, direction="out"), show(0), show(0, direction="out")]
THE_SAME_NONCE: list[Step] = [show(0, nonce="1"), show(0, nonce="1"), show(0, direction="out"), show(0, nonce="1")]
A_NONCE_OF_ANOTHER_GATE: list[Step] = [show(0, nonce="1"), show(1, nonce="1", gate="south")]
TRANSFERRED: list[Step] = [Transfer(0), show(0), show(0, issue=1), Transfer(0), Transfer(1), show(1, issue=1)]
REFUNDED: list[Step] = [show(0), GiveBack(0, REGULAR, 1), show(1), GiveBack(0, VIP, 0), show(0), show(2), Transfer(2)]
OFFLINE_TWICE: list[Step] = [show(0, ago=2), show(0, ago=3, gate="south"), show(0, ago=1, direction="out")]
OFFLINE_LATER: list[Step] = [show(0, ago=3), show(0, ago=2, gate="south")]
OUT_OF_ORDER: list[Step] = [show(0, ago=1, direction="out"), show(0, ago=2), show(0), show(0, ago=3, gate="south")]
SOLD_AGAIN: list[Step] = [GiveBack(0, REGULAR, 2), Sell(2, 1), show(0), show(3), show(4)]


class Defect(NamedTuple):
    """A line of the library, what it is replaced by, and the play that is to find it."""

    text: str
    instead: str
    steps: list[Step]


DEFECTS = [
    Defect("if scan.direction == 'in' and e[STATE] == 'in' then", "if false then", ENTER_TWICE),
    Defect("if scan.direction == 'out' and e[STATE] ~= 'in' then", "if false then", [show(0, direction="out")]),
    Defect("e[STATE] = passes[#passes][2]", "e[STATE] = 'in'", AGAIN_AFTER_GOING_OUT),
    Defect(
        "local raw = doors.scans[name] or redis.call('HGET', doors.key .. ':scans', name)", "local raw", THE_SAME_NONCE
    ),
    Defect("local name = scan.gate .. '\\n' .. scan.nonce", "local name = scan.nonce", A_NONCE_OF_ANOTHER_GATE),
    Defect("e[STATE] == 'void' or issue < e[ISSUE] or", "e[STATE] == 'void' or", TRANSFERRED),
    Defect("if not e or scan.issue > e[ISSUE] then", "if not e then", [show(0, issue=1)]),
    Defect(
        "if e[STATE] == 'in' or e[ISSUE] == MOST_ISSUE then", "if e[ISSUE] == MOST_ISSUE then", [show(0), Transfer(0)]
    ),
    Defect(
        "VOID_FIRST = { valid = 1, out = 2, ['in'] = 3 }", "VOID_FIRST = { valid = 3, out = 2, ['in'] = 1 }", REFUNDED
    ),
    Defect(
        "return one > other\n    end)\n    for i = 1, surplus",
        "return one < other\n    end)\n    for i = 1, surplus",
        [GiveBack(0, REGULAR, 1)],
    ),
    Defect("e[STATE] = 'void'\n", "", REFUNDED),
    Defect("return before and before[2] == 'in' and before or", "return", OFFLINE_LATER),
    Defect("or after and after[2] == 'in' and after or nil", "or nil", OFFLINE_TWICE),
    Defect("passes[place - 1][1] > at_ms do", "passes[place - 1][1] > at_ms and false do", OUT_OF_ORDER),
    Defect("math.min(e[FIRST_IN_MS], at_ms)", "e[FIRST_IN_MS]", OFFLINE_TWICE),
    Defect("doors.next + quantity, MOST) - 1 do", "doors.next + quantity, MOST) - 2 do", SOLD_AGAIN[:1]),
    Defect("and SOLD_ONCE[r.was] then", "and false then", REFUNDED),
    Defect("wanted[name] = -surplus", "wanted[name] = 1", [GiveBack(0, REGULAR, 1)]),
]
PLAYS = [
    *(defect.steps for defect in DEFECTS),
    SOLD_AGAIN,
]


async def played(own: Settings, steps: list[Step]) -> None:
    async with Engine(own) as engine:
        doors = Doors(engine)
        await doors.publish()
        await Play(doors).run(steps)


@pytest.mark.parametrize("steps", PLAYS, ids=range(len(PLAYS)))
async def test_plays(unsynced_settings: Settings, steps: list[Step]) -> None:
    await played(unsynced_settings, steps)


@pytest.mark.damages_keys
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.text[:30].replace(" ", "-"))
async def test_a_defect_is_found(unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    text = library_text()
    assert text.count(defect.text) == 1, "the library changed; choose another line to break"
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(defect.text, defect.instead))
    with pytest.raises((AssertionError, TimeoutError)):
        await played(unsynced_settings, defect.steps)


@pytest.mark.damages_keys
async def test_without_the_guard_several_gates_admit(
    unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the fifty gates."""
    guard = DEFECTS[0]
    text = library_text()
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(guard.text, guard.instead))
    with pytest.raises(AssertionError):
        await one_of_fifty(unsynced_settings, 1)


async def test_scans_that_come_with_payments_and_refunds_see_each_of_them(doors: Doors) -> None:
    """One call pays, refunds and scans: every scan is decided after what came before it."""
    sold = [await doors.sold(regular=1) for _ in range(30)]
    asked = []
    for number, rid in enumerate(sold):
        scan = CheckIn(1, number, 0, "", "north", f"{number}", "in", 0, False, (0, 0, 0))
        asked += [doors.engine.submit(Refund(rid, restock=True)), doors.engine.submit(scan)]
    answers = (await asyncio.gather(*asked))[1::2]
    assert {answer.result for answer in answers if isinstance(answer, CheckedIn)} == {"void"}
