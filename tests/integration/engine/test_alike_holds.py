"""Holds that come as columns: everything is as if each had come as a command of its own."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.acting import acting_as
from engine.alike import AlikeCodedHolds, AlikeHolds, in_columns
from engine.commands.codes import PutCodes
from engine.commands.command import Command
from engine.commands.events import PutEvent
from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.commands.reservations import Find
from engine.commands.waiting_lists import Wait
from engine.engine import Engine
from engine.facts import decode_acts, decode_facts, decode_waiting_facts
from engine.inspection import server_time_ms
from engine.library import library_text
from engine.limits import LimitsInForce
from engine.outbox import Position, last_position, read_outbox
from engine.redis_keys import PartitionKeys, partition_of
from engine.results.holds import Held
from engine.results.result import Result
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import CodeTerms, Terms, TicketTerms, WaitingTerms
from engine.words import CodeKind, DiscountForm, EventStatus
from tests.support.effort import effort

SCENES, FIRST_SCENE = effort(25, 500), 125
"""The 141st is among the first ones: there somebody who waits holds places between two others."""

PLENTY, FEW, ASIDE = 1, 2, 3
"""Tickets: of the second there are fewer than a batch asks for, of the third some are set aside."""

HALF = CodeTerms(CodeKind.DISCOUNT, [PLENTY, FEW], form=DiscountForm.PERCENT, amount=50)
MANY = [f"MANY-{number}" for number in range(1, 13)]
CODES = [
    (HALF, ["HALF-1", "HALF-2", "HALF-3"]),
    (replace(HALF, amount=25), ["QUARTER"]),
    (replace(HALF, max_uses=2), ["TWICE-1", "TWICE-2"]),
    (replace(HALF, budget_minor=1500), ["BUDGET"]),
    (replace(HALF, customer_id="c1"), ["OURS"]),
    (CodeTerms(CodeKind.ALLOCATION, [ASIDE], places=8), ["GUESTS"]),
    (replace(HALF, max_uses=3), MANY),
]
NAMES = [*(name for _, names in CODES for name in names), "UNKNOWN"]
CHOICES: list[list[str]] = [[], [], NAMES, NAMES[:3], NAMES[2:4], NAMES[4:6], ["GUESTS"], MANY]
"""The codes that holds name which come one after the other: none, all, codes of the same terms, of other terms..."""

DIGESTS = [[""], [""], ["one", "one", "another"], ["", "", "", "another"]]
"""The digests of such holds: none, of all, of some."""

TERMS = Terms(
    EventStatus.ON_SALE,
    0,
    0,
    3_600_000,
    4,
    [TicketTerms(ticket_id, [str(ticket_id)], 1000) for ticket_id in (PLENTY, FEW, ASIDE)],
)
CAPACITY = {PLENTY: 1000, FEW: 9, ASIDE: 1000}
FIRST_EVENT = 5000
"""Greater than all other numbers of a scene: normal forms know it by that."""

BOSS = '{"sub":"boss","role":"manager"}'
KEYS = 20
MOST = 32
"""Commands of a batch: as many are one call, however slow Redis is."""
_A_TIME_MS, _STEP_MS = 10**12, 10_000
_SHORT_MS = 5


class Scene:
    """A batch of commands on an event of its own. The same seed gives the same one."""

    def __init__(self, seed: int, event_id: int, *, lists: bool) -> None:
        self.event_id = event_id
        self._random = random.Random(seed)  # noqa: S311  # for a test
        self.lists = lists
        self._rids, self._customers, self._turns = (30, 12, 0.2) if lists else (60, 20, 0.15)
        self._wish, self._is_keyed, self._digests = self._another_wish(), False, [""]
        self._codes: list[str] = []

    def batch(self) -> list[Command[Any]]:
        return [self._command() for _ in range(self._random.randint(2, MOST))]

    def short_holds(self) -> list[Hold]:
        """Holds of customers of the batches, which expire before those: the first batch gives their places back."""
        return [
            Hold(
                f"{self.event_id}-{120 + number:016}",
                self.event_id,
                f"c{number}",
                "{}",
                "",
                items_text([(PLENTY, 2)]),
                hold_ms=_SHORT_MS,
            )
            for number in range(1, 7)
        ]

    def waits(self) -> list[Wait]:
        """Customers of the batches who wait for what there is little of."""
        chance = self._random
        return [
            Wait(
                self.event_id,
                f"{self.event_id}-{100 + number:016}",
                f"c{number}",
                "{}",
                "{}",
                "d",
                FEW,
                chance.randint(1, 4),
            )
            for number in chance.sample(range(1, 13), chance.randint(0, 4))
        ]

    def _another_wish(self) -> tuple[str, int, int]:
        """Items, the time of the hold, and the total that was shown."""
        chance = self._random
        tickets = [FEW] if self.lists else [PLENTY, PLENTY, FEW, ASIDE, 99]
        items = [(chance.choice(tickets), chance.choice([1, 1, 2, 5]))]
        return items_text(items), chance.choice([0, 0, 0, 1_800_000]), chance.choice([-1, -1, -1, 1000])

    def _command(self) -> Command[Any]:
        chance = self._random
        event_id = chance.choice([self.event_id] * 30 + [self.event_id + 1_000_000])  # the second one is unknown
        rid = f"{event_id}-{chance.randint(1, self._rids):016}"
        if chance.random() < (0.15 if self.lists else 0.05):
            return chance.choice([Cancel(rid), Find(rid)])
        if chance.random() < self._turns:
            self._wish, self._is_keyed = self._another_wish(), chance.random() < 0.3
            self._digests = chance.choice(DIGESTS)
            self._codes = [] if self.lists else chance.choice(CHOICES)
        items, hold_ms, expected_minor = self._wish
        key = f"answer:{{{self.event_id}-{chance.randint(1, KEYS)}}}" if self._is_keyed else ""
        return Hold(
            rid,
            event_id,
            f"c{chance.randint(1, self._customers)}",
            chance.choice(["{}", '{"first_name":"Islom"}']),
            chance.choice(self._digests),
            items,
            hold_ms=hold_ms,
            address=chance.choice([""] * 15 + ["192.0.2.1"]),
            expected_minor=expected_minor,
            code=chance.choice(self._codes) if self._codes else "",
            over_limit=chance.random() < 0.03,
            key=key,
        )


def normal(value: Any, event_id: int, began_ms: int) -> Any:
    """A value without what differs between two runs: the number of the event, and the milliseconds."""
    match value:
        case str():
            return value.replace(str(event_id), "E")
        case bool():
            return value
        case int() if value >= _A_TIME_MS:
            return f"{(value - began_ms) // _STEP_MS} steps"
        case int() if value == event_id:
            return "E"
        case list() | tuple():
            return [normal(each, event_id, began_ms) for each in value]
        case dict():
            return {normal(k, event_id, began_ms): normal(v, event_id, began_ms) for k, v in value.items()}
        case _:
            return value


async def played(engine: Engine, scene: Scene, *, acts: bool) -> Any:
    """The results of three batches, what is stored after them, and what the outbox has of them."""
    event_id = scene.event_id
    keys = engine.keys[partition_of(event_id, len(engine.keys))]
    terms = replace(TERMS, waiting=WaitingTerms(3_600_000) if scene.lists else None)
    pools = [PoolCapacity(str(ticket_id), capacity) for ticket_id, capacity in CAPACITY.items()]
    await engine.submit(PutEvent(event_id, terms, pools))
    for code_terms, names in CODES:
        await engine.submit(PutCodes(event_id, code_terms, names))
    before, began_ms = await last_position(engine.redis, keys), await server_time_ms(engine.redis, keys)
    results: list[Result] = list(await asyncio.gather(*map(engine.submit, scene.short_holds())))
    await asyncio.sleep(2 * _SHORT_MS / 1000)
    await engine.redis.execute_command("SET", f"answer:{{{event_id}-1}}", "77", "PX", 3_600_000)  # of another event
    for _ in range(3):
        with acting_as(BOSS if acts else ""):
            results += await asyncio.gather(*(engine.submit(command) for command in scene.batch()))
        if scene.lists:
            results += await asyncio.gather(*(engine.submit(wait) for wait in scene.waits()))
    told = [results, await stored(engine, keys, event_id), await outbox(engine, keys, before)]
    # Nothing lives on: a refusal names the next of the first thousand holds that end.
    await asyncio.gather(*(engine.submit(Cancel(f"{event_id}-{number:016}")) for number in range(1, 200)))
    return normal(msgspec.to_builtins(told), event_id, began_ms)


async def stored(engine: Engine, keys: PartitionKeys, event_id: int) -> Any:
    """All that is stored about the event."""
    prefix = str(event_id).encode()
    hashes = [await engine.redis.hgetall(key) for key in (keys.pools, keys.customers, keys.ledger)]
    ours = [sorted((k.decode(), v) for k, v in every.items() if k.startswith(prefix)) for every in hashes]
    records = [(rid, msgspec.msgpack.decode(record)) for rid, record in ours[2]]
    deadlines = await engine.redis.zrange(keys.deadlines, 0, -1, withscores=True)
    due = sorted((rid.decode(), int(score)) for rid, score in deadlines if rid.startswith(prefix))
    names = [
        *(keys.hold(rid) for rid, _ in ours[2]),
        *(f"answer:{{{event_id}-{number}}}" for number in range(KEYS + 1)),
    ]
    marks = [await engine.redis.get(name) for name in names]
    codes = sorted((await engine.redis.hgetall(keys.codes(event_id))).items())
    return (
        [[(k, v.decode()) for k, v in each] for each in ours[:2]],
        records,
        due,
        [m and m.decode() for m in marks],
        codes,
    )


async def outbox(engine: Engine, keys: PartitionKeys, after: Position) -> Any:
    entries = await read_outbox(engine.redis, keys, after, limit=1000, block_ms=1)
    return [
        (
            decode_facts(entry.payload),
            decode_waiting_facts(entry.waiting) if entry.waiting else [],
            decode_acts(entry.acts) if entry.acts else [],
        )
        for entry in entries
    ]


@pytest.fixture
def _no_call_raises() -> Iterator[None]:
    """A call that raises is sent again in halves, so its commands succeed one by one."""
    with capture_logs() as logs:
        yield
    assert [entry for entry in logs if entry["event"] == "batch_raised"] == []


@pytest.mark.parametrize(
    ("lists", "acts", "limits"), [(False,) * 3, (True, False, False), (False, True, False), (False, False, True)]
)
@pytest.mark.usefixtures("_no_call_raises")
async def test_columns_do_what_commands_do(
    unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch, lists: bool, acts: bool, limits: bool
) -> None:
    settings = replace(unsynced_settings, partitions=1, live_holds=2 if limits else 0)
    sent: list[AlikeHolds] = []
    as_before = False

    def watched(commands: Sequence[Command[Any]]) -> list[Command[Any] | AlikeHolds]:
        packed = in_columns(commands)
        columns = [each for each in packed if isinstance(each, AlikeHolds)]
        for each in columns:
            if as_before and not each.digests:  # processes of earlier releases sent the empty ones, too
                each.digests = [""] * len(each.reservation_ids)
        sent.extend(columns)
        return packed

    async with Engine(settings, limits=LimitsInForce(settings)):
        pass  # it has published the limits, which the next one does not know
    async with Engine(settings) as engine:
        for seed in range(FIRST_SCENE, FIRST_SCENE + SCENES):
            monkeypatch.setattr("engine.partition.in_columns", watched)
            event_id, as_before = FIRST_EVENT + 2 * seed, seed % 3 == 0
            columns = await played(engine, Scene(seed, event_id, lists=lists), acts=acts)
            monkeypatch.setattr("engine.partition.in_columns", list)
            commands = await played(engine, Scene(seed, event_id + 1, lists=lists), acts=acts)
            assert columns == commands, f"seed {seed}"
    assert len(sent) >= SCENES
    assert max(len(each.reservation_ids) for each in sent) >= 5
    assert {bool(each.digests) for each in sent} == {True, False}
    coded = [each for each in sent if isinstance(each, AlikeCodedHolds)]
    assert lists or sum(len(set(each.codes)) > 1 for each in coded) >= SCENES / 5


async def test_a_library_that_knows_no_columns_of_codes_loses_none(
    unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the release before may be on a node that comes back."""
    monkeypatch.setattr("engine.library.library_text", lambda: library_text().replace(", alike_coded_holds = true", ""))
    async with Engine(replace(unsynced_settings, partitions=1)) as engine:
        event_id = FIRST_EVENT
        await engine.submit(PutEvent(event_id, TERMS, [PoolCapacity(str(PLENTY), 100), PoolCapacity(str(FEW), 9)]))
        await engine.submit(PutCodes(event_id, HALF, ["HALF-1"]))
        hold = Hold("", event_id, "", "{}", "", items_text([(PLENTY, 1)]), code="HALF-1")
        holds = [replace(hold, reservation_id=f"{event_id}-{n:016}", customer_id=f"c{n}") for n in range(9)]
        with capture_logs() as logs:
            results = await asyncio.gather(*map(engine.submit, holds))
    prices = [result.record.total_minor for result in results if isinstance(result, Held)]
    assert prices == [500] * 9
    assert {entry["event"] for entry in logs} == {"batch_raised"}, "it was asked for columns"
