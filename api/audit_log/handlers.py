"""The audit log: who changed what."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import caller_of
from api.app_keys import POSTGRES
from api.audit_log.schemas import AuditLogEntry
from api.http.pagination import NumberInList, PageQuery, decode_cursor, next_cursor
from api.http.problems import invalid
from api.http.replies import Reply, json_reply
from api.http.requests import DatabaseId, read_query
from api.http.text import ACTION, CustomerId
from api.http.times import milliseconds, rfc3339
from api.http.types import Instant, Page, Timestamp
from api.read_your_writes import wait_for_outcomes
from sync.postgres import END_OF_TIME_MS
from sync.read_models.audit_log import AuditEntry, AuditPlace, list_audit_entries

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Place(NamedTuple):
    """The place of an entry in the list."""

    at_ms: Annotated[int, Meta(ge=0, lt=END_OF_TIME_MS)]
    chain: Annotated[int, Meta(ge=-(2**31), lt=2**31)]
    number: NumberInList


class AuditLogQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"from_": "from"}):
    """Query of GET /v1/audit-log. `from` and `to` bound the time of the change, both ends included."""

    actor: CustomerId | None = None
    event_id: DatabaseId | None = None
    action: Annotated[str, Meta(pattern=ACTION)] | None = None
    from_: Timestamp | None = None
    to: Timestamp | None = None


async def list_audit_log(request: web.Request) -> Reply:
    """GET /v1/audit-log: lists changes by managers and services, newest first, up to the request."""
    query = read_query(request, AuditLogQuery)
    caller = caller_of(request)
    caller.check_events([] if query.event_id is None else [query.event_id])
    after = decode_cursor(request.path, query.cursor, _Place)
    since, until = _instant("from", query.from_), _instant("to", query.to)
    await wait_for_outcomes(request, query.event_id)
    entries = await list_audit_entries(
        request.app[POSTGRES],
        actor=query.actor,
        event_id=query.event_id,
        action=query.action,
        since=since,
        until=until,
        of_events=None if caller.events is None else sorted(caller.events),
        before=None if after is None else AuditPlace(_EPOCH + timedelta(milliseconds=after.at_ms), *after[1:]),
        limit=query.limit + 1,
    )
    cursor = next_cursor(
        request.path, entries, query.limit, lambda entry: (milliseconds(entry.place.at), *entry.place[1:])
    )
    return json_reply(Page([entry_view(entry) for entry in entries[: query.limit]], cursor))


def _instant(name: str, given: str | None) -> datetime | None:
    """The instant of a bound. As a number, msgspec would take it for seconds."""
    try:
        return None if given is None else msgspec.convert(given, Instant).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as error:
        raise invalid(name, "must be an RFC 3339 time, like 2027-06-01T18:00:00Z") from error


def entry_view(entry: AuditEntry) -> AuditLogEntry:
    """An entry as the API shows it."""
    return AuditLogEntry(
        at=rfc3339(milliseconds(entry.place.at)),
        actor=entry.actor,
        role=entry.role,
        action=entry.action,
        resource=entry.resource,
        before=entry.before,
        after=entry.after,
        request_id=entry.request_id,
        reason=entry.reason or None,
    )
