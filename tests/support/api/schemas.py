"""The shapes of the contract, to the letter: every member, no other, each of its type. Written from it alone."""

import re
from datetime import UTC, datetime
from typing import Any

Json = Any

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_LOCAL_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EVENT_STATUSES = {"draft", "on_sale", "paused", "closed", "cancelled"}
_RESERVATION_STATUSES = {"held", "paying", "paid", "cancelled", "expired", "refund_due", "refunded"}
_COUNTS = {"capacity", "available", "held", "sold", "kept"}
_FIGURES = {"reserved", "held", "sold", "cancelled", "expired", "refunded", "kept"}

STATUS_OF_CODE = {
    "malformed_json": 400,
    "unauthenticated": 401,
    "card_declined": 402,
    "payment_failed": 402,
    "forbidden": 403,
    "not_found": 404,
    "code_unknown": 404,
    "method_not_allowed": 405,
    "sold_out": 409,
    "seat_taken": 409,
    "slot_full": 409,
    "limit_exceeded": 409,
    "sale_closed": 409,
    "sale_paused": 409,
    "price_changed": 409,
    "in_use": 409,
    "not_on_sale_yet": 409,
    "already_paid": 409,
    "payment_in_progress": 409,
    "not_held": 409,
    "below_taken": 409,
    "payment_settled": 409,
    "queue_required": 409,
    "not_your_turn": 409,
    "pass_expired": 409,
    "inside_full": 409,
    "queue_closed": 409,
    "code_used_up": 409,
    "expired": 410,
    "cancelled": 410,
    "precondition_failed": 412,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "amount_mismatch": 422,
    "currency_not_supported": 422,
    "slot_not_scheduled": 422,
    "key_reused": 422,
    "code_not_applicable": 422,
    "rate_limited": 429,
    "internal": 500,
    "unavailable": 503,
}
"""The closed list of the contract."""

_STATUSES_OF_HTTP = {(408, "malformed_json"), (417, "invalid")}
"""Statuses of HTTP without a code in the contract: a body that is late, an Expect that is not met."""


def check_instant(value: Json) -> None:
    assert isinstance(value, str), value
    assert _INSTANT.fullmatch(value), value
    datetime.fromisoformat(value)


def check_money(value: Json) -> None:
    _members(value, {"amount", "currency"})
    _count(value["amount"])
    assert re.fullmatch("[A-Z]{3}", value["currency"])


def check_event_head(value: Json) -> None:
    _members(value, {"id", "name", "starts_at"})
    _count(value["id"])
    assert isinstance(value["name"], str)
    check_instant(value["starts_at"])


def check_ticket(value: Json) -> None:
    own = {"paused", "hidden", "sale_opens_at", "sale_closes_at", "min_quantity"}
    _members(value, {"id", "event", "ticket_type", "price", "seating", "sold_out", *own, *_COUNTS})
    assert value["paused"] in {True, False}
    assert value["hidden"] in {True, False}
    assert value["min_quantity"] >= 1
    for name in ("sale_opens_at", "sale_closes_at"):
        if value[name] is not None:
            check_instant(value[name])
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
        "currency", "description", "image_url", "ticket_types", "tickets",
    }  # fmt: skip
    if "schedule" in value:
        rest.add("schedule")
        _members(value["schedule"], {"times", "capacity"})
        assert all(_LOCAL_TIME.fullmatch(at) for at in value["schedule"]["times"])
    if "waiting_room" in value:
        rest.add("waiting_room")
        room = value["waiting_room"]
        _members(room, {"opens_at", "pass_seconds", "places_per_pass", "max_inside", "per_minute"})
        check_instant(room["opens_at"])
    if "doors_open_at" in value:
        rest.add("doors_open_at")
        check_instant(value["doors_open_at"])
    if "waiting_list" in value:
        rest.add("waiting_list")
        _members(value["waiting_list"], {"offer_seconds", "ends_at", "fill_gaps"})
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
        sells = _sells_now(value) and not (ticket["paused"] or ticket["hidden"]) and _is_open(ticket)
        buyable = ticket["available"] >= ticket["min_quantity"] and sells
        left[ticket["ticket_type"]] = left.get(ticket["ticket_type"], False) or buyable
    assert value["ticket_types"] == left


def check_queue(value: Json) -> None:
    _members(
        value,
        {
            *(
                "event_id",
                "phase",
                "as_of",
                "cohort",
                "joined",
                "serving",
                "inside",
                "commitment",
                "seed",
                "per_minute",
            ),
            *("message", "reason", "next_return_at", "poll_after_ms"),
        },
    )
    assert value["phase"] in {"closed", "gathering", "serving", "paused", "over"}
    assert value["reason"] in ({"sold_out", "sale_closed", "cancelled"} if value["phase"] == "over" else {None})
    for name in ("joined", "serving", "inside", "per_minute"):
        _count(value[name])
    assert value["serving"] <= value["joined"]
    assert re.fullmatch(r"[0-9a-f]{64}", value["commitment"])
    assert (value["cohort"] is None) is (value["seed"] is None)
    shortest, longest = value["poll_after_ms"]
    assert 0 < shortest < longest
    check_instant(value["as_of"])
    if value["next_return_at"] is not None:
        check_instant(value["next_return_at"])


def check_place(value: Json) -> None:
    _members(value, {"event_id", "customer_id", "index", "position", "ahead", "expected", "pass_expires_at"})
    _members(value["expected"], {"p50", "p90"})
    for instant in (*value["expected"].values(), value["pass_expires_at"]):
        if instant is not None:
            check_instant(instant)
    _count(value["index"])
    assert (value["position"] is None) is (value["ahead"] is None)


def _sells_now(event: Json) -> bool:
    """The events asked about neither open nor close while a test looks."""
    ends_at = event["sale_closes_at"] or ("9998-01-01T00:00:00Z" if "schedule" in event else event["starts_at"])
    return bool(event["status"] == "on_sale") and _is_open(event | {"sale_closes_at": ends_at})


def _is_open(window: Json) -> bool:
    now, opens_at, closes_at = datetime.now(UTC), window["sale_opens_at"], window["sale_closes_at"]
    if opens_at is not None and now < datetime.fromisoformat(opens_at):
        return False
    return closes_at is None or now < datetime.fromisoformat(closes_at)


def check_availability(value: Json) -> None:
    _members(value, {"event_id", "as_of", "status", "version", "next_return_at", "tickets"})
    _count(value["event_id"])
    _count(value["version"])
    assert value["status"] in _EVENT_STATUSES
    check_instant(value["as_of"])
    if value["next_return_at"] is not None:
        check_instant(value["next_return_at"])
    for ticket in value["tickets"]:
        _members(ticket, {"ticket_id", "price", *_COUNTS})
        _count(ticket["ticket_id"])
        check_money(ticket["price"])
        _conserved(ticket)


def check_payment(value: Json) -> None:
    _members(value, {"id", "status", "amount", "currency", "created_at", "completed_at"})
    assert isinstance(value["id"], str)
    assert value["status"] in {"pending", "completed", "failed", "refund_due", "refunded"}
    check_money({name: value[name] for name in ("amount", "currency")})
    check_instant(value["created_at"])
    if value["status"] in {"completed", "refund_due", "refunded"}:
        check_instant(value["completed_at"])
    if value["status"] in {"pending", "failed"}:
        assert value["completed_at"] is None


def check_reservation(value: Json) -> None:
    _members(
        value,
        {
            "id", "event", "status", "customer", "items", "total", "created_at", "expires_at", "expires_in_ms",
            "payment", *({"payments", "refunded", "offer", "code"} & value.keys()),
        },
    )  # fmt: skip
    assert isinstance(value["id"], str)
    check_event_head(value["event"])
    assert value["status"] in _RESERVATION_STATUSES
    _members(value["customer"], {"id", "first_name", "last_name"})
    assert isinstance(value["customer"]["id"], str)
    for item in value["items"]:
        _members(
            item, {"ticket_id", "ticket_type", "quantity", "seats", "unit_price"} | {"slot", "starts_at"} & item.keys()
        )
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
    if "payments" in value:
        assert len(value["payments"]) > 1
        assert value["payment"] in value["payments"]
        for payment in value["payments"]:
            check_payment(payment)
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
    assert re.fullmatch(r"[0-9]{10}|\+[1-9][0-9]{6,14}", value["phone_number"])
    _check_local_start(value)
    assert value["status"] in ({"expired"} if value["expired"] else {"booked", "cancelled"})
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
    value = {name: each for name, each in value.items() if name != "check_ins"}  # where one event is asked about
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
    assert STATUS_OF_CODE[value["code"]] == status or (status, value["code"]) in _STATUSES_OF_HTTP
    if value["code"] == "invalid":
        assert value["fields"], value
        for field in value["fields"]:
            _members(field, {"path", "message"})


def _check_local_start(value: Json) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", value["date"])
    assert _LOCAL_TIME.fullmatch(value["time"])
    check_instant(value["starts_at"])


def _check_seat(value: Json) -> None:
    _members(value, {"seat_id", "section", "row", "number", "label"})
    _count(value["seat_id"])
    _count(value["number"])
    assert value["label"]
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
    assert value["available"] + value["held"] + value["sold"] + value["kept"] == value["capacity"]


def check_waiting(value: Json) -> None:
    """A place in the line of a ticket."""
    _members(
        value,
        {
            "id", "event_id", "ticket_id", "quantity", "customer", "contact", "status", "position", "reservation_id",
            "offer_expires_at", "created_at",
        },
    )  # fmt: skip
    assert value["status"] in {"waiting", "offered", "taken", "declined", "ended"}
    _members(value["customer"], {"id", "first_name", "last_name"})
    _members(value["contact"], {"email"})
    check_instant(value["created_at"])
    if value["status"] == "waiting":
        assert value["reservation_id"] is None
    else:
        assert value["position"] is None
    if value["status"] in {"offered", "taken"}:
        assert value["reservation_id"]
        check_instant(value["offer_expires_at"])
