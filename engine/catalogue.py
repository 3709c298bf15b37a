"""The catalogue as it is published to Redis: what events are called and cost, for whoever shows them.

Postgres owns the catalogue (sync/). What decides about sales goes to the event's partition as terms and pools; what is
shown goes, beside it, into one hash that every process can follow change by change.
"""

import msgspec

from engine.client import Redis
from engine.commands import PutEvent
from engine.engine import Engine
from engine.records import PoolCapacity, Terms, TicketTerms
from engine.results import BelowTaken, Published
from engine.words import EventStatus

_EVENTS = "{catalogue}:events"
_CHANGES = "{catalogue}:changes"


class TicketSnapshot(msgspec.Struct, frozen=True):
    """A ticket of an event. `seating` is `general`; the other kinds have their own pools."""

    ticket_id: int
    ticket_type: str
    unit_minor: int
    capacity: int
    seating: str = "general"

    @property
    def pool(self) -> str:
        """The pool that the ticket is taken from."""
        return str(self.ticket_id)


class EventSnapshot(msgspec.Struct, frozen=True):
    """An event with its tickets, by ticket id. Times are ms since 1970; a window that is not there is None.

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

    def terms(self) -> Terms:
        """What decides whether and how the event sells."""
        return Terms(
            status=self.status,
            opens_ms=self.sale_opens_ms or 0,
            closes_ms=self.sale_closes_ms or 0,
            hold_ms=self.hold_seconds * 1000,
            max_per_customer=self.max_per_customer,
            tickets=[TicketTerms(ticket.ticket_id, ticket.pool, ticket.unit_minor) for ticket in self.tickets],
            version=self.version,
        )

    def pools(self) -> list[PoolCapacity]:
        """The stock that the event's tickets are taken from."""
        return [PoolCapacity(ticket.pool, ticket.capacity) for ticket in self.tickets]


async def publish_event(engine: Engine, event: EventSnapshot) -> Published | BelowTaken:
    """Puts an event on sale as described, first its stock, then its description.

    Refused as a whole if a capacity is below what is taken. Safe to repeat. Raises Fault.
    """
    result = await engine.submit(PutEvent(event.event_id, event.terms(), event.pools()))
    if isinstance(result, Published):
        await engine.call("onsale_publish", (_EVENTS, _CHANGES), (event.event_id, msgspec.json.encode(event)))
    return result


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
