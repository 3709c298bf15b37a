"""Fields of codes out of the body of a request, and the checks on them."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from api.catalogue.bodies import PriceBody
from api.codes.schemas import CodePatch, NewCodes
from api.http.problems import invalid
from api.http.requests import check_currency, refuse_repeated
from engine.catalogue import EventSnapshot
from engine.words import CodeKind
from sync.codes.random_codes import random_codes
from sync.codes.terms import CodeFields

_MONEY = {"amount_off": "amount_off_minor", "price": "price_minor", "budget": "budget_minor"}
_FORMS = ("percent", "amount_off", "price")
_OF_KIND = {
    CodeKind.ACCESS: ("opens_at",),
    CodeKind.DISCOUNT: (*_FORMS, "budget"),
    CodeKind.ALLOCATION: ("places",),
}
_INSTANTS = ("valid_from", "valid_until", "opens_at")
_EARLIEST, _LATEST = datetime(1971, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_NAMES = frozenset(CodePatch.__struct_fields__)


def wanted_codes(body: NewCodes) -> list[str]:
    """The codes by name, or random ones. Raises Problem invalid."""
    if body.codes is not UNSET and body.count is not UNSET:
        raise invalid("count", "name the codes or give a count, not both")
    if body.codes is UNSET and body.count is UNSET:
        raise invalid("codes", "required, but missing: name the codes, or give a count")
    if body.codes is UNSET:
        assert body.count is not UNSET  # noqa: S101 - for the type checker
        return random_codes(body.count, body.prefix)
    if body.prefix:
        raise invalid("prefix", "goes with a count; leave it out")
    seen: set[str] = set()
    for place, code in enumerate(body.codes):
        if code in seen:
            raise invalid(f"codes[{place}]", "is listed more than once")
        seen.add(code)
    return body.codes


def check_instants(body: NewCodes | CodePatch) -> None:
    """Raises Problem invalid for an instant that is not in the years of codes."""
    for name in _INSTANTS:
        instant = getattr(body, name)
        if isinstance(instant, datetime) and not _EARLIEST <= instant < _LATEST:
            raise invalid(name, "must be from 1971 to 9998")


def new_fields(body: NewCodes, event: EventSnapshot) -> CodeFields:
    """The fields of new codes. Raises Problem: invalid, currency_not_supported."""
    check_instants(body)
    given = {name: value for name, value in _given(body).items() if value is not None}
    fields = CodeFields(body.kind, **_columns(given, event))
    if body.kind is CodeKind.DISCOUNT and len([name for name in _FORMS if name in given]) != 1:
        raise invalid("percent", "a discount has one of percent, amount_off and price")
    _check(fields, event, given)
    return fields


def changes(patch: CodePatch, known: CodeFields, event: EventSnapshot) -> dict[str, Any]:
    """The changes of a code. Raises Problem: invalid, currency_not_supported."""
    given = _given(patch)
    if known.kind is CodeKind.ALLOCATION and given.get("ticket_ids", known.ticket_ids) != known.ticket_ids:
        raise invalid("ticket_ids", "places of this ticket are set aside, so it stays; withdraw the code, make another")
    forms = [name for name in _FORMS if name in given]
    if len(forms) > 1:
        raise invalid(forms[1], "a discount has one of percent, amount_off and price")
    changed = _columns(given, event)
    if forms:
        changed = {"percent": None, "amount_off_minor": None, "price_minor": None, **changed}
    _check(msgspec.structs.replace(known, **changed), event, given)
    return changed


def _given(body: NewCodes | CodePatch) -> dict[str, Any]:
    values = {name: getattr(body, name) for name in body.__struct_fields__ if name in _NAMES}
    return {name: value for name, value in values.items() if value is not UNSET}


def _columns(given: dict[str, Any], event: EventSnapshot) -> dict[str, Any]:
    """The fields as Postgres has them. Raises Problem currency_not_supported."""
    columns: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, PriceBody):
            check_currency(value.currency, event.currency)
            columns[_MONEY[name]] = value.amount
        else:
            columns[_MONEY.get(name, name)] = (value or []) if name == "ticket_ids" else value
    return columns


def _check(fields: CodeFields, event: EventSnapshot, given: dict[str, Any]) -> None:
    for kind, names in _OF_KIND.items():
        wrong = [name for name in names if kind is not fields.kind and given.get(name) is not None]
        if wrong:
            raise invalid(wrong[0], f"is of a code of kind {kind}; leave it out")
    for name in ("amount_off", "budget"):
        if isinstance(given.get(name), PriceBody) and given[name].amount == 0:
            raise invalid(f"{name}.amount", "Expected a whole number of at least 1")
    if fields.valid_from and fields.valid_until and fields.valid_from >= fields.valid_until:
        raise invalid("valid_until", "must be after valid_from")
    refuse_repeated("ticket_ids", fields.ticket_ids, "a ticket")
    for place, ticket_id in enumerate(fields.ticket_ids if "ticket_ids" in given else []):
        if ticket_id not in event.ticket_by_id:
            raise invalid(f"ticket_ids[{place}]", f"event {event.event_id} has no ticket {ticket_id}")
    if fields.kind is CodeKind.ALLOCATION:
        _check_allocation(fields, event)


def _check_allocation(fields: CodeFields, event: EventSnapshot) -> None:
    if len(fields.ticket_ids) != 1:
        raise invalid("ticket_ids", "name the one ticket whose places are set aside")
    ticket = event.ticket_by_id.get(fields.ticket_ids[0])
    if ticket is not None and ticket.seating != "general":
        raise invalid("ticket_ids[0]", "has assigned seats or times; only places that are all alike can be set aside")
    if fields.places is None:
        raise invalid("places", "required, but missing: how many are set aside")
