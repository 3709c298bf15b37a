"""The catalogue: events and tickets are owned by Postgres and published to Redis, which sells from what is published.

The two cannot be written at once, so the order decides what a crash leaves behind:
- A new event or ticket is committed first. Left behind: it is not on sale yet.
- A change is announced (a new version is committed), then published, then committed: Redis may refuse it. Left behind:
  Redis sells by terms that Postgres does not have.
Either way Redis has another version published than Postgres has, and `publish_missing` publishes what Postgres says.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from engine.catalogue import EventSnapshot, withdraw_event
from engine.commands.events import Count, Drop
from engine.commands.seats import BlockSeats
from engine.commands.waiting_rooms import QueueResult, SetQueue
from engine.engine import Engine
from engine.errors import EngineBug
from engine.results.events import BelowTaken, InUse, UnknownPool
from engine.results.seats import SeatTaken
from engine.results.waiting_rooms import QueueState
from engine.words import EventStatus
from sync.audit_log.entries import log_change
from sync.catalogue.cancellations import end_holds, note_cancellation
from sync.catalogue.event_publisher import EventPublisher, Refused
from sync.catalogue.event_rows import (
    EventGone,
    event_fields,
    event_statement,
    event_values,
    insert_tickets,
    lock_event,
    note_change,
    put_schedule,
    ticket_statement,
)
from sync.catalogue.fields import EventFields, NewEvent, NewTicket, TicketChanges
from sync.catalogue.logged import logged, logged_changes
from sync.catalogue.refusals import EventIsCancelled, OtherCurrency, OtherRevision, UnknownSeats, WrongVenue
from sync.catalogue.section_maps import section_seats
from sync.creations import ONCE, Creation
from sync.postgres import Connection, Postgres
from sync.sql import statement


class AddedTicket(NamedTuple):
    """A ticket that was added, and its event with it."""

    event: EventSnapshot
    ticket_id: int


class CatalogueEditor:
    """Edits the catalogue and publishes it.

    Every method raises PostgresAway, or Fault when Redis is away. What was begun then is finished by the publisher of
    the sync worker, as Postgres has it. `revisions`: those of which the thing must have one; None: any. Of changes that
    name the same revision one is made, and the others answer OtherRevision: it is compared under the event's lock.
    """

    def __init__(self, postgres: Postgres, engine: Engine) -> None:
        self._postgres = postgres
        self._engine = engine
        self._publisher = EventPublisher(postgres, engine)

    async def create_event(self, event: NewEvent, creation: Creation = ONCE) -> EventSnapshot:
        """Makes an event, once for a creation. It is on sale, if its status says so, when this returns.

        If somebody else deletes it meanwhile, it is returned as it was made. Raises OutOfMemory;
        asyncpg.IntegrityConstraintViolationError if its venue is not there, or has not the sections that its tickets
        offer.
        """
        await self._engine.check_memory()
        async with self._postgres.transaction() as connection:
            event_id = await creation.made(connection)
            made = None if event_id is None else await _lock_if_there(connection, event_id)
            if made is None:
                made = await self._insert_event(connection, event, creation)
        try:
            return await self._publisher.publish_existing(made.event_id)
        except EventGone:
            return made

    async def _insert_event(self, connection: Connection, event: NewEvent, creation: Creation) -> EventSnapshot:
        event_id: int = await connection.fetchval(event_statement("insert_event"), *event_values(event))
        if not isinstance(await self._engine.submit(Count(event_id)), UnknownPool):
            raise EngineBug(f"Redis sells an event {event_id} that Postgres does not know; do they belong together?")
        if event.schedule is not None:
            await put_schedule(connection, event_id, event.schedule)
        await insert_tickets(connection, event_id, event.tickets)
        await creation.note(connection, event_id)
        made = await lock_event(connection, event_id)
        await log_change(connection, f"event/{event_id}", event_id=event_id, after=logged(event, event.currency))
        return made

    async def update_event(
        self, event_id: int, changes: Mapping[str, Any], revisions: Sequence[int] | None = None
    ) -> EventSnapshot | WrongVenue | BelowTaken | EventIsCancelled | InUse | OtherRevision | None:
        """Changes these EventFields of an event, or its `schedule`, under live sales; None if there is no such event.

        Its venue stays once tickets offer sections of it. Returns BelowTaken, and changes nothing, if the schedule or a
        later start removes taken places of slots. Returns InUse for another currency, once anything of it was taken. If
        the event is cancelled, its holds have been given back when this returns. If Redis goes away, the sync worker
        does the rest. Raises asyncpg.IntegrityConstraintViolationError for a venue that is not there.
        """
        changed = await self._update_event(event_id, changes, revisions)
        if isinstance(changed, EventSnapshot) and changes.get("status") is EventStatus.CANCELLED:
            await end_holds(self._postgres, self._engine, event_id)
        return changed

    async def _update_event(
        self, event_id: int, changes: Mapping[str, Any], revisions: Sequence[int] | None
    ) -> EventSnapshot | WrongVenue | BelowTaken | EventIsCancelled | InUse | OtherRevision | None:
        try:
            await self._publisher.announce(event_id, revisions)
            async with self._postgres.transaction() as connection:
                return await self._change_event(connection, event_id, dict(changes), revisions)
        except Refused as refused:
            return refused.result
        except _InUse as refused:
            await self._publisher.publish_new_version(event_id)  # it may be sold in the other currency already
            return InUse(refused.currency)

    async def _change_event(
        self, connection: Connection, event_id: int, changes: dict[str, Any], revisions: Sequence[int] | None
    ) -> EventSnapshot | WrongVenue | EventIsCancelled | InUse | OtherRevision:
        schedule = changes.pop("schedule", None)
        before = await connection.fetchrow(event_statement("read_event_fields"), event_id)
        if before is None:
            raise Refused(None)  # it was deleted meanwhile
        if revisions is not None and before["revision"] not in revisions:
            return OtherRevision()
        known = msgspec.convert(event_fields(before), EventFields)
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
        await connection.execute(event_statement("update_event"), *event_values(after), event_id)
        await note_change(connection, event_id)
        await connection.execute(statement("mark_cancelled"), event_id)
        if schedule is None and not converted and after.starts_at == known.starts_at:
            snapshot = await self._publisher.publish_agreed(connection, event_id)
        else:
            if schedule is not None:
                await put_schedule(connection, event_id, schedule)
            snapshot = await lock_event(connection, event_id)
            refusal = await self._publisher.publish(connection, snapshot)
            if refusal is not None:
                raise Refused(refusal)
            # This finds places that were taken just before, and have left the outbox.
            if converted and await connection.fetchval(statement("event_was_taken_in_another_currency"), event_id):
                raise _InUse(known.currency)
        given = {} if schedule is None else {"schedule": schedule}
        await log_change(
            connection,
            f"event/{event_id}",
            event_id=event_id,
            before=logged({name: getattr(known, name) for name in changes}, known.currency),
            after=logged({name: getattr(after, name) for name in changes} | given, after.currency),
        )
        return snapshot

    async def add_ticket(
        self, event_id: int, ticket: NewTicket, creation: Creation = ONCE
    ) -> AddedTicket | WrongVenue | OtherCurrency | None:
        """Offers one more ticket of an event, once for a creation; None if there is no such event.

        If somebody else deletes the ticket meanwhile, the event is returned as it was with it. Raises OutOfMemory.
        """
        await self._engine.check_memory()
        async with self._postgres.transaction() as connection:
            ticket_id = await creation.made(connection)
            made = None if ticket_id is None else await _lock_if_there(connection, event_id)
            if made is None or ticket_id not in made.ticket_by_id:
                inserted = await self._insert_ticket(connection, event_id, ticket, creation)
                if not isinstance(inserted, AddedTicket):
                    return inserted
                made, ticket_id = inserted
        try:
            published = await self._publisher.publish_existing(event_id)
        except EventGone:
            return None
        return AddedTicket(published if ticket_id in published.ticket_by_id else made, ticket_id)

    async def _insert_ticket(
        self, connection: Connection, event_id: int, ticket: NewTicket, creation: Creation
    ) -> AddedTicket | WrongVenue | OtherCurrency | None:
        currency = await connection.fetchval(statement("read_event_currency"), event_id)
        if currency is None:
            return None
        if ticket.currency != currency:
            return OtherCurrency(ticket.currency, currency)
        await note_change(connection, event_id)
        strange = await connection.fetch(statement("sections_of_other_venues"), event_id, ticket.section_ids)
        if strange:
            return WrongVenue(sorted({section_id for (section_id,) in strange}))
        (ticket_id,) = await insert_tickets(connection, event_id, [ticket])
        await creation.note(connection, ticket_id)
        made = await lock_event(connection, event_id)
        await log_change(
            connection, f"event/{event_id}", event_id=event_id, after=logged({"tickets": [ticket]}, currency)
        )
        return AddedTicket(made, ticket_id)

    async def update_ticket(
        self, ticket_id: int, changes: TicketChanges, revisions: Sequence[int] | None = None
    ) -> EventSnapshot | BelowTaken | InUse | OtherCurrency | OtherRevision | None:
        """Changes a ticket under live sales; None if there is no such ticket.

        Answers BelowTaken, and changes nothing, if the new capacity is less than the places taken; OtherCurrency for a
        price in another one than its event's. InUse: a crash left Redis selling in another, which the answer names.
        """
        async with self._postgres.connection() as connection:
            known = await connection.fetchrow(statement("ticket_revision"), ticket_id)
        if known is None:
            return None
        event_id: int = known["event_id"]
        if revisions is not None and known["revision"] not in revisions:
            return OtherRevision()
        try:
            await self._publisher.announce(event_id)
            async with self._postgres.transaction() as connection:
                before = await _lock_with_ticket(connection, event_id, ticket_id)
                if revisions is not None and before.ticket_by_id[ticket_id].revision not in revisions:
                    return OtherRevision()
                if changes.currency not in (UNSET, before.currency):
                    return OtherCurrency(changes.currency, before.currency)
                (row,) = await connection.fetch(ticket_statement("read_ticket_fields"), ticket_id)
                given = {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not UNSET}
                fields = dict(row) | given
                await connection.execute(ticket_statement("update_ticket"), *fields.values(), ticket_id)
                await note_change(connection, event_id, ticket_id)
                snapshot = await lock_event(connection, event_id)
                refusal = await self._publisher.publish(connection, snapshot)
                if refusal is not None:
                    raise Refused(refusal)
                was, now = logged_changes(
                    before.ticket_by_id[ticket_id], snapshot.ticket_by_id[ticket_id], before.currency
                )
                await log_change(connection, f"ticket/{ticket_id}", event_id=event_id, before=was, after=now)
                return snapshot
        except Refused as refused:
            return refused.result

    async def delete_ticket(
        self, ticket_id: int, revisions: Sequence[int] | None = None
    ) -> InUse | OtherRevision | EventSnapshot | None:
        """Deletes a ticket of which nothing was ever taken; returns its event without it, None if there was none."""
        async with self._postgres.connection() as connection:
            known = await connection.fetchrow(statement("ticket_revision"), ticket_id)
            if known is None:
                return None
            event_id: int = known["event_id"]
            if await connection.fetchval(statement("ticket_was_taken"), ticket_id, event_id):
                return InUse()
        try:
            await self._publisher.announce(event_id)
            async with self._postgres.transaction() as connection:
                event = await _lock_with_ticket(connection, event_id, ticket_id)
                before = event.ticket_by_id[ticket_id]
                if revisions is not None and before.revision not in revisions:
                    return OtherRevision()
                # Redis must have the others: one may have been added just now. A pool that is missing later is damage.
                await self._publisher.publish_agreed(connection, event_id)
                await connection.execute(statement("delete_ticket"), ticket_id)
                await note_change(connection, event_id)
                snapshot = await lock_event(connection, event_id)
                await self._drop(Drop(event_id, ticket_id, snapshot.terms()))
                if await connection.fetchval(statement("ticket_was_taken"), ticket_id, event_id):
                    raise _InUse
                await self._publisher.publish_agreed(connection, event_id)
                await log_change(
                    connection, f"ticket/{ticket_id}", event_id=event_id, before=logged(before, snapshot.currency)
                )
                return snapshot
        except Refused as refused:
            return None if refused.result is None else OtherRevision()
        except _InUse:
            await self._publisher.publish_new_version(event_id)  # it may be off sale already
            return InUse()

    async def delete_event(
        self, event_id: int, revisions: Sequence[int] | None = None
    ) -> InUse | OtherRevision | EventSnapshot | None:
        """Deletes an event of which nothing was ever taken; returns it as it was, None if there was none."""
        async with self._postgres.connection() as connection:
            if await connection.fetchval(statement("event_was_taken"), event_id):
                return InUse()
        try:
            await self._publisher.announce(event_id, revisions)
            async with self._postgres.transaction() as connection:
                before = await _lock_still_there(connection, event_id)
                if revisions is not None and before.revision not in revisions:
                    return OtherRevision()
                await connection.execute(statement("delete_event"), event_id)
                await self._drop(Drop(event_id, 0))
                if await connection.fetchval(statement("event_was_taken"), event_id):
                    raise _InUse
                await withdraw_event(self._engine, event_id)
                await log_change(
                    connection, f"event/{event_id}", event_id=event_id, before=logged(before, before.currency)
                )
                return before
        except Refused as refused:
            return None if refused.result is None else OtherRevision()
        except _InUse:
            await self._publisher.publish_new_version(event_id)  # it may be off sale already
            return InUse()

    async def _drop(self, drop: Drop) -> None:
        """Takes it off sale. Facts in Postgres are looked for after this: from here on nothing is taken.

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
            await self._publisher.announce(event_id, revisions)
            async with self._postgres.transaction() as connection:
                snapshot = await _lock_still_there(connection, event_id)
                if revisions is not None and snapshot.revision not in revisions:
                    return OtherRevision()
                known = await connection.fetch(statement("seats_of_event"), event_id, seat_ids)
                unknown = set(seat_ids).difference(seat_id for (seat_id,) in known)
                if unknown:
                    return UnknownSeats(sorted(unknown))
                command = BlockSeats(event_id, await section_seats(connection, snapshot, seat_ids), blocked)
                result = await self._engine.submit(command)
                if isinstance(result, UnknownPool):  # a crash left its stock unpublished
                    await self._publisher.publish_agreed(connection, event_id)
                    result = await self._engine.submit(command)
                if isinstance(result, SeatTaken):
                    return result
                if isinstance(result, UnknownPool):
                    raise EngineBug(f"Redis does not know the sections of event {event_id}, which was just published")
                await connection.execute(statement("block_seats" if blocked else "unblock_seats"), event_id, seat_ids)
                await note_change(connection, event_id)
                published = await self._publisher.publish_agreed(connection, event_id)
                after = {"seat_ids": seat_ids, "blocked": blocked}
                await log_change(connection, f"event/{event_id}/seats", event_id=event_id, after=after)
                return published
        except Refused as refused:
            return None if refused.result is None else OtherRevision()

    async def change_queue(self, command: SetQueue, changes: Mapping[str, Any]) -> QueueResult:
        """Changes how a waiting room works, and logs `changes`. Nothing is logged where there is no room.

        Redis may have the change though this raises PostgresAway; it is safe to repeat.
        """
        event_id = command.event_id
        async with self._postgres.transaction() as connection:
            # Without Postgres nothing changes. And changes of a room are logged in the order in which Redis gets them.
            await connection.execute(statement("lock_event_row"), event_id)
            result = await self._engine.submit(command)
            if isinstance(result, QueueState):
                await log_change(connection, f"event/{event_id}/queue", event_id=event_id, after=dict(changes))
            return result


async def _lock_if_there(connection: Connection, event_id: int) -> EventSnapshot | None:
    """`lock_event`; None if there is no such event."""
    try:
        return await lock_event(connection, event_id)
    except EventGone:
        return None


async def _lock_still_there(connection: Connection, event_id: int) -> EventSnapshot:
    """`lock_event` after an announcement, since which somebody else may have deleted it: raises Refused."""
    try:
        return await lock_event(connection, event_id)
    except EventGone as gone:
        raise Refused(None) from gone


async def _lock_with_ticket(connection: Connection, event_id: int, ticket_id: int) -> EventSnapshot:
    """`_lock_still_there` of an event that must still have the ticket, too."""
    event = await _lock_still_there(connection, event_id)
    if ticket_id not in event.ticket_by_id:
        raise Refused(None)
    return event


class _InUse(Exception):
    """Ends a deletion, or a change of the currency, and rolls its transaction back: something of it was taken."""

    def __init__(self, currency: str = "") -> None:
        self.currency = currency
