"""The shapes of the contract, to the letter: every member, no other, each of its type. Written from it alone."""

import re
from datetime import datetime
from typing import Any

Json = Any

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_LOCAL_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EVENT_STATUSES = {"draft", "on_sale", "closed", "cancelled"}
_RESERVATION_STATUSES = {"held", "paying", "paid", "cancelled", "expired", "refund_due", "refunded"}
_COUNTS = {"capacity", "available", "held", "sold"}
_FIGURES = {"reserved", "held", "sold", "cancelled", "expired", "refunded"}

STATUS_OF_CODE = {
    "malformed_json": 400,
    "unauthenticated": 401,
    "card_declined": 402,
    "payment_failed": 402,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "sold_out": 409,
    "seat_taken": 409,
    "slot_full": 409,
    "limit_exceeded": 409,
    "sale_closed": 409,
    "not_on_sale_yet": 409,
    "already_paid": 409,
    "payment_in_progress": 409,
    "not_held": 409,
    "below_taken": 409,
    "payment_settled": 409,
    "expired": 410,
    "cancelled": 410,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "amount_mismatch": 422,
    "currency_not_supported": 422,
    "slot_not_scheduled": 422,
    "key_reused": 422,
    "rate_limited": 429,
    "internal": 500,
    "unavailable": 503,
}
"""The closed list of the contract."""


def check_instant(value: Json) -> None:
    assert isinstance(value, str), value
    assert _INSTANT.fullmatch(value), value
    datetime.fromisoformat(value)


def check_money(value: Json) -> None:
    _members(value, {"amount", "currency"})
    _count(value["amount"])
    assert value["currency"] == "EUR"


def check_event_head(value: Json) -> None:
    _members(value, {"id", "name", "starts_at"})
    _count(value["id"])
    assert isinstance(value["name"], str)
    check_instant(value["starts_at"])


def check_ticket(value: Json) -> None:
    _members(value, {"id", "event", "ticket_type", "price", "seating", "sold_out", *_COUNTS})
    _count(value["id"])
    check_event_head(value["event"])
    assert isinstance(value["ticket_type"], str)
    check_money(value["price"])
    assert value["seating"] in {"general", "assigned", "timed"}
    assert value["sold_out"] is (value["available"] == 0)
    _conserved(value)


def check_event(value: Json) -> None:
    head = {"id", "name", "starts_at"}
    rest = {
        "timezone", "venue_id", "status", "sale_opens_at", "sale_closes_at", "hold_seconds", "max_per_customer",
        "ticket_types", "tickets",
    }  # fmt: skip
    if "schedule" in value:
        rest.add("schedule")
        _members(value["schedule"], {"times", "capacity"})
        assert all(_LOCAL_TIME.fullmatch(at) for at in value["schedule"]["times"])
    _members(value, head | rest)
    check_event_head({name: value[name] for name in head})
    assert isinstance(value["timezone"], str)
    assert value["venue_id"] is None or isinstance(value["venue_id"], int)
    assert value["status"] in _EVENT_STATUSES
    for name in ("sale_opens_at", "sale_closes_at"):
        if value[name] is not None:
            check_instant(value[name])
    _count(value["hold_seconds"])
    _count(value["max_per_customer"])
    left: dict[str, bool] = {}
    for ticket in value["tickets"]:
        check_ticket(ticket)
        assert ticket["event"] == {name: value[name] for name in head}
        left[ticket["ticket_type"]] = left.get(ticket["ticket_type"], False) or ticket["available"] > 0
    assert value["ticket_types"] == left


def check_availability(value: Json) -> None:
    _members(value, {"event_id", "as_of", "tickets"})
    _count(value["event_id"])
    check_instant(value["as_of"])
    for ticket in value["tickets"]:
        _members(ticket, {"ticket_id", *_COUNTS})
        _count(ticket["ticket_id"])
        _conserved(ticket)


def check_payment(value: Json) -> None:
    _members(value, {"id", "status", "amount", "currency", "created_at", "completed_at"})
    assert isinstance(value["id"], str)
    assert value["status"] in {"pending", "completed", "failed", "refund_due", "refunded"}
    check_money({name: value[name] for name in ("amount", "currency")})
    check_instant(value["created_at"])
    if value["status"] == "completed":
        check_instant(value["completed_at"])
    if value["status"] in {"pending", "failed"}:
        assert value["completed_at"] is None


def check_reservation(value: Json) -> None:
    _members(
        value,
        {
            "id", "event", "status", "customer", "items", "total", "created_at", "expires_at", "expires_in_ms",
            "payment",
        },
    )  # fmt: skip
    assert isinstance(value["id"], str)
    check_event_head(value["event"])
    assert value["status"] in _RESERVATION_STATUSES
    _members(value["customer"], {"id", "first_name", "last_name"})
    assert isinstance(value["customer"]["id"], str)
    for item in value["items"]:
        _members(item, {"ticket_id", "ticket_type", "quantity", "seats", "unit_price"} | {"slot"} & item.keys())
        _count(item["ticket_id"])
        assert isinstance(item["ticket_type"], str)
        assert item["quantity"] >= 1
        assert len(item["seats"]) in (0, item["quantity"])
        for seat in item["seats"]:
            _check_seat(seat)
        check_money(item["unit_price"])
    check_money(value["total"])
    assert value["total"]["amount"] == sum(item["quantity"] * item["unit_price"]["amount"] for item in value["items"])
    check_instant(value["created_at"])
    if value["status"] == "held":
        check_instant(value["expires_at"])
        _count(value["expires_in_ms"])
    if value["payment"] is not None:
        check_payment(value["payment"])
    if value["status"] == "paid":
        assert value["payment"]["status"] == "completed"


def check_booking(value: Json) -> None:
    _members(
        value,
        {
            "id", "event_id", "first_name", "last_name", "phone_number", "date", "time", "starts_at", "status",
            "expired", "created_at",
        },
    )  # fmt: skip
    assert _UUID.fullmatch(value["id"])
    _count(value["event_id"])
    assert re.fullmatch(r"[0-9]{10}", value["phone_number"])
    _check_local_start(value)
    assert value["status"] == ("expired" if value["expired"] else "booked")
    assert type(value["expired"]) is bool
    check_instant(value["created_at"])


def check_slot(value: Json) -> None:
    _members(value, {"date", "time", "starts_at", *_COUNTS})
    _check_local_start(value)
    _conserved(value)


def check_page(value: Json) -> None:
    _members(value, {"items", "next_cursor"})
    assert isinstance(value["items"], list)
    assert value["next_cursor"] is None or isinstance(value["next_cursor"], str)


def check_event_figures(value: Json) -> None:
    _members(
        value,
        {"event_id", "name", "revenue", "conversion", "sales_per_minute", "first_sale_at", "sold_out_at", *_FIGURES},
    )
    _check_figures(value)
    for name in ("first_sale_at", "sold_out_at"):
        if value[name] is not None:
            check_instant(value[name])


def check_ticket_type_figures(value: Json) -> None:
    _members(value, {"ticket_type", "revenue", "conversion", *_FIGURES})
    _check_figures(value)


def check_problem(status: int, content_type: str, value: Json) -> None:
    """RFC 9457, and the contract's `code` with the status that belongs to it."""
    assert content_type == "application/problem+json"
    assert {"type", "title", "status", "detail", "code"} <= set(value)
    assert all(isinstance(value[name], str) and value[name] for name in ("type", "title", "detail", "code"))
    assert value["status"] == status
    assert STATUS_OF_CODE[value["code"]] == status
    if value["code"] == "invalid":
        assert value["fields"], value
        for field in value["fields"]:
            _members(field, {"path", "message"})


def _check_local_start(value: Json) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", value["date"])
    assert _LOCAL_TIME.fullmatch(value["time"])
    check_instant(value["starts_at"])


def _check_seat(value: Json) -> None:
    _members(value, {"seat_id", "section", "row", "number"})
    _count(value["seat_id"])
    _count(value["number"])
    assert isinstance(value["section"], str)
    assert isinstance(value["row"], str)


def _check_figures(value: Json) -> None:
    for name in _FIGURES:
        _count(value[name])
    check_money(value["revenue"])
    assert value["conversion"] is None or 0 <= value["conversion"] <= 1


def _members(value: Json, names: set[str]) -> None:
    assert isinstance(value, dict), value
    assert set(value) == names


def _count(value: Json) -> None:
    assert type(value) is int, value
    assert value >= 0


def _conserved(value: Json) -> None:
    for name in _COUNTS:
        _count(value[name])
    assert value["available"] + value["held"] + value["sold"] == value["capacity"]
