"""Keys that are missing, of a wrong type, or damaged: an error before the first write, or a right answer.

Each test damages one key in every way; its rows are all functions and commands. A row is compared with the same command
on the same partition without damage. It may raise, and then nothing at all has changed. Otherwise it gives the same
answer and changes the same keys. right() says what else is right, and why.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from redis.exceptions import ResponseError

from engine.commands.bookings import Book, CountSlots, FindBooking, Move, Unbook
from engine.commands.command import Command
from engine.commands.events import Count, EndEvent, PutEvent
from engine.commands.holds import Add, Cancel, Claim, Hold, Remove, RemovePlaces, Replace, Shorten
from engine.commands.items import BestSeats, NamedSeats, TimedPlaces, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, DisputePayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock, SettleRefund
from engine.commands.reservations import Find
from engine.commands.seats import BlockSeats, ReadSeatMap
from engine.engine import Engine
from engine.errors import EngineBug
from engine.inspection import server_time_ms
from engine.library import library_text
from engine.results.bookings import Booked, OnBooking
from engine.results.holds import Held
from engine.results.reservations import Expired, NotFound
from engine.results.result import OnRecord
from engine.settings import Settings
from engine.stock import PoolCapacity, SectionMap, SectionSeats
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus, State
from tests.support.engine.model_vs_server import SNAPSHOT, Content
from tests.support.engine.timed_slots import at, schedule_of, slot_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.damages_keys

EVENT, BRIEF = 1, 2
"""Two events of the only partition; a hold of the second has just expired."""

PREFIX = "{p00}:"
FIXED = (
    "meta",
    "events",
    "pools",
    "ledger",
    "deadlines",
    "unsettled",
    "customers",
    "outbox",
    "bookings",
    "slots",
    "purges",
)
MAP = f"{PREFIX}seats:{EVENT}:s1"
META = f"{PREFIX}meta"
SLOT, OTHER_SLOT, NEW_SLOT = 4_000_000_000_000, 4_000_003_600_000, 4_000_007_200_000
PAST_AFTER_MS = 20
"""The time from the filling of the partition to the start of the brief slot; its contents go as soon."""
RESERVATIONS = ("held", "paying", "paid", "refund_due", "cancelled", "fresh", "ran_out")


def id_of(name: str) -> str:
    event_id = BRIEF if name == "ran_out" else EVENT
    return f"{event_id}-{name:_<16}"


def hold_of(name: str) -> Hold:
    event_id = BRIEF if name == "ran_out" else EVENT
    return Hold(id_of(name), event_id, name, "{}", "digest", items_text([(7, 2), (8, 1), *SEATS_OF.get(name, [])]))


SEATS_OF: dict[str, list[NamedSeats]] = {"held": [NamedSeats(9, 2, "s1", [1, 2])]}


def booking_id(name: str) -> str:
    """Of the bookings `kept`, `moving`, `deleted` and `new`; `brief` is of the slot that is past."""
    return f"00000000-0000-4000-8000-{('kept', 'moving', 'deleted', 'new', 'brief').index(name):012}"


def event_of(event_id: int, hold_ms: int, slots: int = 5) -> PutEvent:
    tickets = [
        TicketTerms(7, ["7"], 100),
        TicketTerms(8, ["8"], 200),
        TicketTerms(9, ["s1"], 50, assigned=True),
        TicketTerms(6, [], 40, timed=True),
    ]
    terms = Terms(EventStatus.ON_SALE, 0, 0, hold_ms, 20, tickets, 0, schedule_of(slots))
    return PutEvent(
        event_id, terms, [PoolCapacity("7", 100), PoolCapacity("8", 50)], [SectionMap("s1", "aaaa\naaaaaa")]
    )


COMMANDS: dict[str, Command[Any]] = {
    "put_event": event_of(EVENT, 900_000),
    "hold": hold_of("fresh"),
    "hold again": hold_of("held"),
    "cancel": Cancel(id_of("held")),
    "cancel again": Cancel(id_of("cancelled")),
    "add places": Add(id_of("held"), EVENT, "held", "{}", (7, 3)),
    "add a seat": Add(id_of("held"), EVENT, "held", "{}", NamedSeats(9, 1, "s1", [3])),
    "add the best seats": Add(id_of("held"), EVENT, "held", "{}", BestSeats(9, 3, together=True)),
    "add best seats apart": Add(id_of("held"), EVENT, "held", "{}", BestSeats(9, 7, together=False)),
    "add a slot's places": Add(id_of("held"), EVENT, "held", "{}", TimedPlaces(6, 1, *at(NEW_SLOT))),
    "add and make the hold": Add(id_of("fresh"), EVENT, "fresh", "{}", TimedPlaces(6, 1, *at(SLOT))),
    "replace": Replace(id_of("held"), EVENT, "held", items_text([(7, 1), NamedSeats(9, 2, "s1", [2, 3])])),
    "remove": Remove(id_of("held"), "s1", [2]),
    "block_seats": BlockSeats(EVENT, [SectionSeats("s1", [4, 10])], blocked=True),
    "block the last seat": BlockSeats(EVENT, [SectionSeats("s1", [11])], blocked=True),
    "seat_map": ReadSeatMap(EVENT, "s1"),
    "begin_payment": BeginPayment(id_of("held"), "pay", 500, "digest"),
    "confirm_payment": ConfirmPayment(id_of("paying"), "pay"),
    "fail_payment": FailPayment(id_of("paying"), "pay", "card_declined"),
    "refund": Refund(id_of("paid"), True),
    "settle_refund": SettleRefund(id_of("refund_due"), "pay", id_of("refund_due")),
    "refund_some": RefundSome(id_of("paid"), "some", True, [(7, 1)]),
    "dispute_payment": DisputePayment(id_of("paying"), "pay", 1, "USD"),
    "restock": Restock(id_of("paid")),
    "claim": Claim(id_of("held"), "other"),
    "claim paying": Claim(id_of("paying"), "other"),
    "shorten": Shorten(id_of("held"), 1),
    "remove_places": RemovePlaces(id_of("held"), 7),
    "end_event": EndEvent(EVENT),
    "find held": Find(id_of("held")),
    "find paid": Find(id_of("paid")),
    "find an expired hold": Find(id_of("ran_out")),
    "count": Count(EVENT),
    "change slots": event_of(EVENT, 900_000, slots=6),
    "book": Book(EVENT, booking_id("new"), *at(NEW_SLOT), "{}", ""),
    "book what is there": Book(EVENT, booking_id("new"), *at(SLOT), "{}", ""),
    "book again": Book(EVENT, booking_id("kept"), *at(SLOT), "{}", ""),
    "book what was deleted": Book(EVENT, booking_id("deleted"), *at(SLOT), "{}", ""),
    "move": Move(EVENT, booking_id("moving"), *at(OTHER_SLOT)),
    "rename": Move(EVENT, booking_id("kept"), "", 0, '{"name":"Sen"}'),
    "unbook": Unbook(EVENT, booking_id("kept"), "one"),
    "unbook again": Unbook(EVENT, booking_id("deleted"), "one"),
    "find_booking": FindBooking(EVENT, booking_id("kept")),
    "find nothing": FindBooking(EVENT, booking_id("new")),
    "count_slots": CountSlots(EVENT, [slot_of(SLOT), slot_of(OTHER_SLOT), slot_of(NEW_SLOT)]),
}


_RESTORE = """
for i = 1, #ARGV, 3 do
  redis.call('DEL', ARGV[i])
  if ARGV[i + 2] ~= '' then
    redis.call('RESTORE', ARGV[i], ARGV[i + 1], ARGV[i + 2], 'ABSTTL')
  end
end
"""


class Stored(NamedTuple):
    """A key as DUMP gives it; 0 for no TTL. Without a dump it is not there."""

    key: bytes
    expires_ms: int
    dump: bytes


class Partition:
    """A partition with a reservation in each state, that can be put back as it was."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._stored: dict[bytes, Stored] = {}
        self.whole: dict[bytes, Content] = {}
        """All there is, without damage."""

    async def execute(self, *arguments: Any) -> Any:
        return await self.engine.redis.execute_command(*arguments)

    async def fill(self) -> None:
        submit = self.engine.submit
        await submit(event_of(EVENT, 900_000))
        await submit(event_of(BRIEF, 20))
        for name in ("held", "paying", "paid", "refund_due", "cancelled"):
            await submit(hold_of(name))
        for name in ("paying", "paid", "refund_due"):
            await submit(BeginPayment(id_of(name), "pay", 400, "digest"))
        for name in ("paid", "refund_due"):
            await submit(ConfirmPayment(id_of(name), "pay"))
        await submit(Refund(id_of("refund_due"), True))
        await submit(Cancel(id_of("cancelled")))
        past_ms = await server_time_ms(self.engine.redis) + PAST_AFTER_MS
        starts = {"kept": SLOT, "moving": SLOT, "deleted": SLOT, "brief": past_ms}
        for name, start_ms in starts.items():
            await submit(Book(EVENT, booking_id(name), *at(start_ms), "{}", ""))
        await submit(Unbook(EVENT, booking_id("deleted"), "one"))
        await submit(Book(BRIEF, booking_id("kept"), *at(OTHER_SLOT), "{}", ""))
        held: Any = await submit(hold_of("ran_out"))

        async def ran_out() -> bool:
            now_ms = await server_time_ms(self.engine.redis)
            return now_ms > max(int(held.record.deadline_ms), past_ms + self.engine.settings.booking_expires_ms)

        await wait_until(ran_out)
        for key in await self.execute("KEYS", "*"):
            dump, expires_ms = await self.execute("DUMP", key), await self.execute("PEXPIRETIME", key)
            self._stored[key] = Stored(key, max(expires_ms, 0), dump)
        await self._put(self._stored)
        self.whole = await self.read()

    async def restore(self, found: dict[bytes, Content]) -> None:
        """Puts back what is not as it was, given all there is now."""
        await self._put(changed(found, self.whole))

    async def _put(self, keys: Iterable[bytes]) -> None:
        there = [self._stored.get(key, Stored(key, 0, b"")) for key in keys]
        if there:
            await self.execute("EVAL", _RESTORE, 0, *(part for stored in there for part in stored))

    async def read(self) -> dict[bytes, Content]:
        _, *found = await self.execute("EVAL", SNAPSHOT, 0)
        return {key: Content(kind, value, expires_ms) for key, kind, value, expires_ms in found}

    async def run(self, row: str) -> object:
        """The answer of a row, without its instant; an exception if it raises."""
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "sweep": lambda: self.engine.sweep(0),
            "purge_slots": lambda: self.engine.purge_slots(0),
            "onsale_init": lambda: self.engine.call("onsale_init", self.engine.keys[0].fixed, (1,)),
        }
        call = calls.get(row) or (lambda: self.engine.submit(COMMANDS[row]))
        try:
            answer = await call()
        except (EngineBug, ResponseError) as error:
            return error
        return timeless(answer)


def timeless(answer: Any) -> Any:
    """An answer without what the clock put into it."""
    if isinstance(answer, OnRecord):
        attempts = [
            replace(
                attempt,
                started_ms=0,
                settled_ms=0,
                refunds=[replace(refund, created_ms=0, settled_ms=0) for refund in attempt.refunds],
            )
            for attempt in answer.record.attempts
        ]
        record = replace(answer.record, created_ms=0, deadline_ms=0, ended_ms=0, attempts=attempts)
        return replace(answer, now_ms=0, record=record)
    if isinstance(answer, OnBooking):
        return replace(answer, now_ms=0, booking=replace(answer.booking, created_ms=0, changed_ms=0))
    return replace(answer, now_ms=0) if hasattr(answer, "now_ms") else answer


ROWS = (*COMMANDS, "sweep", "purge_slots", "onsale_init")


Damage = Callable[[Partition, str], Awaitable[None]]


async def missing(partition: Partition, key: str) -> None:
    await partition.execute("DEL", key)


async def wrong_type(partition: Partition, key: str) -> None:
    await partition.execute("DEL", key)
    await partition.execute("RPUSH", key, "a list")


async def garbage(partition: Partition, key: str) -> None:
    await rewrite(partition, key, lambda value: b"\xc1 garbage")


async def truncated(partition: Partition, key: str) -> None:
    await rewrite(partition, key, lambda value: value[:-1])


async def emptied(partition: Partition, key: str) -> None:
    await rewrite(partition, key, lambda value: b"")


async def rewrite(partition: Partition, key: str, change: Callable[[bytes], bytes]) -> None:
    """Damages all values of a key; of a sorted set, its members; of the outbox, its last id."""
    stored = partition.whole.get(key.encode())
    if stored is None:
        return
    if stored.kind == b"string":
        await partition.execute("SET", key, change(stored.value), "KEEPTTL")
    elif stored.kind == b"hash":
        pairs = stored.pairs().items()
        await partition.execute("HSET", key, *(part for field, value in pairs for part in (field, change(value))))
    elif stored.kind == b"zset":
        for member, score in stored.pairs().items():
            await partition.execute("ZREM", key, member)
            await partition.execute("ZADD", key, score, change(member))
    elif stored.kind == b"stream":
        await partition.execute("XADD", key, "9999999999999-1", "f", "from the future")


DAMAGES: tuple[Damage, ...] = (missing, wrong_type, garbage, truncated, emptied)


def right(row: str, key: str, damage: Damage, answer: Any) -> bool:
    """Answers that differ from those of an undamaged partition, and are right nevertheless."""
    if key == UNBOOKED and damage is missing:  # it is remembered as long as its key
        return answer == NotFound() or (row == "book what was deleted" and isinstance(answer, Booked))
    if key == META and damage is truncated:  # the process that wrote it is not known: an epoch begins, without a loss
        return row in {"seat_map", "count"} and answer.position.endswith("-0")
    if key == MAP and damage is truncated:  # available seats, if not the very best: the last is not seen
        return row == "add best seats apart" and isinstance(answer, Held)
    name = key.partition("hold:")[2].partition("-")[2].strip("_")
    if damage is not missing or not name:
        return False
    if name == "held":  # the key is the hold: without it, it has expired
        record = getattr(answer, "record", None)
        return answer == Expired() or (record is not None and record.state is State.EXPIRED)
    # What ended is kept as long as its key.
    return answer == NotFound() and row in {"cancel again", "refund", "refund_some", "restock", "find paid"}


UNBOOKED = f"{PREFIX}unbooked:{EVENT}:{booking_id('deleted')}"


def keys_of(names: Iterable[str]) -> list[str]:
    return [*(PREFIX + name for name in FIXED), MAP, UNBOOKED, *(f"{PREFIX}hold:{id_of(name)}" for name in names)]


@pytest.fixture
def small_settings(unsynced_settings: Settings) -> Settings:
    return replace(unsynced_settings, partitions=1, booking_expires_ms=1)


@pytest.fixture
async def partition(small_settings: Settings) -> AsyncIterator[Partition]:
    async with Engine(small_settings) as engine:
        partition = Partition(engine)
        await partition.fill()
        yield partition


@pytest.mark.parametrize("key", keys_of(["held", "paying", "paid", "cancelled", "fresh", "ran_out"]))
async def test_damage(partition: Partition, key: str) -> None:
    wrong = await wrong_rows(partition, key, DAMAGES)
    assert not wrong, "\n".join(wrong)


FIRST_LOOK, SECOND_LOOK = "local deadlines = check_keys(keys)\n", "    check_keys_again(u, tells)\n"


@pytest.mark.parametrize(
    ("look", "careless", "key"),
    [
        (FIRST_LOOK, "local deadlines = 0\n", PREFIX + "deadlines"),
        (FIRST_LOOK, "local deadlines = 0\n", PREFIX + "unsettled"),
        (SECOND_LOOK, "", PREFIX + "events"),
    ],
)
async def test_a_careless_library_is_found_out(
    small_settings: Settings, monkeypatch: pytest.MonkeyPatch, look: str, careless: str, key: str
) -> None:
    """The negative control: the library without a look at the keys."""
    text = library_text()
    assert text.count(look) == 1
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(look, careless))
    async with Engine(small_settings) as engine:
        partition = Partition(engine)
        await partition.fill()
        assert await wrong_rows(partition, key, [missing, wrong_type])


async def wrong_rows(partition: Partition, key: str, damages: Sequence[Damage]) -> list[str]:
    """Results that are neither an error before the first write nor a right answer."""
    wrong, after = [], partition.whole
    for row in ROWS:
        await partition.restore(after)
        expected = await partition.run(row)
        undamaged_after = after = await partition.read()
        assert not isinstance(expected, Exception), f"{row} on what is whole: {expected}"

        for damage in damages:
            await partition.restore(after)
            await damage(partition, key)
            before = await partition.read()
            assert changed(partition.whole, before) <= {key.encode()}, "what was changed before was not put back"
            answer = await partition.run(row)
            after = await partition.read()
            more = changed(before, after) - changed(partition.whole, undamaged_after) - {key.encode()}
            if isinstance(answer, Exception):
                if before != after:
                    wrong.append(f"{damage.__name__}: {row} raised ({answer}) and changed {changed(before, after)}")
            elif answer != expected and not right(row, key, damage, answer):
                wrong.append(f"{damage.__name__}: {row} answered {answer}, not {expected}")
            elif answer == expected and more:
                wrong.append(f"{damage.__name__}: {row} changed {more} as well")
    return wrong


def changed(before: dict[bytes, Content], after: dict[bytes, Content]) -> set[bytes]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@pytest.mark.parametrize(
    ("field", "value"),
    [("seq", "abc"), ("seq", "0"), ("seq", "1e9"), ("epoch", "yesterday"), ("epoch", "1"), ("seq", None)],
)
async def test_damaged_meta_is_found_before_the_first_write(
    partition: Partition, field: str, value: str | None
) -> None:
    """A sequence or an epoch of before would give an entry the id of another."""
    after = partition.whole
    for row in COMMANDS:
        await partition.restore(after)
        if value is None:
            await partition.execute("HDEL", PREFIX + "meta", field)
        else:
            await partition.execute("HSET", PREFIX + "meta", field, value)
        before = await partition.read()
        answer = await partition.run(row)
        assert isinstance(answer, EngineBug), row
        after = await partition.read()
        assert after == before, row


async def test_half_a_publication_of_the_catalogue_raises(engine: Engine) -> None:
    for key in ("{catalogue}:events", "{catalogue}:changes"):
        await engine.redis.execute_command("FLUSHDB")
        await engine.redis.execute_command("RPUSH", key, "a list")
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await engine.call("onsale_publish", ("{catalogue}:events", "{catalogue}:changes"), (1, "{}"))
        assert await engine.redis.dbsize() == 1


async def test_thousands_of_pools_in_one_batch(engine: Engine) -> None:
    """More arguments than Lua's stack has room for are written in parts."""
    pools = [PoolCapacity(str(number), 1) for number in range(10_000)]
    terms = Terms(EventStatus.ON_SALE, 0, 0, 900_000, 10, [TicketTerms(7, ["7"], 100)])
    await engine.submit(PutEvent(EVENT, terms, pools))
    assert await engine.redis.hlen(engine.keys[EVENT].pools) == len(pools)
