"""The list of what gates scanned."""

from aiohttp import web

from api.app_keys import POSTGRES
from api.catalogue.events import event_of_path
from api.doors.check_ins import GateName
from api.doors.schemas import CheckInEntry, DoubledEntry, HolderNames
from api.doors.views import EticketViews
from api.http.pagination import NumberInList, PageQuery, decode_cursor, next_cursor
from api.http.replies import Reply, json_reply
from api.http.requests import read_query
from api.http.times import milliseconds, rfc3339
from api.http.types import Page
from api.read_your_writes import wait_for_outcomes
from engine.etickets import decode_holder, serial_of
from engine.words import ScanResult
from sync.read_models.check_ins import RecordedScan, list_check_ins


class CheckInsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/events/{event_id}/check-ins.

    `conflict=true`: entries at gates without network that would have been refused with it.
    """

    gate: GateName | None = None
    result: ScanResult | None = None
    conflict: bool | None = None


async def list_check_ins_of_event(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/check-ins: lists what gates scanned, newest first, up to the request."""
    query = read_query(request, CheckInsQuery)
    event = await event_of_path(request)
    after = decode_cursor(request.path, query.cursor, NumberInList)
    await wait_for_outcomes(request, event.event_id)
    rows = await list_check_ins(
        request.app[POSTGRES],
        event.event_id,
        gate=query.gate,
        result=query.result,
        conflict=query.conflict,
        before=after,
        limit=query.limit + 1,
    )
    views = await EticketViews.of(request, event.event_id)
    cursor = next_cursor(request.path, rows, query.limit, lambda row: row.place)
    return json_reply(Page([_entry(views, row) for row in rows[: query.limit]], cursor))


def _entry(views: EticketViews, row: RecordedScan) -> CheckInEntry:
    holder = None if row.holder is None else decode_holder(row.holder)
    conflict = None
    if row.other_gate is not None and row.other_at is not None:
        conflict = DoubledEntry(row.other_gate, rfc3339(milliseconds(row.other_at)))
    return CheckInEntry(
        serial=None if row.number is None else serial_of(views.event_id, row.number),
        ticket_id=row.ticket_id,
        ticket_type=None if row.ticket_id is None else views.ticket_type(row.ticket_id),
        holder=None if holder is None else HolderNames(holder.first_name, holder.last_name),
        gate=row.gate,
        direction=row.direction,
        result=row.result,
        offline=row.offline,
        scanned_at=rfc3339(milliseconds(row.scanned_at)),
        recorded_at=rfc3339(milliseconds(row.recorded_at)),
        conflict=conflict,
    )
