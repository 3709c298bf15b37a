"""Codes: make, list, change, withdraw; and what one opens."""

import msgspec
from aiohttp import web

from api.access.callers import caller_of
from api.access.code_guesses import CODE_GUESSES
from api.app_keys import CODES, ENGINE, POSTGRES
from api.catalogue.events import event_of_path, shown_event_of_path
from api.codes.fields import changes, check_instants, new_fields, wanted_codes
from api.codes.schemas import SHOWN, CodePatch, CodesQuery, CodeText, CreatedCodes, CsvQuery, NewCodes, OfferQuery
from api.codes.views import code_view, offer_view
from api.engine_problems import code_problem, problem_of
from api.http.pagination import decode_cursor, next_cursor
from api.http.problems import Code, Problem
from api.http.replies import Reply, json_reply, no_content
from api.http.requests import read_body, read_manifest, read_query
from api.http.types import Page
from api.idempotency import creation_of, once
from engine.commands.codes import CountCodes, FindCode
from engine.results.codes import CodeFound, CodeUnknown, CodeUsedUp
from engine.results.events import InUse
from engine.stock import CodeCounts
from sync.codes.csv_rows import HEAD, csv_row, csv_text
from sync.codes.editor import MOST_CODES, MadeCodes, TakenCodes, TooManyCodes
from sync.codes.read import all_codes, list_codes, read_code
from sync.codes.terms import StoredCode

_NEW = msgspec.json.Decoder(NewCodes)
_PATCH = msgspec.json.Decoder(CodePatch)


async def create_codes(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/codes: makes codes, all or none; up to 100,000 at a time."""
    event = await event_of_path(request)
    body = await read_manifest(request, _NEW)
    fields, codes, what = new_fields(body, event), wanted_codes(body), f"codes of {event.event_id}"

    async def create() -> Reply:
        made = await request.app[CODES].create(event.event_id, fields, codes, creation_of(request, what, body))
        if isinstance(made, TakenCodes):
            named = ", ".join(made.codes[:3])
            raise Problem(Code.IN_USE, f"{named}: such a code is there already; choose other names.")
        if isinstance(made, TooManyCodes):
            raise Problem(Code.LIMIT_EXCEEDED, f"An event may have {MOST_CODES} codes; make fewer.", limit=MOST_CODES)
        if isinstance(made, InUse):
            raise Problem(Code.IN_USE, "Reservations name a withdrawn code of such a name; choose other names.")
        if not isinstance(made, MadeCodes):
            raise problem_of(made)
        path = f"/v1/events/{event.event_id}/codes"
        headers = {"Location": f"{path}/{made.codes[0]}" if len(made.codes) == 1 else path}
        return json_reply(CreatedCodes(len(made.codes), made.codes[:SHOWN]), status=201, headers=headers)

    return await once(request, what, body, create)


async def list_event_codes(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/codes: lists codes in their order, with what is used of each."""
    event = await event_of_path(request)
    query = read_query(request, CodesQuery)
    after = decode_cursor(request.path, query.cursor, CodeText) or ""
    found = await list_codes(
        request.app[POSTGRES], event.event_id, tag=query.tag, kind=query.kind, after=after, limit=query.limit + 1
    )
    shown = found[: query.limit]
    counts = await _counts(request, event.event_id, shown)
    items = [code_view(each, counted, event) for each, counted in zip(shown, counts, strict=True)]
    return json_reply(Page(items, next_cursor(request.path, found, query.limit, lambda stored: stored.code)))


async def read_event_code(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/codes/{code}: reads a code, with what is used of it at this instant."""
    event = await event_of_path(request)
    stored = await _code_of_path(request, event.event_id)
    (counts,) = await _counts(request, event.event_id, [stored])
    return json_reply(code_view(stored, counts, event))


async def change_code(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}/codes/{code}: changes a code; reservations that name it keep their terms."""
    event = await event_of_path(request)
    patch = await read_body(request, _PATCH)
    check_instants(patch)
    known = await _code_of_path(request, event.event_id)
    changed = changes(patch, known.fields, event)
    result = await request.app[CODES].change(event.event_id, known.code, changed) if changed else known
    if result is None:
        raise code_problem(CodeUnknown())
    if not isinstance(result, StoredCode):
        raise problem_of(result)
    (counts,) = await _counts(request, event.event_id, [result])
    return json_reply(code_view(result, counts, event))


async def withdraw_code(request: web.Request) -> Reply:
    """DELETE /v1/events/{event_id}/codes/{code}: withdraws a code; reservations that name it keep their terms."""
    event = await event_of_path(request)
    if not await request.app[CODES].withdraw(event.event_id, _code_text(request)):
        raise code_problem(CodeUnknown())
    return no_content()


async def export_codes(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/codes.csv: all codes, or those of a tag, as CSV, with what is used of each."""
    event = await event_of_path(request)
    query = read_query(request, CsvQuery)
    parts = [csv_text([HEAD])]
    async for found in all_codes(request.app[POSTGRES], event.event_id, query.tag):
        counts = await _counts(request, event.event_id, found)
        parts.append(csv_text(map(csv_row, found, counts, [event.currency] * len(found))))
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    headers["Content-Disposition"] = f'attachment; filename="codes-{event.event_id}.csv"'
    return Reply("".join(parts).encode(), headers)


async def read_code_offer(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/codes/{code}/offer: reads what the code opens to the customer: tickets and prices."""
    query = read_query(request, OfferQuery)
    event = await shown_event_of_path(request)
    caller = caller_of(request)
    customer_id = caller.acts_for(query.customer_id, "customer_id") if caller.owner else query.customer_id or ""
    guesses = request.app[CODE_GUESSES]
    guesses.check(request)
    code = request.match_info["code"]
    found = await request.app[ENGINE].submit(FindCode(event.event_id, code, customer_id))
    if isinstance(found, CodeUnknown):
        guesses.failed(request)
    if isinstance(found, CodeUnknown | CodeUsedUp):
        raise code_problem(found)
    if not isinstance(found, CodeFound):
        raise problem_of(found)
    return json_reply(offer_view(event, code, found))


def _code_text(request: web.Request) -> str:
    """The code that the path names. Raises Problem code_unknown for what can be none."""
    try:
        return msgspec.convert(request.match_info["code"], CodeText)
    except msgspec.ValidationError as error:
        raise code_problem(CodeUnknown()) from error


async def _code_of_path(request: web.Request, event_id: int) -> StoredCode:
    """The code that the path names. Raises Problem code_unknown, PostgresAway."""
    stored = await read_code(request.app[POSTGRES], event_id, _code_text(request))
    if stored is None:
        raise code_problem(CodeUnknown())
    return stored


async def _counts(request: web.Request, event_id: int, codes: list[StoredCode]) -> list[CodeCounts]:
    """The counters of codes, a thousand at most, at this instant."""
    counted = await request.app[ENGINE].submit(CountCodes(event_id, [stored.code for stored in codes]))
    return counted.codes
