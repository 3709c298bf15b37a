"""A real server and the pure model, kept in step: each command goes to both, and everything is compared."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import msgspec
import uvloop
from redis.exceptions import ResponseError

from engine.codes import CodeTotals, StoredTotals, parse_code
from engine.commands.bookings import Book, Move, PurgeSlots
from engine.commands.command import Command, OnEvent, OnReservation
from engine.commands.exchanges import Exchange
from engine.commands.holds import Add, Hold, Sweep
from engine.commands.items import TimedPlaces
from engine.engine import Engine
from engine.errors import EngineBug, EngineError
from engine.facts import (
    BookingFact,
    Fact,
    WaitingFact,
    decode_booking_facts,
    decode_facts,
    decode_waiting_facts,
)
from engine.ids import event_of
from engine.inspection import server_time_ms
from engine.outbox import Entry, Position
from engine.records import Booking, Record, WaitingEntry
from engine.results.events import Counts
from engine.results.internal import Again
from engine.results.result import Result
from engine.results.seats import SeatMap, SectionsCounted
from engine.settings import Settings
from engine.slots import phone_customer
from engine.terms import Terms
from engine.waiting_lists import places_set_aside
from engine.words import State
from tests.support.engine.reference_items import items_of
from tests.support.engine.reference_model import Model
from tests.support.engine.reference_reservation import Counters, Reservation
from tests.support.engine.reference_waiting import ordered

T = TypeVar("T")

HELD_MARK = b"held"

SNAPSHOT = Path(__file__).with_name("snapshot.lua").read_text(encoding="utf-8")
_PATIENCE_SECONDS = 10.0


class Disagreement(AssertionError):
    """The server and the model are not of one mind, or the server broke an invariant or raised."""


class Content(NamedTuple):
    """The value of a key. Hashes and sorted sets are flat lists, streams lists of entries."""

    kind: bytes
    value: Any
    expires_ms: int

    def pairs(self) -> dict[bytes, bytes]:
        """A hash, or members of a sorted set with their scores."""
        return dict(zip(self.value[::2], self.value[1::2], strict=True))


class SweepOf(Sweep, frozen=True, tag="sweep"):
    """A sweep of a partition: the engine's command leaves it to the caller to say which."""

    partition: int


class PurgeOf(PurgeSlots, frozen=True, tag="purge_slots"):
    """A purge of a partition, likewise."""

    partition: int = 0


Actors = Sequence[tuple[int, str]]
RunBatch = Callable[[Sequence[Command[Any]], Actors], Awaitable[list[Result]]]
"""The results of a batch."""


class Told(NamedTuple):
    """The facts of one call."""

    facts: list[Fact]
    booking_facts: list[BookingFact]
    waiting_facts: list[WaitingFact]


_NOTHING = Content(b"none", [], -1)


def agree(what: str, real: object, expected: object) -> None:
    """Raises Disagreement unless the two are equal."""
    if real != expected:
        raise Disagreement(f"{what}\n  server: {real}\n  model:  {expected}")


class WatchedEngine(Engine):
    """Remembers what the library raised: commands of a batch that raises are sent again in halves, and may succeed."""

    raised: list[str]

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        for partition in self._partitions:
            partition._call = partial(self._watch, partition._call)  # type: ignore[method-assign]
            # All that is asked for at once came at one instant: else the order in a batch depends on the machine.
            partition._lanes._clock = lambda: 0.0
        return self

    async def _watch(self, call: RunBatch, commands: Sequence[Command[Any]], actors: Actors) -> list[Result]:
        try:
            return await call(commands, actors)
        except (ResponseError, ValueError, EngineBug) as error:  # what engine.partition sends again
            self.raised.append(str(error))
            raise


class World:
    """A database of its own on a server, with an engine, and the model of it.

    It drives its own event loop, because Hypothesis is not asynchronous.
    """

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._settings = settings

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._engine = self._run(self._make_engine())
        self._run(self._engine.__aenter__())
        return self

    def __exit__(self, *error: Any) -> None:
        self._run(self._engine.__aexit__(None, None, None))
        self._runner.__exit__(*error)

    def begin(self) -> None:
        """Starts again, with nothing on either side."""
        self._run(self._execute("FLUSHDB", "SYNC"))
        self._run(self._engine.init_partitions())
        self.model = Model(self._settings.partitions, self._settings.sweep_slice, self._settings.booking_expires_ms)
        self._seen: dict[int, Position] = {}
        self._new_facts: dict[int, list[Told]] = {}
        self._played: list[Sequence[Command[Any]]] = []
        self._engine.raised = []
        self.now_ms = 0
        self._look()

    def step(self, *commands: Command[Any]) -> list[Result]:
        """Submits commands at once, so that those of a partition are one batch, and compares all there is.

        Raises Disagreement, with all that was played until then.
        """
        self._played.append(commands)
        try:
            return self._step(commands)
        except (AssertionError, EngineError) as error:
            played = "".join(f"\n  {number}. {step}" for number, step in enumerate(self._played, 1))
            raise Disagreement(f"{error}\nplayed:{played}") from error

    def _step(self, commands: Sequence[Command[Any]]) -> list[Result]:
        results = self._run(self._submit(commands))
        agree("errors of the library", self._engine.raised, [])
        before_ms = self.now_ms
        self._look()
        for keys in self._engine.keys:
            partition = keys.partition
            mine = [number for number, command in enumerate(commands) if self._partition_of(command) == partition]
            mine.sort(key=lambda number: getattr(commands[number], "takes", False))  # those go last in a batch
            if mine:
                self._compare_call(
                    partition, [commands[number] for number in mine], [results[number] for number in mine], before_ms
                )
        for keys in self._engine.keys:
            agree("facts nobody asked for", self._new_facts[keys.partition], [])
        self._compare_stored()
        return results

    def forget(self, reservation_id: str) -> Record | None:
        """Lets the archive's TTL of an ended reservation expire; its record, or None if there is no such one."""
        reservation = self.model.reservations.get(reservation_id)
        if reservation is None or reservation.state is State.HELD or reservation.unsettled():
            return None
        keys = self._engine.keys[self.model.partition(reservation.event_id)]
        self._run(self._execute("DEL", keys.hold(reservation_id)))
        self.model.forget(reservation_id)
        return reservation.record()

    def wait_past(self, longest_ms: int) -> None:
        """Waits until what has a deadline, begins or goes within `longest_ms` of now has done so."""
        soon = [
            reservation.deadline_ms
            for reservation in self.model.reservations.values()
            if reservation.state in (State.HELD, State.PAYING) and reservation.deadline_ms <= self.now_ms + longest_ms
        ]
        soon += [turn for turn in self.model.turns() if turn <= self.now_ms + longest_ms]
        while self.now_ms < max(soon, default=0):
            self.now_ms = self._run(server_time_ms(self._engine.redis))

    async def _make_engine(self) -> WatchedEngine:
        return WatchedEngine(self._settings)

    def _run(self, work: Awaitable[T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await work

        return self._runner.get_loop().run_until_complete(bounded())

    async def _execute(self, *arguments: Any) -> Any:
        return await self._engine.redis.execute_command(*arguments)

    def _partition_of(self, command: Command[Any]) -> int:
        if isinstance(command, OnReservation):
            event_id = event_of(command.reservation_id)
            assert event_id is not None
            return self.model.partition(event_id)
        assert isinstance(command, OnEvent | SweepOf | PurgeOf)
        return self.model.partition(command.event_id) if isinstance(command, OnEvent) else command.partition

    async def _submit(self, commands: Sequence[Command[Any]]) -> list[Result]:
        return await asyncio.gather(*map(self._send, commands))

    async def _send(self, command: Command[Any]) -> Result:
        match command:
            case SweepOf():
                return await self._engine.sweep(command.partition)
            case PurgeOf():
                return await self._engine.purge_slots(command.partition, command.skip)
        result: Result = await self._engine.submit(command)
        # The model has no outbox; where entries are is checked with what they say (`_look`).
        return (
            msgspec.structs.replace(result, position="", exact=False)
            if isinstance(result, Counts | SeatMap | SectionsCounted)
            else result
        )

    def _look(self) -> None:
        """Reads the whole database, and what is new in the outboxes."""
        streams = [
            part
            for keys in self._engine.keys
            if keys.partition in self._seen
            for part in (keys.outbox, str(self._seen[keys.partition]))
        ]
        now_ms, *found = self._run(self._execute("EVAL", SNAPSHOT, 0, *streams))
        self.now_ms = int(now_ms)
        self._stored = {key.decode(): Content(kind, value, expires) for key, kind, value, expires in found}
        for keys in self._engine.keys:
            self._new_facts[keys.partition] = []
            for entry_id, fields in self._stored.get(keys.outbox, _NOTHING).value:
                entry = Entry.parse(entry_id, dict(zip(fields[::2], fields[1::2], strict=True)))
                before = self._seen.get(keys.partition, Position(entry.position.epoch, 0))
                if not entry.follows(before):
                    raise Disagreement(f"a gap in the outbox: {before}, then {entry.position}")
                self._seen[keys.partition] = entry.position
                bookings = decode_booking_facts(entry.bookings) if entry.bookings else []
                waiting = ordered(decode_waiting_facts(entry.waiting)) if entry.waiting else []
                self._new_facts[keys.partition].append(Told(decode_facts(entry.payload), bookings, waiting))

    def _compare_call(
        self, partition: int, commands: Sequence[Command[Any]], real: Sequence[Result], before_ms: int
    ) -> None:
        """Plays the calls that the commands took on the model, each at the instant that its facts or answers tell.

        A call that tells no instant gave nothing back and took nothing. It was before, between or after the turns of
        slots that fell into it.
        """
        waiting = list(range(len(commands)))
        while waiting:
            told = self._new_facts[partition].pop(0) if self._new_facts[partition] else Told([], [], [])
            instants = [fact.at_ms for fact in told.facts] + [fact.at_ms for fact in told.booking_facts]
            instants += [fact.at_ms for fact in told.waiting_facts]
            answered = [getattr(real[number], "now_ms", None) for number in waiting]
            instants += [instant for instant in answered if instant is not None]
            turns = self.model.turns().union(*(_starts(commands[number]) for number in waiting))
            waiting = self._compare_answers(
                partition,
                commands,
                real,
                waiting,
                told,
                instants[:1] or [before_ms, *_between(before_ms, turns, self.now_ms)],
            )

    def _compare_answers(
        self,
        partition: int,
        commands: Sequence[Command[Any]],
        real: Sequence[Result],
        numbers: Sequence[int],
        told: Told,
        instants: Sequence[int],
    ) -> list[int]:
        """Plays a call at the first instant at which the model agrees; the commands that must be sent again.

        A call that tells no instant is the last of its step, so what is stored can tell it.
        """
        before = deepcopy(self.model) if len(instants) > 1 else self.model
        for number, now_ms in enumerate(instants, 1):
            if number > 1:
                self.model = deepcopy(before)
            expected = self.model.call(partition, [commands[number] for number in numbers], now_ms)
            try:
                waiting_facts = ordered(self.model.lines.facts)
                agree("facts", told, (self.model.facts, self.model.booking_facts, waiting_facts))
                again = []
                for answered, result in zip(numbers, expected, strict=True):
                    if isinstance(result, Again):
                        again.append(answered)
                    else:
                        agree(f"the answer to {commands[answered]}", real[answered], result)
                if number < len(instants) and not again:  # an answer may be the same before and after a slot began
                    self._compare_partition(partition)
            except Disagreement:
                if number == len(instants):
                    raise
            else:
                return again
        raise AssertionError("no instant to play at")

    def _compare_stored(self) -> None:
        expected: set[str] = set()
        for keys in self._engine.keys:
            mine = self._reservations_of(keys.partition)
            self._compare_partition(keys.partition)
            expected |= {*keys.fixed, *(keys.hold(reservation.reservation_id) for reservation in mine)}
            expected |= {keys.seat_map(event_id, pool) for event_id, pool in self.model.manifests}
            expected |= {keys.allotments, *(keys.codes(event_id) for event_id, _ in self.model.codes)}
            expected |= {keys.unbooked(*key) for key in self.model.deleted}
            for entry in self.model.lines.entries.values():
                key, ticket = keys.waiting(entry.event_id), entry.ticket_id
                expected |= {key, f"{key}:ended", f"{key}:line:{ticket}", f"{key}:sizes:{ticket}"}
        # E-tickets follow from paid records; their own tests look at them (tests/integration/engine/test_doors.py).
        unknown = {key for key in set(self._stored) - expected if ":doors:" not in key}
        agree("keys nobody knows", unknown, set())

    def _compare_partition(self, partition: int) -> None:
        self._compare_counts(partition)
        self._compare_places(partition, self._reservations_of(partition))
        self._compare_slots(partition)
        self._compare_codes(partition)
        for event_id in self.model.lines.numbers:
            if self.model.partition(event_id) == partition:
                self._compare_line(self._engine.keys[partition].waiting(event_id), event_id)

    def _reservations_of(self, partition: int) -> list[Reservation]:
        return [each for each in self.model.reservations.values() if self.model.partition(each.event_id) == partition]

    def _compare_counts(self, partition: int) -> None:
        keys, model = self._engine.keys[partition], self.model
        pools = {tuple(field.split(b"/")): raw for field, raw in self._pairs(keys.pools).items()}
        agree(
            "pools",
            {(int(event), pool.decode()): Counters(*map(int, raw.split()[:6])) for (event, pool), raw in pools.items()},
            {
                (event_id, pool): model.counters(event_id, pool)
                for event_id, pool in [*model.capacities, *model.manifests, *model.slots]
                if model.partition(event_id) == partition
            },
        )
        for event_id, pool in model.manifests:
            if model.partition(event_id) == partition:
                stored = self._stored.get(keys.seat_map(event_id, pool), _NOTHING)
                agree(f"map {event_id}/{pool}", stored.value, model.seat_map(event_id, pool).encode())
        for field, raw in self._pairs(keys.pools).items():
            counters = Counters(*map(int, raw.split()[:6]))
            if min(counters) < 0 or sum(counters[1:]) != counters.capacity:
                raise Disagreement(f"stock is not conserved in {field!r}: {counters}")
        starts = {
            field.decode(): int(raw.split()[6]) for field, raw in self._pairs(keys.pools).items() if b"slot:" in field
        }
        agree(
            "starts of slots",
            starts,
            {
                f"{event_id}/{pool}": slot.start_ms
                for (event_id, pool), slot in model.slots.items()
                if model.partition(event_id) == partition
            },
        )
        agree(
            "terms",
            {int(event): msgspec.msgpack.decode(raw, type=Terms) for event, raw in self._pairs(keys.events).items()},
            {event_id: terms for event_id, terms in model.terms.items() if model.partition(event_id) == partition},
        )
        customers = {
            (reservation.event_id, reservation.customer_id)
            for reservation in model.everything()
            if model.partition(reservation.event_id) == partition
        }
        for booking in model.bookings.values():
            if model.partition(booking.event_id) == partition:
                customers |= {
                    (booking.event_id, booking.customer_id),
                    (booking.event_id, phone_customer(booking.phone)),
                }
        customers = {(event, customer) for event, customer in customers if customer not in ("", phone_customer(""))}
        places = {f"{event}/{customer}": model.customer_places(event, customer) for event, customer in customers}
        agree(
            "customers",
            {field.decode(): int(raw) for field, raw in self._pairs(keys.customers).items()},
            {field: count for field, count in places.items() if count},
        )
        seen = self._seen.get(partition)
        agree("the sequence", int(self._pairs(keys.meta)[b"seq"]), seen.sequence if seen else 0)

    def _compare_slots(self, partition: int) -> None:
        """Bookings, those that were deleted, and by when what goes."""
        keys, model = self._engine.keys[partition], self.model
        bookings = {field.decode(): _booking(raw) for field, raw in self._pairs(keys.bookings).items()}
        mine = {f"{event}/{i}": b for (event, i), b in model.bookings.items() if model.partition(event) == partition}
        agree("bookings", bookings, mine)
        slots = {
            f"{event_id}/{pool}": slot.until_ms
            for (event_id, pool), slot in model.slots.items()
            if model.partition(event_id) == partition
        }
        agree("slots", {field.decode(): int(ms) for field, ms in self._pairs(keys.slots).items()}, slots)
        purges = {member.decode(): int(ms) for member, ms in self._pairs(keys.purges).items()}
        agree("the purges", purges, model.purges(partition))
        for (event_id, booking_id), deleted in model.deleted.items():
            if model.partition(event_id) == partition:
                key, until_ms = keys.unbooked(event_id, booking_id), deleted.booking.expires_ms
                stored = self._stored.get(key, _NOTHING)
                whole = msgspec.msgpack.encode(deleted.request_id) + msgspec.msgpack.encode(deleted.booking)
                if self.now_ms < until_ms or stored is not _NOTHING:
                    agree(key, stored, Content(b"string", whole, min(until_ms, stored.expires_ms)))

    def _compare_codes(self, partition: int) -> None:
        """Codes, what is used of them, and until when places are set aside."""
        keys, model = self._engine.keys[partition], self.model
        mine = {key: code for key, code in model.codes.items() if model.partition(key[0]) == partition}
        stored = {
            (event_id, name.decode()): parse_code(raw)
            for event_id in {event_id for event_id, _ in mine}
            for name, raw in self._pairs(keys.codes(event_id)).items()
        }
        expected = {
            (event_id, name): StoredTotals(
                CodeTotals(*model.use(event_id, name)), model.free(event_id, name), code.is_open, code.terms
            )
            for (event_id, name), code in mine.items()
        }
        agree("codes", stored, expected)
        ends = {f"{event_id}/{name}": code.terms.until_ms for (event_id, name), code in mine.items() if code.is_open}
        told = {field.decode(): int(end) for field, end in self._pairs(keys.allotments).items()}
        agree("ends of allotments", told, {field: end or 2**53 - 1 for field, end in ends.items()})

    def _compare_line(self, key: str, event_id: int) -> None:
        """A waiting list: its entries, their places in line, and what is set aside."""
        stored, lines = self._pairs(key), self.model.lines
        mine = {entry.waiting_id: entry for entry in lines.entries.values() if entry.event_id == event_id}
        entries = {
            field.decode()[2:]: msgspec.msgpack.decode(raw, type=WaitingEntry)
            for field, raw in stored.items()
            if field.startswith(b"e ")
        }
        agree("entries of a waiting list", entries, mine)
        agree("the number of the next entry", int(stored.get(b"number", b"0")), lines.numbers[event_id])
        waiting = lines.waiting(event_id)
        tickets = Counter(entry.ticket_id for entry in waiting)
        told = places_set_aside(stored.get(b"lines", b""))
        agree("lines", told, {str(ticket): count for ticket, count in tickets.items()})
        aside = {pool: places for (of, pool), places in self.model.aside.items() if of == event_id and places}
        agree("what is set aside", places_set_aside(stored.get(b"aside", b"")), aside)
        customers = {field.decode()[2:]: int(raw) for field, raw in stored.items() if field.startswith(b"c ")}
        wanted = {entry.customer_id: lines.waits_for(event_id, entry.customer_id) for entry in waiting}
        agree("places that customers wait for", customers, wanted)
        for ticket in tickets:
            line = {name.decode(): int(number) for name, number in self._pairs(f"{key}:line:{ticket}").items()}
            agree("a line", line, {entry.waiting_id: entry.number for entry in waiting if entry.ticket_id == ticket})
            sizes = {name.decode() for name in self._pairs(f"{key}:sizes:{ticket}")}
            agree("a line by size", sizes, set(line))
        ended = {name.decode(): int(at_ms) for name, at_ms in self._pairs(f"{key}:ended").items()}
        agree("when entries ended", ended, {name: lines.ended[name] for name in mine if name in lines.ended})

    def _compare_places(self, partition: int, reservations: Iterable[Reservation]) -> None:
        """Ledger, deadlines, unsettled and hold keys."""
        keys = self._engine.keys[partition]
        ledger, deadlines, unsettled = {}, {}, {}
        for reservation in reservations:
            reservation_id = reservation.reservation_id
            if reservation.unsettled():
                unsettled[reservation_id] = reservation.unsettled_since_ms
            elif reservation.state is State.HELD:
                deadlines[reservation_id] = reservation.deadline_ms
            if reservation_id in unsettled or reservation_id in deadlines:
                ledger[reservation_id] = reservation.record()
            self._compare_hold_key(keys.hold(reservation_id), reservation)
        agree("the ledger", {i.decode(): _record(raw) for i, raw in self._pairs(keys.ledger).items()}, ledger)
        agree("deadlines", {i.decode(): int(ms) for i, ms in self._pairs(keys.deadlines).items()}, deadlines)
        agree("unsettled", {i.decode(): int(ms) for i, ms in self._pairs(keys.unsettled).items()}, unsettled)

    def _compare_hold_key(self, key: str, reservation: Reservation) -> None:
        stored = self._stored.get(key, _NOTHING)
        if reservation.unsettled():
            agree(f"{key}, of a record that waits for money", stored, _NOTHING)
        elif reservation.state is not State.HELD:
            agree(f"{key}, archived", _record(stored.value), reservation.record())
            agree(f"{key} expires", stored.expires_ms > self.now_ms, True)
        elif self.now_ms < reservation.deadline_ms or stored is not _NOTHING:
            agree(f"{key}, of a hold, at {self.now_ms}", stored, Content(b"string", HELD_MARK, reservation.deadline_ms))

    def _pairs(self, key: str) -> dict[bytes, bytes]:
        return self._stored.get(key, _NOTHING).pairs()


def _between(after_ms: int, turns: Iterable[int], until_ms: int) -> list[int]:
    return sorted(turn for turn in turns if after_ms < turn <= until_ms)


def _starts(command: Command[Any]) -> set[int]:
    """The slots that a command wants."""
    match command:
        case Book() | Move():
            return {command.start_ms}
        case Hold(items=text) | Exchange(items=text):
            return {item.start_ms for item in items_of(text) if isinstance(item, TimedPlaces)}
        case Add(item=TimedPlaces(start_ms=start_ms)):
            return {start_ms}
    return set()


def _booking(raw: bytes) -> Booking:
    return msgspec.msgpack.decode(raw, type=Booking)


def _record(raw: Any) -> Record | None:
    return msgspec.msgpack.decode(raw, type=Record) if isinstance(raw, bytes) else None
