"""Sales that lose Redis again and again: it is restored from Postgres, compared key by key, and the play goes on.

The catalogue is that of the pure model, since plays publish events of their own. All else comes from Postgres, where
the sync worker's writer put the facts of the outboxes. After each restore the audit has to be content, too.
"""

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple, Self

from msgspec.structs import replace

from engine.catalogue import Schedule
from engine.commands.command import Command
from engine.commands.events import PutEvent
from engine.commands.waiting_lists import TendWaiting
from engine.errors import EngineError
from engine.outbox import last_position, read_outbox, trim_outbox
from engine.results.result import Result
from engine.settings import Settings
from engine.stock import PoolCapacity, SectionMap
from engine.terms import CodeTerms, Terms
from engine.words import DiscountForm
from sync.audit.comparison import compare
from sync.audit.doors import door_breaches
from sync.audit.invariants import breaches
from sync.audit.money import wrong_sums
from sync.audit.snapshot import read_snapshot
from sync.codes.terms import COLUMNS, CodeFields
from sync.outbox.writer import batches, open_offset, read_offset, write_batch
from sync.postgres import Postgres
from sync.restore import restore as restoring
from sync.sql import statement
from tests.support.engine.model_vs_server import Disagreement, SweepOf, World, agree
from tests.support.shared_database import EMPTY
from tests.support.sync.redis_dump import differing, keys_of_redis

Dump = dict[bytes, tuple[Any, int]]
"""Of each key what it has, and when it expires."""

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_MANY = 10_000


class _Ticket(NamedTuple):
    pools: list[str]


class _Event:
    """An event of the model, as far as a restore asks about it."""

    timezone = "UTC"
    waiting_room = None

    def __init__(self, event_id: int, terms: Terms, pools: list[PoolCapacity]) -> None:
        schedule = terms.schedule
        self.event_id = event_id
        self.ticket_by_id = {ticket.ticket_id: _Ticket(ticket.pools) for ticket in terms.tickets}
        self.schedule = Schedule(
            list(map(time.fromisoformat, schedule.times)), schedule.capacity, schedule.weekdays, schedule.closed
        )
        self._terms, self._pools = terms, pools

    def terms(self) -> Terms:
        return self._terms

    def pools(self) -> list[PoolCapacity]:
        return self._pools


class RestoredWorld(World):
    """A world whose server is lost after every few steps, in each run another number.

    Postgres has all its facts by then.
    """

    def __init__(self, settings: Settings, every: Sequence[int]) -> None:
        super().__init__(settings)
        self._every_of_runs = every
        self.losses = 0
        self._runs = 0

    def __enter__(self) -> Self:
        super().__enter__()
        self._postgres = self._run(self._make_postgres())
        return self

    def __exit__(self, *error: Any) -> None:
        self._run(self._postgres.__aexit__(None, None, None))
        super().__exit__(*error)

    async def _make_postgres(self) -> Postgres:
        return await Postgres(self._settings).__aenter__()

    def begin(self) -> None:
        super().begin()
        self._runs += 1
        self._steps, self._every = 0, self._every_of_runs[self._runs % len(self._every_of_runs)]
        self._starts: dict[str, int] = {}
        self._timed: set[int] = set()
        self._run(self._empty_postgres())

    def step(self, *commands: Command[Any]) -> list[Result]:
        results = super().step(*map(self._accepted, commands))
        self._note_starts()
        self._steps += 1
        if self._steps % self._every == 0:
            try:
                self._lose()
            except (AssertionError, EngineError) as error:
                played = "".join(f"\n  {number}. {step}" for number, step in enumerate(self._played, 1))
                raise Disagreement(f"{error!r}\nplayed:{played}") from error
        return results

    def _accepted(self, command: Command[Any]) -> Command[Any]:
        """The command as Postgres lets it pass: it knows what was taken when the outbox no longer tells."""
        if not isinstance(command, PutEvent):
            return command
        if command.terms.schedule.capacity:
            self._timed.add(self.model.partition(command.event_id))
        before = self.model.terms.get(command.event_id)
        if before is None or not self.model.was_taken(command.event_id):
            return command
        return replace(command, terms=replace(command.terms, currency=before.currency))

    def _note_starts(self) -> None:
        """Keeps when slots begin: the model forgets those that are purged, and Postgres does not."""
        for booking in self.model.bookings.values():
            self._starts[booking.slot] = booking.start_ms
        for (_, pool), slot in self.model.slots.items():
            self._starts[pool.removeprefix("slot:")] = slot.start_ms

    async def _empty_postgres(self) -> None:
        async with self._postgres.connection() as connection:
            await connection.execute(EMPTY)

    def _lose(self) -> None:
        self.losses += 1
        self._run(self._write())
        self._look()
        known = {keys.partition: self._run(last_position(self._engine.redis, keys)) for keys in self._engine.keys}
        before = keys_of_redis(self._settings.redis_url)
        agree("what the audit says before", self._run(self._audit()), [])
        self._run(self._execute("FLUSHDB", "SYNC"))
        with self._catalogue():
            self._run(self._restore())
        after = keys_of_redis(self._settings.redis_url)
        agree("what the audit says after", self._run(self._audit()), [])
        self._look()
        for keys in self._engine.keys:
            if known[keys.partition].sequence:
                last = self._run(last_position(self._engine.redis, keys))
                agree("the outbox goes on from", last, known[keys.partition])
        self._seen.clear()
        ending = self._ending()
        self._model_restored()
        found = differing(self._lasting(before, ending), self._lasting(after, ending))
        agree("what differs after the restore", found, [])
        self._forget_again()
        super().step(*map(SweepOf, range(self._settings.partitions)), *map(TendWaiting, sorted(self._lists())))

    async def _write(self) -> None:
        for keys in self._engine.keys:
            async with self._postgres.transaction() as connection:
                before = await open_offset(connection, keys.partition)
                secret = await self._engine.redis.hget(keys.meta, "id_secret")
                await connection.execute(statement("keep_id_secret"), keys.partition, (secret or b"").decode())
                entries = await read_outbox(self._engine.redis, keys, before, limit=_MANY, block_ms=1)
                position = before
                for entry in entries:
                    agree("an entry follows", entry.follows(position), True)
                    position = entry.position
                for batch in batches(entries, 4000):
                    written = await write_batch(connection, keys.partition, before, batch)
                    agree("dead letters", written.dead, 0)
                    before = batch.last
            await trim_outbox(self._engine.redis, keys, before)

    async def _audit(self) -> list[str]:
        """The breaches that `onsale audit` would report."""
        partitions, found = self._settings.partitions, []
        for keys in self._engine.keys:
            if keys.partition in self._timed:
                continue  # slots of a play begin at other times than their names say
            async with self._postgres.transaction() as connection:
                snapshot = await read_snapshot(self._engine.redis.at(keys.meta), keys)
                committed = await read_offset(connection, keys.partition)
                assert snapshot is not None
                found += [*breaches(snapshot, partitions), *door_breaches(snapshot)]
                found += await compare(connection, snapshot, committed, partitions)
                found += await wrong_sums(connection, partitions, keys.partition)
        return found

    async def _restore(self) -> None:
        await restoring.restore(self._settings)

    @contextmanager
    def _catalogue(self) -> Iterator[None]:
        """Lets the model answer a restore that asks about the catalogue."""
        world = self

        class Played(restoring._Restore):
            async def _catalogue(self) -> Any:
                return world._events()

            async def _fetch(self, name: str, *arguments: Any) -> list[Any]:
                if name == "codes_of_events":
                    return world._codes(arguments[0])
                return await super()._fetch(name, *arguments)

        async def maps_of_event(_: Any, event: _Event) -> list[SectionMap]:
            return world._maps(event.event_id)

        patched = {
            "_Restore": Played,
            "maps_of_event": maps_of_event,
            "slot_start_ms": lambda slot, _: self._starts[slot],
            "_surely_before": lambda _: "",
        }
        known = {name: getattr(restoring, name) for name in patched}
        try:
            for name, value in patched.items():
                setattr(restoring, name, value)
            yield
        finally:
            for name, value in known.items():
                setattr(restoring, name, value)

    def _events(self) -> list[_Event]:
        capacities = self.model.capacities.items()
        return [
            _Event(event_id, terms, [PoolCapacity(pool, has) for (of, pool), has in capacities if of == event_id])
            for event_id, terms in self.model.terms.items()
        ]

    def _maps(self, event_id: int) -> list[SectionMap]:
        maps = []
        for (of, pool), text in self.model.manifests.items():
            if of == event_id:
                seats = list(text)
                for place in self.model.blocked[of, pool]:
                    seats[place - 1] = "b"
                maps.append(SectionMap(pool, "".join(seats)))
        return maps

    def _codes(self, event_ids: Sequence[int]) -> list[dict[str, Any]]:
        return [
            {"event_id": event_id, "code": name, "published": True, **_code_columns(code.terms)}
            for (event_id, name), code in self.model.codes.items()
            if event_id in event_ids
        ]

    def _lasting(self, dump: Dump, ending: Set[int]) -> Dump:
        """Without what need not come back.

        `ending`: partitions where something is over by now. Of these the model alone compares some keys.
        """
        kept: Dump = {}
        for key, (value, expires_ms) in dump.items():
            name = key.decode()
            partition = int(name[2:4]) if name.startswith("{p") else -1
            _, _, subject = name.partition("}:")
            if "unbooked:" in subject or 0 < expires_ms <= self.now_ms:
                continue
            if subject.startswith("hold:") and subject.removeprefix("hold:") in self._forgotten():
                continue
            if partition in ending and subject.partition(":")[0] in _OF_TIME:
                continue
            plain = _plain(subject, value)
            if plain:
                kept[key] = (plain, expires_ms)
        return kept

    def _ending(self) -> set[int]:
        """Partitions where slots, bookings or codes are over."""
        ending = set()
        for partition in range(self._settings.partitions):
            due = [until_ms for until_ms in self.model.purges(partition).values()]
            due += [
                slot.until_ms for (of, _), slot in self.model.slots.items() if self.model.partition(of) == partition
            ]
            due += [
                code.terms.until_ms
                for (of, _), code in self.model.codes.items()
                if code.is_open and code.terms.until_ms and self.model.partition(of) == partition
            ]
            if min(due, default=self.now_ms + 1) <= self.now_ms:
                ending.add(partition)
        return ending

    def _lists(self) -> set[int]:
        return {entry.event_id for entry in self.model.lines.entries.values()}

    def _forgotten(self) -> set[str]:
        return {reservation.reservation_id for reservation in self.model.forgotten}

    def _model_restored(self) -> None:
        """The model forgets what Postgres does not have."""
        for keys in self._engine.keys:
            for rid, since_ms in self._pairs(keys.unsettled).items():
                self.model.reservations[rid.decode()].unsettled_since_ms = int(since_ms)
        self._forget_slots()
        self.model.deleted.clear()
        for key in self.model.aside:
            self.model.aside[key] = self.model.counters(*key).available
            self.model.lines._for_sale[key] = 0

    def _forget_slots(self) -> None:
        """Bookings, purchases and slots that are over, and slots of which nothing is taken."""
        model = self.model
        bookings = {field for keys in self._engine.keys for field in self._pairs(keys.bookings)}
        visits = {member for keys in self._engine.keys for member in self._pairs(keys.purges)}
        slots = {member for keys in self._engine.keys for member in self._pairs(keys.slots)}
        for (event_id, booking_id), booking in list(model.bookings.items()):
            if booking.expires_ms <= self.now_ms and f"{event_id}/{booking_id}".encode() not in bookings:
                del model.bookings[event_id, booking_id]
        for each in model.everything():
            for pool, until_ms in list(each.visits.items()):
                member = f"{each.reservation_id}/{pool}/{each.places(pool)}/{each.customer_id}".encode()
                if until_ms <= self.now_ms and member not in visits:
                    del each.visits[pool]
        for (event_id, pool), slot in list(model.slots.items()):
            counters = model.counters(event_id, pool)
            if f"{event_id}/{pool}".encode() not in slots and (
                slot.until_ms <= self.now_ms or counters.available == counters.capacity
            ):
                del model.slots[event_id, pool]

    def _forget_again(self) -> None:
        for reservation in self.model.forgotten:
            keys = self._engine.keys[self.model.partition(reservation.event_id)]
            self._run(self._execute("DEL", keys.hold(reservation.reservation_id)))


_OF_TIME = {"codes", "allotments", "meta", "pools", "slots", "purges", "bookings", "customers"}
"""Keys of a partition that change when slots, bookings and codes are over."""


def _plain(subject: str, value: Any) -> Any:
    """The content of a key, without what differs after a restore."""
    if subject == "meta":
        return {name: text for name, text in value.items() if (name, text) != (b"allotments_ms", b"0")}
    if subject == "unsettled":  # since when is not the same where several parts waited for money
        return {name for name, _ in value}
    if subject == "pools":
        return {name: text for name, text in value.items() if not _is_untaken(name, text)}
    if subject == "slots":
        return None  # the model compares them: a restore leaves out slots of which nothing is taken
    if subject.startswith("waiting:") and isinstance(value, dict):
        left_out = {b"aside"} | {name for name in (b"lines",) if not value.get(name)}
        return {name: text for name, text in value.items() if name not in left_out}
    return value


def _is_untaken(name: bytes, text: bytes) -> bool:
    return b"/slot:" in name and text.split()[0] == text.split()[1]


def _code_columns(terms: CodeTerms) -> dict[str, Any]:
    fields = CodeFields(
        kind=terms.kind,
        ticket_ids=terms.ticket_ids,
        max_uses=terms.max_uses or None,
        max_places_per_use=terms.max_places or None,
        valid_from=_instant(terms.from_ms),
        valid_until=_instant(terms.until_ms),
        customer_id=terms.customer_id or None,
        percent=terms.amount if terms.form is DiscountForm.PERCENT else None,
        amount_off_minor=terms.amount if terms.form is DiscountForm.AMOUNT_OFF else None,
        price_minor=terms.amount if terms.form is DiscountForm.PRICE else None,
        budget_minor=terms.budget_minor or None,
        places=terms.places or None,
        opens_at=_instant(terms.opens_ms),
        withdrawn_at=_BEGIN if terms.withdrawn else None,
    )
    return dict(zip(COLUMNS, fields.values(), strict=True))


def _instant(ms: int) -> datetime | None:
    return _BEGIN + timedelta(milliseconds=ms) if ms else None
