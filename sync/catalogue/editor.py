"""The catalogue: events and tickets are owned by Postgres and published to Redis, which sells from what is published.

The two cannot be written at once, so the order decides what a crash leaves behind:
- A new event or ticket is committed first. Left behind: it is not on sale yet.
- A change is announced (a new version is committed), then published, then committed: Redis may refuse it. Left behind:
  Redis sells by terms that Postgres does not have.
Either way Redis has another version published than Postgres has, and `publish_missing` publishes what Postgres says.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import asyncpg
import msgspec
import structlog
from msgspec import UNSET, UnsetType

from engine.catalogue import (
    EventSnapshot,
    Schedule,
    TicketSnapshot,
    WaitingList,
    WaitingRoom,
    publish_event,
    published_versions,
    withdraw_event,
)
from engine.commands.events import Count, Drop
from engine.commands.seats import BlockSeats
from engine.commands.waiting_rooms import QueueResult, SetQueue
from engine.currencies import FIRST_CURRENCY
from engine.engine import Engine
from engine.errors import EngineBug
from engine.results.events import BelowTaken, InUse, Published, UnknownPool
from engine.results.seats import SeatTaken
from engine.results.waiting_rooms import NoQueue, QueueState
from engine.words import EventStatus
from sync.audit_log.entries import log_change
from sync.catalogue.cancellations import end_holds, note_cancellation
from sync.catalogue.refusals import OtherCurrency, OtherRevision, UnknownSeats
from sync.catalogue.section_maps import missing_maps, section_seats
from sync.postgres import Connection, Postgres
from sync.sql import statement

log = structlog.get_logger(__name__)


class TicketFields(msgspec.Struct, frozen=True):
    """The fields of a ticket that a manager sets. The price is in minor units of its currency.

    Times are aware. None for `sale_opens_at` and `sale_closes_at`: no such limit beside its event's.
    """

    ticket_type: str
    unit_minor: int
    capacity: int = 0
    paused: bool = False
    hidden: bool = False
    sale_opens_at: datetime | None = None
    sale_closes_at: datetime | None = None
    min_quantity: int = 1
    currency: str = FIRST_CURRENCY


class NewTicket(TicketFields, frozen=True):
    """A ticket to be offered.

    It offers either a capacity of places that are all alike, or the seats of sections of the event's venue.
    """

    section_ids: list[int] = []


class EventFields(msgspec.Struct, frozen=True):
    """The fields of an event that a manager sets.

    Times are aware. None for `sale_opens_at`, `sale_closes_at` and `doors_open_at`: no such limit.
    """

    name: str
    starts_at: datetime
    timezone: str = "UTC"
    venue_id: int | None = None
    status: EventStatus = EventStatus.DRAFT
    sale_opens_at: datetime | None = None
    sale_closes_at: datetime | None = None
    hold_seconds: int = 900
    max_per_customer: int = 10
    description: str | None = None
    image_url: str | None = None
    waiting_room: WaitingRoom | None = None
    currency: str = FIRST_CURRENCY
    doors_open_at: datetime | None = None
    eticket_keys: int = 1
    waiting_list: WaitingList | None = None


class NewEvent(EventFields, frozen=True, kw_only=True):
    """An event to be made, with its tickets; with a schedule it is timed, and they have no places of their own."""

    tickets: list[NewTicket]
    schedule: Schedule | None = None


class TicketChanges(msgspec.Struct, frozen=True):
    """Changes of a ticket; UNSET fields stay as they are.

    Places that are already held keep their prices. `currency` must be that of the event.
    """

    ticket_type: str | UnsetType = UNSET
    unit_minor: int | UnsetType = UNSET
    capacity: int | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    sale_opens_at: datetime | UnsetType | None = UNSET
    sale_closes_at: datetime | UnsetType | None = UNSET
    min_quantity: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET


class WrongVenue(msgspec.Struct, frozen=True):
    """These sections, which tickets of the event offer, are not of its venue. Nothing was changed."""

    section_ids: list[int]


class EventIsCancelled(msgspec.Struct, frozen=True):
    """The event is cancelled, and no other status can follow. Nothing was changed."""


class EventGone(EngineBug):
    """The event was deleted meanwhile."""


class SalesLost(EngineBug):
    """Redis does not know an event with sold places in Postgres: publishing it would sell them again."""


class CatalogueEditor:
    """Edits the catalogue and publishes it.

    Every method raises PostgresAway, or Fault when Redis is away. What was begun then is finished by the publisher of
    the sync worker, as Postgres has it. `revisions`: those of which the thing must have one; None: any. Of changes that
    name the same revision one is made, and the others answer OtherRevision: it is compared under the event's lock.
    """

    def __init__(self, postgres: Postgres, engine: Engine) -> None:
        self._postgres = postgres
        self._engine = engine

    async def create_event(self, event: NewEvent) -> EventSnapshot:
        """Makes an event. It is on sale, if its status says so, when this returns.

        Raises OutOfMemory; asyncpg.IntegrityConstraintViolationError if its venue is not there, or has not the sections
        that its tickets offer.
        """
        await self._engine.check_memory()
        async with self._postgres.transaction() as connection:
            event_id: int = await connection.fetchval(event_statement("insert_event"), *_values(event))
            if not isinstance(await self._engine.submit(Count(event_id)), UnknownPool):
                raise EngineBug(
                    f"Redis sells an event {event_id} that Postgres does not know; do they belong together?"
                )
            if event.schedule is not None:
                await _put_schedule(connection, event_id, event.schedule)
            await _insert_tickets(connection, event_id, event.tickets)
            await log_change(connection, f"event/{event_id}", event_id=event_id, after=event)
        return await self._publish_existing(event_id)

    async def update_event(
        self, event_id: int, changes: Mapping[str, Any], revisions: Sequence[int] | None = None
    ) -> EventSnapshot | WrongVenue | BelowTaken | EventIsCancelled | InUse | OtherRevision | None:
        """Changes these EventFields of an event, or its `schedule`, under live sales; None if there is no such event.

        Its venue stays once tickets offer sections of it. Answers BelowTaken, and changes nothing, where the schedule
        or a later start takes away places of slots that are taken; InUse for another currency, once anything of it was
        taken. Where it is cancelled, its holds have been given back when this returns; if Redis goes away, the sync
        worker does the rest. Raises asyncpg.IntegrityConstraintViolationError for a venue that is not there.
        """
        changed = await self._update_event(event_id, changes, revisions)
        if isinstance(changed, EventSnapshot) and changes.get("status") is EventStatus.CANCELLED:
            await end_holds(self._postgres, self._engine, event_id)
        return changed

    async def _update_event(
        self, event_id: int, changes: Mapping[str, Any], revisions: Sequence[int] | None
    ) -> EventSnapshot | WrongVenue | BelowTaken | EventIsCancelled | InUse | OtherRevision | None:
        try:
            await self._announce(event_id, revisions)
            async with self._postgres.transaction() as connection:
                return await self._change_event(connection, event_id, dict(changes), revisions)
        except _Refused as refused:
            return refused.result
        except _InUse as refused:
            await self._publish_anew(event_id)  # it may be sold in the other currency already
            return InUse(refused.currency)

    async def _change_event(
        self, connection: Connection, event_id: int, changes: dict[str, Any], revisions: Sequence[int] | None
    ) -> EventSnapshot | WrongVenue | EventIsCancelled | InUse | OtherRevision:
        schedule = changes.pop("schedule", None)
        before = await connection.fetchrow(event_statement("read_event_fields"), event_id)
        if before is None:
            raise _Refused(None)  # it was deleted meanwhile
        if revisions is not None and before["revision"] not in revisions:
            return OtherRevision()
        known = msgspec.convert(_fields(before), EventFields)
        after = msgspec.structs.replace(known, **changes)
        if known.status is EventStatus.CANCELLED and after.status is not EventStatus.CANCELLED:
            return EventIsCancelled()
        converted = after.currency != known.currency
        if converted and await connection.fetchval(statement("event_was_taken"), event_id):
            return InUse(known.currency)
        if after.status is EventStatus.CANCELLED and known.status is not EventStatus.CANCELLED:
            await note_cancellation(connection, event_id, after.name)
        if after.venue_id != before["venue_id"]:
            offered = await connection.fetch(statement("sections_of_event"), event_id)
            if offered:
                return WrongVenue([section_id for (section_id,) in offered])
            await connection.execute(statement("unblock_all"), event_id)
        await connection.execute(event_statement("update_event"), *_values(after), event_id)
        await _note_change(connection, event_id)
        given = {} if schedule is None else {"schedule": schedule}
        await log_change(
            connection,
            f"event/{event_id}",
            event_id=event_id,
            before={name: getattr(known, name) for name in changes},
            after={name: getattr(after, name) for name in changes} | given,
        )
        await connection.execute(statement("mark_cancelled"), event_id)
        if schedule is None and not converted and after.starts_at == known.starts_at:
            return await self._publish_surely(connection, event_id)
        if schedule is not None:
            await _put_schedule(connection, event_id, schedule)
        snapshot = await lock_event(connection, event_id)
        refusal = await self._publish(connection, snapshot)
        if refusal is not None:
            raise _Refused(refusal)
        # What was taken just before, and is told in the outbox no more, is told here.
        if converted and await connection.fetchval(statement("event_was_taken_in_another_currency"), event_id):
            raise _InUse(known.currency)
        return snapshot

    async def add_tickets(
        self, event_id: int, tickets: list[NewTicket]
    ) -> EventSnapshot | WrongVenue | OtherCurrency | None:
        """Offers more tickets of an event; None if there is no such event. Raises OutOfMemory."""
        await self._engine.check_memory()
        offered = [section_id for ticket in tickets for section_id in ticket.section_ids]
        async with self._postgres.transaction() as connection:
            currency = await connection.fetchval(statement("read_event_currency"), event_id)
            if currency is None:
                return None
            for ticket in tickets:
                if ticket.currency != currency:
                    return OtherCurrency(ticket.currency, currency)
            await _note_change(connection, event_id)
            strange = await connection.fetch(statement("sections_of_other_venues"), event_id, offered)
            if strange:
                return WrongVenue(sorted({section_id for (section_id,) in strange}))
            await _insert_tickets(connection, event_id, tickets)
            await log_change(connection, f"event/{event_id}", event_id=event_id, after={"tickets": tickets})
        return await self._publish_existing(event_id)

    async def update_ticket(
        self, ticket_id: int, changes: TicketChanges, revisions: Sequence[int] | None = None
    ) -> EventSnapshot | BelowTaken | InUse | OtherCurrency | OtherRevision | None:
        """Changes a ticket under live sales; None if there is no such ticket.

        Answers BelowTaken, and changes nothing, if the new capacity is less than the places taken; OtherCurrency for a
        price in another one than its event's. InUse: a crash left Redis selling in another, which will be told.
        """
        async with self._postgres.connection() as connection:
            known = await connection.fetchrow(statement("ticket_revision"), ticket_id)
        if known is None:
            return None
        event_id: int = known["event_id"]
        if revisions is not None and known["revision"] not in revisions:
            return OtherRevision()
        try:
            await self._announce(event_id)
            async with self._postgres.transaction() as connection:
                before = await lock_event(connection, event_id)
                if revisions is not None and before.ticket_by_id[ticket_id].revision not in revisions:
                    return OtherRevision()
                if changes.currency not in (UNSET, before.currency):
                    return OtherCurrency(changes.currency, before.currency)
                (row,) = await connection.fetch(ticket_statement("read_ticket_fields"), ticket_id)
                given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
                fields = dict(row) | given
                await connection.execute(ticket_statement("update_ticket"), *fields.values(), ticket_id)
                await _note_change(connection, event_id, ticket_id)
                snapshot = await lock_event(connection, event_id)
                refusal = await self._publish(connection, snapshot)
                if refusal is not None:
                    raise _Refused(refusal)
                await log_change(
                    connection,
                    f"ticket/{ticket_id}",
                    event_id=event_id,
                    before=before.ticket_by_id[ticket_id],
                    after=snapshot.ticket_by_id[ticket_id],
                )
                return snapshot
        except _Refused as refused:
            return refused.result

    async def delete_ticket(
        self, ticket_id: int, revisions: Sequence[int] | None = None
    ) -> InUse | OtherRevision | EventSnapshot | None:
        """Deletes a ticket of which nothing was ever taken; returns its event without it, None if there was none."""
        async with self._postgres.connection() as connection:
            known = await connection.fetchrow(statement("ticket_revision"), ticket_id)
            if known is not None and await connection.fetchval(statement("ticket_was_taken"), ticket_id):
                return InUse()
        if known is None:
            return None
        event_id: int = known["event_id"]
        try:
            await self._announce(event_id)
            async with self._postgres.transaction() as connection:
                before = (await lock_event(connection, event_id)).ticket_by_id[ticket_id]
                if revisions is not None and before.revision not in revisions:
                    return OtherRevision()
                await connection.execute(statement("delete_ticket"), ticket_id)
                await _note_change(connection, event_id)
                snapshot = await lock_event(connection, event_id)
                await self._drop(Drop(event_id, ticket_id, snapshot.terms()))
                if await connection.fetchval(statement("ticket_was_taken"), ticket_id):
                    raise _InUse
                await self._publish_surely(connection, event_id)
                await log_change(connection, f"ticket/{ticket_id}", event_id=event_id, before=before)
                return snapshot
        except _Refused as refused:
            return None if refused.result is None else OtherRevision()
        except _InUse:
            await self._publish_anew(event_id)  # it may be off sale already
            return InUse()

    async def delete_event(
        self, event_id: int, revisions: Sequence[int] | None = None
    ) -> InUse | OtherRevision | EventSnapshot | None:
        """Deletes an event of which nothing was ever taken; returns it as it was, None if there was none."""
        async with self._postgres.connection() as connection:
            if await connection.fetchval(statement("event_was_taken"), event_id):
                return InUse()
        try:
            await self._announce(event_id, revisions)
            async with self._postgres.transaction() as connection:
                before = await lock_event(connection, event_id)
                if revisions is not None and before.revision not in revisions:
                    return OtherRevision()
                await connection.execute(statement("delete_event"), event_id)
                await self._drop(Drop(event_id, 0))
                if await connection.fetchval(statement("event_was_taken"), event_id):
                    raise _InUse
                await withdraw_event(self._engine, event_id)
                await log_change(connection, f"event/{event_id}", event_id=event_id, before=before)
                return before
        except _Refused as refused:
            return None if refused.result is None else OtherRevision()
        except _InUse:
            await self._publish_anew(event_id)  # it may be off sale already
            return InUse()

    async def _drop(self, drop: Drop) -> None:
        """Takes it off sale. What is told in Postgres is looked for after this: from here on nothing is taken.

        Raises _InUse.
        """
        dropped = await self._engine.submit(drop)
        if isinstance(dropped, InUse):
            raise _InUse

    async def block_seats(
        self, event_id: int, seat_ids: list[int], *, blocked: bool, revisions: Sequence[int] | None = None
    ) -> EventSnapshot | SeatTaken | UnknownSeats | OtherRevision | None:
        """Takes seats off sale, or puts them back on, under live sales; None if there is no such event.

        All of them or none: answers SeatTaken where one is held or sold. Seats of sections that no ticket offers yet
        are blocked for when one does.
        """
        try:
            await self._announce(event_id, revisions)
        except _Refused as refused:
            return None if refused.result is None else OtherRevision()
        async with self._postgres.transaction() as connection:
            snapshot = await lock_event(connection, event_id)
            if revisions is not None and snapshot.revision not in revisions:
                return OtherRevision()
            known = await connection.fetch(statement("seats_of_event"), event_id, seat_ids)
            unknown = set(seat_ids).difference(seat_id for (seat_id,) in known)
            if unknown:
                return UnknownSeats(sorted(unknown))
            command = BlockSeats(event_id, await section_seats(connection, snapshot, seat_ids), blocked)
            result = await self._engine.submit(command)
            if isinstance(result, UnknownPool):  # a crash left its stock unpublished
                await self._publish_surely(connection, event_id)
                result = await self._engine.submit(command)
            if isinstance(result, SeatTaken):
                return result
            if isinstance(result, UnknownPool):
                raise EngineBug(f"Redis does not know the sections of event {event_id}, which was just published")
            await connection.execute(statement("block_seats" if blocked else "unblock_seats"), event_id, seat_ids)
            await _note_change(connection, event_id)
            after = {"seat_ids": seat_ids, "blocked": blocked}
            await log_change(connection, f"event/{event_id}/seats", event_id=event_id, after=after)
            return await self._publish_surely(connection, event_id)

    async def change_queue(self, command: SetQueue, changes: Mapping[str, Any]) -> QueueResult:
        """Changes how a waiting room works, and logs `changes`. Nothing is logged where there is no room."""
        try:
            async with self._postgres.transaction() as connection:
                await log_change(
                    connection, f"event/{command.event_id}/queue", event_id=command.event_id, after=dict(changes)
                )
                result = await self._engine.submit(command)
                if not isinstance(result, QueueState):
                    raise _NoQueue(result)
                return result
        except _NoQueue as refused:
            return refused.result

    async def publish_missing(self) -> int:
        """Publishes every event of which Redis does not have Postgres' version. Returns how many."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("event_versions"))
        published = await published_versions(self._engine.redis)
        count = 0
        for event_id, version in rows:
            if published.pop(event_id, None) != version:
                try:
                    await self._publish_anew(event_id)
                    count += 1
                except EventGone:
                    continue  # it was deleted meanwhile
                except SalesLost as error:
                    log.error("sales_lost", event_id=event_id, error=str(error))
        if published:
            log.error(
                "unknown_events", event_ids=sorted(published), error="Redis has events that Postgres does not know"
            )
        return count

    async def _announce(self, event_id: int, revisions: Sequence[int] | None = None) -> None:
        """Commits that the event is about to change, so that a crash is found and healed.

        Raises _Refused if there is none, or if it has none of these revisions.
        """
        async with self._postgres.connection() as connection:
            if await connection.fetchval(statement("new_version"), event_id, revisions) is None:
                known = await connection.fetchval(statement("event_exists"), event_id)
                raise _Refused(OtherRevision() if known else None)

    async def _publish_existing(self, event_id: int) -> EventSnapshot:
        """Publishes an event as it is committed. Under a lock: an older state is never published over a newer one."""
        async with self._postgres.transaction() as connection:
            return await self._publish_surely(connection, event_id)

    async def _publish_anew(self, event_id: int) -> None:
        """Publishes an event as it is committed, as a newer version than any that Redis may have got."""
        async with self._postgres.transaction() as connection:
            await connection.execute(statement("new_version"), event_id, None)
            await self._publish_surely(connection, event_id)

    async def _publish_surely(self, connection: Connection, event_id: int) -> EventSnapshot:
        """Publishes an event whose capacities Redis has agreed to, or must.

        Where Redis sold by a capacity that Postgres did not get to commit, what is sold is sold: Postgres follows.
        """
        while True:
            snapshot = await lock_event(connection, event_id)
            refusal = await self._publish(connection, snapshot, keeps_slots=True)
            if refusal is None:
                return snapshot
            if isinstance(refusal, InUse):
                log.warning("currency_kept", event_id=event_id, currency=refusal.currency)
                await connection.execute(statement("keep_currency"), event_id, refusal.currency)
                await _note_change(connection, event_id)
                continue
            log.warning("capacity_raised", event_id=event_id, pool=refusal.pool, capacity=refusal.taken)
            ticket_id = next(ticket.ticket_id for ticket in snapshot.tickets if refusal.pool in ticket.pools)
            await connection.execute(statement("raise_capacity"), ticket_id, refusal.taken)
            await _note_change(connection, event_id, ticket_id)

    async def _publish(
        self, connection: Connection, snapshot: EventSnapshot, *, keeps_slots: bool = False
    ) -> BelowTaken | InUse | None:
        """Publishes a snapshot, or answers Redis' refusal."""
        known = await self._engine.submit(Count(snapshot.event_id))
        if isinstance(known, UnknownPool) and await connection.fetchval(
            statement("event_has_sales"), snapshot.event_id
        ):
            raise SalesLost(
                f"Redis does not know event {snapshot.event_id}, of which Postgres has sold places; "
                "it is not put on sale, because those would be sold again; restore Redis"
            )
        sections = await missing_maps(connection, self._engine, snapshot)
        result = await publish_event(self._engine, snapshot, sections, keeps_slots=keeps_slots)
        return None if isinstance(result, Published) else result


class _NoQueue(Exception):
    """Rolls back the log of a change of a waiting room that is not there."""

    def __init__(self, result: NoQueue | UnknownPool) -> None:
        self.result = result


class _Refused(Exception):
    """Ends a change because of a refusal, and rolls its transaction back. None: there is no such event."""

    def __init__(self, result: BelowTaken | InUse | OtherRevision | None) -> None:
        self.result = result


class _InUse(Exception):
    """Ends a deletion, or a change of the currency, and rolls its transaction back: something of it was taken."""

    def __init__(self, currency: str = "") -> None:
        self.currency = currency


async def _note_change(connection: Connection, event_id: int, *ticket_ids: int) -> bool:
    """Gives a changed event, and those of its tickets that are, another revision; False if there is no such event."""
    return await connection.fetchval(statement("new_revision"), event_id, list(ticket_ids)) is not None


async def lock_event(connection: Connection, event_id: int) -> EventSnapshot:
    """The event as it is in this transaction, locked until its end."""
    event = await connection.fetchrow(event_statement("lock_event"), event_id)
    tickets = await connection.fetch(statement("read_tickets"), event_id)
    schedule = await connection.fetchrow(statement("read_schedule"), event_id)
    if event is None:
        raise EventGone(f"event {event_id} was deleted")
    fields = _fields(event) | {
        "tickets": [TicketSnapshot(**ticket) for ticket in tickets],
        "schedule": Schedule(**schedule) if schedule else None,
    }
    return msgspec.convert(fields, EventSnapshot)


async def _put_schedule(connection: Connection, event_id: int, schedule: Schedule) -> None:
    columns = [schedule.capacity, schedule.times, schedule.weekdays, schedule.closed]
    await connection.execute(statement("put_schedule"), event_id, *columns)


async def _insert_tickets(connection: Connection, event_id: int, tickets: list[NewTicket]) -> None:
    values = [[getattr(ticket, name) for ticket in tickets] for name in TicketFields.__struct_fields__]
    ticket_ids = await connection.fetch(ticket_statement("insert_tickets"), event_id, *values)
    offered = [
        (ticket_id, position, section_id)
        for (ticket_id,), ticket in zip(ticket_ids, tickets, strict=True)
        for position, section_id in enumerate(ticket.section_ids)
    ]
    if offered:
        columns = [list(column) for column in zip(*offered, strict=True)]
        await connection.execute(statement("insert_ticket_sections"), event_id, *columns)


@cache
def event_statement(name: str) -> str:
    """A statement of sync/sql about all EventFields. Their columns are put in here: as `*_ms` where a snapshot is read.

    A new field is thus a column, a field of EventFields, and one of EventSnapshot.
    """
    columns = EventFields.__struct_fields__
    return statement(name).format(
        **_columns_of(columns),
        snapshot_columns=", ".join(
            f"milliseconds({column}) AS {column[:-3]}_ms" if column.endswith("_at") else column for column in columns
        ),
    )


_TICKET_ARRAYS = (
    "text[]",
    "bigint[]",
    "integer[]",
    "boolean[]",
    "boolean[]",
    "timestamptz[]",
    "timestamptz[]",
    "integer[]",
    "text[]",
)
"""The types of lists of TicketFields, in Postgres."""


@cache
def ticket_statement(name: str) -> str:
    """A statement of sync/sql about all TicketFields; their columns are put in here."""
    arrays = ", ".join(f"${number}::{kind}" for number, kind in enumerate(_TICKET_ARRAYS, 2))
    return statement(name).format(**_columns_of(TicketFields.__struct_fields__), arrays=arrays)


def _columns_of(names: tuple[str, ...]) -> dict[str, object]:
    """The columns of a statement, the parameters that they are set to, and the number of the next parameter."""
    values = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    return {"columns": ", ".join(names), "values": values, "next": len(names) + 1}


def _values(event: EventFields) -> list[Any]:
    values = [getattr(event, name) for name in EventFields.__struct_fields__]
    stored = WaitingRoom | WaitingList
    return [msgspec.json.encode(value).decode() if isinstance(value, stored) else value for value in values]


def _fields(row: asyncpg.Record) -> dict[str, Any]:
    """The fields of an event's row; of its waiting room and its waiting list Postgres has the text."""
    kinds = {"waiting_room": WaitingRoom, "waiting_list": WaitingList}
    texts = {name: row[name] for name in kinds}
    stored = {
        name: None if text is None else msgspec.json.decode(text, type=kinds[name]) for name, text in texts.items()
    }
    return dict(row) | stored
