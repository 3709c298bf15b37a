"""The catalogue as it is published to Redis: what events are called and cost, for whoever shows them.

Postgres owns the catalogue (sync/). What decides about sales goes to the event's partition as terms and pools; what is
shown goes, beside it, into one hash that every process can follow change by change.
"""

from collections.abc import Sequence
from datetime import time
from functools import cached_property
from typing import Literal

import msgspec

from engine.client import Redis
from engine.commands import PutEvent
from engine.engine import Engine
from engine.records import PoolCapacity, SectionMap, Terms, TicketTerms
from engine.results import BelowTaken, Published
from engine.seats import VenueSnapshot, section_pool
from engine.words import EventStatus

_EVENTS = "{catalogue}:events"
_CHANGES = "{catalogue}:changes"
_VENUES = "{catalogue}:venues"


class TicketSnapshot(msgspec.Struct, frozen=True):
    """A ticket of an event. `section_ids` are those whose seats it offers; none where places are all alike.

    `timed`: its places are those of the slots of the event's schedule. `capacity` is that of its own pool; 0 where it
    has none, because it offers sections or slots.
    """

    ticket_id: int
    ticket_type: str
    unit_minor: int
    capacity: int
    section_ids: list[int] = []
    timed: bool = False

    @property
    def seating(self) -> Literal["general", "assigned", "timed"]:
        """How places are chosen: `general`, `assigned` or `timed`."""
        if self.timed:
            return "timed"
        return "assigned" if self.section_ids else "general"

    @property
    def pools(self) -> list[str]:
        """The pools that the ticket is taken from; none of a timed one: each slot is a pool once it is asked for."""
        if self.timed:
            return []
        return [section_pool(section_id) for section_id in self.section_ids] or [str(self.ticket_id)]


class Schedule(msgspec.Struct, frozen=True):
    """When the slots of a timed event begin: each day at these times, local to the event, in ascending order.

    `capacity` is how many places each slot has, taken or not.
    """

    times: list[time]
    capacity: int


class EventSnapshot(msgspec.Struct, frozen=True, dict=True):
    """An event with its tickets, by ticket id. Times are ms since 1970; a window that is not there is None.

    `schedule`: it is a timed event, and all its tickets are timed.

    `version` is Postgres' count of the event's changes.
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

    @cached_property
    def ticket_by_id(self) -> dict[int, TicketSnapshot]:
        """Its tickets."""
        return {ticket.ticket_id: ticket for ticket in self.tickets}

    def terms(self) -> Terms:
        """What decides whether and how the event sells."""
        return Terms(
            status=self.status,
            opens_ms=self.sale_opens_ms or 0,
            closes_ms=self.sale_closes_ms or 0,
            hold_ms=self.hold_seconds * 1000,
            max_per_customer=self.max_per_customer,
            tickets=[
                TicketTerms(
                    ticket.ticket_id, ticket.pools, ticket.unit_minor, bool(ticket.section_ids), timed=ticket.timed
                )
                for ticket in self.tickets
            ],
            version=self.version,
            slot_capacity=self.schedule.capacity if self.schedule else 0,
        )

    def pools(self) -> list[PoolCapacity]:
        """The stock that the event's general tickets are taken from."""
        return [
            PoolCapacity(ticket.pools[0], ticket.capacity) for ticket in self.tickets if ticket.seating == "general"
        ]


async def publish_event(
    engine: Engine, event: EventSnapshot, sections: Sequence[SectionMap] = ()
) -> Published | BelowTaken:
    """Puts an event on sale as described, first its stock, then its description.

    `sections`: the maps of the sections that its tickets offer, as they are before the first hold; one that is there
    keeps its map. Refused as a whole if a capacity is below what is taken. Safe to repeat. Raises Fault.
    """
    result = await engine.submit(PutEvent(event.event_id, event.terms(), event.pools(), list(sections)))
    if isinstance(result, Published):
        await engine.call("onsale_publish", (_EVENTS, _CHANGES), (event.event_id, msgspec.json.encode(event)))
    return result


async def describe_event(redis: Redis, event: EventSnapshot) -> None:
    """Puts an event's description where all processes find it, and nothing of its stock."""
    await redis.execute_command(
        "FCALL", "onsale_publish", 2, _EVENTS, _CHANGES, event.event_id, msgspec.json.encode(event)
    )


async def changed_events(redis: Redis, since: int) -> tuple[int, list[EventSnapshot]]:
    """Events that changed after change number `since` (0: all), and the number to ask with the next time."""
    changed = await redis.zrangebyscore(_CHANGES, f"({since}", "+inf", withscores=True)
    if not changed:
        return since, []
    stored = await redis.hmget(_EVENTS, [event_id for event_id, _ in changed])
    return int(changed[-1][1]), [msgspec.json.decode(raw, type=EventSnapshot) for raw in stored if raw is not None]


async def published_versions(redis: Redis) -> dict[int, int]:
    """The version of each event as it is published, by event id."""
    stored = await redis.hgetall(_EVENTS)
    return {int(event_id): msgspec.json.decode(raw, type=EventSnapshot).version for event_id, raw in stored.items()}


async def publish_venue(redis: Redis, venue: VenueSnapshot) -> None:
    """Lets every process know a venue's manifest, which never changes. Safe to repeat."""
    await redis.hset(_VENUES, str(venue.venue_id), msgspec.json.encode(venue))


async def read_venue(redis: Redis, venue_id: int) -> VenueSnapshot | None:
    """The manifest of a venue; None if it is not published."""
    raw = await redis.hget(_VENUES, str(venue_id))
    return None if raw is None else msgspec.json.decode(raw, type=VenueSnapshot)


async def published_venues(redis: Redis) -> list[int]:
    """The ids of the venues that are published, in ascending order."""
    return sorted(map(int, await redis.hkeys(_VENUES)))
