"""The snapshot of an event's e-tickets with which a gate works offline."""

import asyncio
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from api.app_keys import ENGINE, SETTINGS
from api.catalogue.events import event_of_path
from api.doors.schemas import DoorsSnapshot, SnapshotTicket
from api.doors.views import EticketViews, key_set
from api.http.replies import JSON, Reply
from api.http.requests import read_query
from api.http.times import rfc3339, wall_clock_ms
from engine.etickets import serial_of
from engine.gate_snapshots import read_gate_snapshot
from engine.records import Eticket, NumberedEticket
from engine.slots import slot_of_pool, slot_start_ms
from engine.words import EticketState, EventStatus

_STATUS = {EticketState.VALID: 0, EticketState.IN: 1, EticketState.OUT: 2, EticketState.VOID: 3}
_JSON = msgspec.json.Encoder()

Row = tuple[int, int, int, int, str | None, str | None]


class SnapshotQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/events/{event_id}/check-ins/snapshot. `since`: the `version` of the snapshot before."""

    since: Annotated[int, Meta(ge=0, le=2**53)] = 0


async def read_doors_snapshot(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/check-ins/snapshot: reads what a gate needs offline; with `since`, what changed."""
    query = read_query(request, SnapshotQuery)
    event = await event_of_path(request)
    engine, settings = request.app[ENGINE], request.app[SETTINGS]
    as_of = rfc3339(wall_clock_ms())
    keys = engine.partition_keys(event.event_id)
    found = await read_gate_snapshot(engine.redis, keys, event.event_id, query.since)
    views = await EticketViews.of(request, event.event_id)
    slots = {slot for each in found.etickets if (slot := slot_of_pool(each.eticket.pool))}

    def encode() -> bytes:
        """In a thread: a stadium's takes a while."""
        snapshot = DoorsSnapshot(
            event_id=event.event_id,
            name=event.name,
            as_of=as_of,
            version=found.version,
            cancelled=event.status is EventStatus.CANCELLED,
            doors_open_at=None if event.doors_open_ms is None else rfc3339(event.doors_open_ms),
            early_seconds=settings.slot_early_seconds,
            late_seconds=settings.slot_late_seconds,
            timezone=event.timezone,
            slots={slot: rfc3339(slot_start_ms(slot, event.timezone)) for slot in slots},
            keys=key_set(request, event),
            tickets=[SnapshotTicket(ticket.ticket_id, ticket.ticket_type) for ticket in event.tickets],
            etickets=[_row(views, each) for each in found.etickets],
        )
        return _JSON.encode(snapshot)

    return Reply(await asyncio.to_thread(encode), {"Content-Type": JSON})


def _row(views: EticketViews, numbered: NumberedEticket) -> Row:
    eticket = numbered.eticket
    cancelled = views.event is not None and views.event.status is EventStatus.CANCELLED
    status = _STATUS[EticketState.VOID if cancelled else eticket.state]
    serial = serial_of(views.event_id, numbered.number)
    return serial, eticket.issue, status, eticket.ticket_id, _seat(views, eticket), slot_of_pool(eticket.pool)


def _seat(views: EticketViews, eticket: Eticket) -> str | None:
    """A seat in few characters."""
    seat = views.seat(eticket)
    return None if seat is None else f"{seat.section} {seat.row} {seat.label}"
