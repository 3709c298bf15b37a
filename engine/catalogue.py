"""The catalogue as it is published to Redis: the names and prices of events, for programs that show them.

Postgres owns the catalogue (sync/). The fields that decide about sales go to the event's partition, as terms and pools.
The fields that are shown go into one hash, which every process follows change by change.
"""

from collections.abc import Collection, Sequence
from datetime import date, time
from functools import cached_property, partial
from typing import Literal, NamedTuple

import msgspec

from engine.client import Redis
from engine.commands.events import PutEvent
from engine.commands.waiting_rooms import ReadQueue
from engine.currencies import FIRST_CURRENCY
from engine.engine import Engine
from engine.library import with_library
from engine.results.events import BelowTaken, InUse, Published
from engine.seats import VenueSnapshot, section_pool
from engine.slots import slot_text, time_text
from engine.stock import PoolCapacity, SectionMap
from engine.terms import NO_ROOM, OwnTerms, RoomTerms, ScheduleTerms, Terms, TicketTerms, WaitingTerms
from engine.time_zones import local_date, time_zone
from engine.waiting_rooms import new_proposal
from engine.words import EventStatus

EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]

_EVENTS = "{catalogue}:events"
_CHANGES = "{catalogue}:changes"
_VENUES = "{catalogue}:venues"
_READERS = "{catalogue}:readers"
_VENUE_MARK = "v"
"""Before the id of a venue among the changes; ids of events stand alone."""


class TicketSnapshot(msgspec.Struct, frozen=True):
    """A ticket of an event. `section_ids` are those whose seats it offers; none where places are all alike.

    `section_capacity`: it offers places without seats of its one section, which has that many; other tickets may, too.

    `timed`: its places are those of the slots of the event's schedule. `capacity` is that of its own pool; 0 where it
    has none, because it offers sections or slots. `revision` moves with each change by a manager. A window that is not
    there is None; the event's counts beside it.
    """

    ticket_id: int
    ticket_type: str
    unit_minor: int
    capacity: int
    section_ids: list[int] = []
    timed: bool = False
    revision: int = 0
    paused: bool = False
    hidden: bool = False
    sale_opens_ms: int | None = None
    sale_closes_ms: int | None = None
    min_quantity: int = 1
    section_capacity: int | None = None

    @property
    def assigned(self) -> bool:
        """True if it offers seats."""
        return bool(self.section_ids) and self.section_capacity is None

    @property
    def seating(self) -> Literal["general", "assigned", "timed"]:
        """The seating mode: `general`, `assigned` or `timed`."""
        if self.timed:
            return "timed"
        return "assigned" if self.assigned else "general"

    @property
    def pools(self) -> list[str]:
        """The pools that the ticket is taken from; none of a timed one: each slot is a pool once it is asked for."""
        if self.timed:
            return []
        return [section_pool(section_id) for section_id in self.section_ids] or [str(self.ticket_id)]

    def terms(self) -> TicketTerms:
        """The terms that decide whether and how the ticket sells."""
        own = OwnTerms(self.paused, self.hidden, self.sale_opens_ms or 0, self.sale_closes_ms or 0, self.min_quantity)
        return TicketTerms(
            self.ticket_id,
            self.pools,
            self.unit_minor,
            assigned=self.assigned,
            timed=self.timed,
            own=None if own == OwnTerms() else own,
        )


class Schedule(msgspec.Struct, frozen=True):
    """When the slots of a timed event begin: at these times, local to the event, in ascending order.

    `capacity` is how many places each slot has, taken or not. There are slots on these `weekdays`, 1 (Monday) to 7, but
    for those that are `closed`: dates like 2027-12-24, and single slots like 2027-12-31T19:00.
    """

    times: list[time]
    capacity: int
    weekdays: list[int] = msgspec.field(default_factory=EVERY_DAY.copy)
    closed: list[str] = []

    def has(self, day: date, at: time) -> bool:
        """True if there is a slot at this local date and time, unless the clocks skip it."""
        if at not in self.times or day.isoweekday() not in self.weekdays:
            return False
        return day.isoformat() not in self.closed and slot_text(day, at) not in self.closed

    def terms(self, first: date) -> ScheduleTerms:
        """The terms that decide which slots there are, of an event whose first day this is."""
        times = [time_text(at) for at in self.times]
        return ScheduleTerms(self.capacity, times, self.weekdays, self.closed, first.isoformat())


class WaitingRoom(msgspec.Struct, frozen=True):
    """The waiting room of an event. None of `max_inside` and `per_minute`: no such limit."""

    opens_ms: int
    pass_seconds: int
    places_per_pass: int
    max_inside: int | None
    per_minute: int | None

    def terms(self) -> RoomTerms:
        """The terms that decide who may take places."""
        return RoomTerms(
            self.opens_ms,
            self.pass_seconds * 1000,
            self.places_per_pass,
            self.max_inside or 0,
            self.per_minute or 0,
        )


class WaitingList(msgspec.Struct, frozen=True):
    """The waiting list of an event. `ends_ms` None: it ends when the sale closes."""

    offer_seconds: int
    ends_ms: int | None = None
    fill_gaps: bool = False

    def terms(self) -> WaitingTerms:
        """The terms that decide to whom places are offered."""
        return WaitingTerms(self.offer_seconds * 1000, self.ends_ms or 0, self.fill_gaps)


class EventSnapshot(msgspec.Struct, frozen=True, dict=True):
    """An event with its tickets, by ticket id. Times are ms since 1970; a window that is not there is None.

    `schedule`: it is a timed event, and all its tickets are timed. `currency`: of its prices.

    `doors_open_ms`: nobody is admitted before it. `eticket_keys`: how many keys have signed its e-tickets, the last of
    which signs.

    `cancelled_ms`: when it was cancelled, which is final. `version` is Postgres' count of the event's publications;
    `revision` is the version of the last change that was committed.
    """

    event_id: int
    version: int
    name: str
    starts_ms: int
    timezone: str
    venue_id: int | None
    status: EventStatus
    sale_opens_ms: int | None
    sale_closes_ms: int | None
    hold_seconds: int
    max_per_customer: int
    tickets: list[TicketSnapshot]
    schedule: Schedule | None = None
    cancelled_ms: int | None = None
    revision: int = 0
    description: str | None = None
    image_url: str | None = None
    waiting_room: WaitingRoom | None = None
    currency: str = FIRST_CURRENCY
    waiting_list: WaitingList | None = None
    doors_open_ms: int | None = None
    eticket_keys: int = 1

    @cached_property
    def sections_by_ticket(self) -> dict[int, frozenset[int]]:
        """The sections whose seats each ticket offers."""
        return {ticket.ticket_id: frozenset(ticket.section_ids) for ticket in self.tickets}

    @cached_property
    def ticket_by_id(self) -> dict[int, TicketSnapshot]:
        """Its tickets."""
        return {ticket.ticket_id: ticket for ticket in self.tickets}

    @property
    def sale_ends_ms(self) -> int:
        """When the sale closes, as it says or when the event starts. 0: never; slots end by themselves."""
        return self.sale_closes_ms or (0 if self.schedule else self.starts_ms)

    def terms(self) -> Terms:
        """The terms that decide whether and how the event sells."""
        room = self.waiting_room.terms() if self.waiting_room else None
        return Terms(
            status=self.status,
            opens_ms=self.sale_opens_ms or 0,
            closes_ms=self.sale_ends_ms,
            hold_ms=self.hold_seconds * 1000,
            max_per_customer=self.max_per_customer,
            tickets=[ticket.terms() for ticket in self.tickets],
            version=self.version,
            schedule=self._schedule_terms(),
            currency=self.currency,
            room=room or (NO_ROOM if self.waiting_list else None),
            waiting=self.waiting_list.terms() if self.waiting_list else None,
        )

    def _schedule_terms(self) -> ScheduleTerms:
        if self.schedule is None:
            return ScheduleTerms()
        return self.schedule.terms(local_date(time_zone(self.timezone), self.starts_ms))

    def pools(self) -> list[PoolCapacity]:
        """The stock that the event's general tickets are taken from; those of one section share theirs."""
        capacities = {
            ticket.pools[0]: ticket.capacity if ticket.section_capacity is None else ticket.section_capacity
            for ticket in self.tickets
            if ticket.seating == "general"
        }
        return [PoolCapacity(pool, capacity) for pool, capacity in capacities.items()]


class _Named(msgspec.Struct):
    name: str


async def event_names(redis: Redis, event_ids: Collection[int]) -> dict[int, str]:
    """The names of events as they are published; the id as text of one that is not."""
    if not event_ids:
        return {}
    described = await redis.hmget(_EVENTS, [str(event_id) for event_id in event_ids])
    return {
        event_id: msgspec.json.decode(text, type=_Named).name if text else str(event_id)
        for event_id, text in zip(event_ids, described, strict=True)
    }


async def publish_event(
    engine: Engine, event: EventSnapshot, sections: Sequence[SectionMap] = (), *, keeps_slots: bool = False
) -> Published | BelowTaken | InUse:
    """Puts an event on sale as described, first its stock, then its description.

    `sections`: the maps of the sections that its tickets offer, as they are before the first hold; an existing section
    keeps its map. Refused as a whole if a capacity is below its taken places, or if the currency changes after anything
    of the event was taken. With `keeps_slots`, slots are excepted: they keep as many places as are taken. Safe to
    repeat. Raises Fault.
    """
    command = PutEvent(event.event_id, event.terms(), event.pools(), list(sections), keeps_slots)
    result = await engine.submit(command)
    if isinstance(result, Published):
        if event.waiting_room is not None:
            await engine.submit(ReadQueue(event.event_id, *new_proposal()))  # so that its commitment is there
        await engine.call("onsale_publish", (_EVENTS, _CHANGES), (event.event_id, msgspec.json.encode(event)))
    return result


async def withdraw_event(engine: Engine, event_id: int) -> None:
    """Makes every process forget an event's description. Safe to repeat. Raises Fault."""
    await engine.call("onsale_publish", (_EVENTS, _CHANGES), (event_id, ""))


async def describe_event(redis: Redis, event: EventSnapshot) -> None:
    """Puts an event's description where all processes find it, and nothing of its stock."""
    await redis.execute_command(
        "FCALL", "onsale_publish", 2, _EVENTS, _CHANGES, event.event_id, msgspec.json.encode(event)
    )


class Changes(NamedTuple):
    """Changes of the catalogue, and the number of the last change.

    Events by id, as they are now; None: it is deleted. Of venues the ids.
    """

    last: int
    events: dict[int, EventSnapshot | None]
    venue_ids: list[int]


async def published_changes(redis: Redis, since: int) -> Changes:
    """The changes after change number `since`; 0: all."""
    changed = await redis.zrangebyscore(_CHANGES, f"({since}", "+inf", withscores=True)
    if not changed:
        return Changes(since, {}, [])
    members = [member.decode() for member, _ in changed]
    venue_ids = [int(member[1:]) for member in members if member.startswith(_VENUE_MARK)]
    event_ids = [member for member in members if not member.startswith(_VENUE_MARK)]
    stored = await redis.hmget(_EVENTS, event_ids) if event_ids else []
    events = {
        int(event_id): None if raw is None else msgspec.json.decode(raw, type=EventSnapshot)
        for event_id, raw in zip(event_ids, stored, strict=True)
    }
    return Changes(int(changed[-1][1]), events, venue_ids)


async def tell_position(redis: Redis, reader: str, change: int) -> None:
    """Reports to writers that this reader has read up to a change."""
    call = partial(redis.execute_command, "FCALL", "onsale_follow", 1, _READERS, reader, change)
    await with_library(redis, _READERS, call)


async def late_readers(redis: Redis, change: int) -> list[bytes]:
    """Readers that have not read that change yet."""
    late = await redis.zrangebyscore(_READERS, "-inf", f"({change}", withscores=True)
    return [reader for reader, _ in late]


async def forget_reader(redis: Redis, *readers: str | bytes) -> None:
    """Stops waiting for these, until they report their position again."""
    await redis.zrem(_READERS, *readers)


async def published_versions(redis: Redis) -> dict[int, int]:
    """The version of each event as it is published, by event id."""
    stored = await redis.hgetall(_EVENTS)
    return {int(event_id): msgspec.json.decode(raw, type=EventSnapshot).version for event_id, raw in stored.items()}


async def publish_venue(engine: Engine, venue: VenueSnapshot) -> None:
    """Lets every process know a venue's manifest, as it is now. Safe to repeat. Raises Fault."""
    await engine.call("onsale_publish", (_VENUES, _CHANGES), _venue_arguments(venue))


async def describe_venue(redis: Redis, venue: VenueSnapshot) -> None:
    """The same, where no engine runs."""
    await redis.execute_command("FCALL", "onsale_publish", 2, _VENUES, _CHANGES, *_venue_arguments(venue))


def _venue_arguments(venue: VenueSnapshot) -> tuple[int, bytes, str]:
    return venue.venue_id, msgspec.json.encode(venue), f"{_VENUE_MARK}{venue.venue_id}"


async def read_venue(redis: Redis, venue_id: int) -> VenueSnapshot | None:
    """The manifest of a venue; None if it is not published."""
    raw = await redis.hget(_VENUES, str(venue_id))
    return None if raw is None else msgspec.json.decode(raw, type=VenueSnapshot)


async def published_venues(redis: Redis) -> list[int]:
    """The ids of the venues that are published, in ascending order."""
    return sorted(map(int, await redis.hkeys(_VENUES)))
