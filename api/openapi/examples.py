"""Examples for people who read the OpenAPI document: bodies to send, and each problem as the API words it."""

from collections.abc import Mapping
from typing import Any

from api.engine_problems import failed_payment, problem_of, too_fast
from api.http.entity_tags import precondition_failed
from api.http.problems import Code, Problem, invalid, not_found, too_large
from engine.results.codes import CodeNotApplicable, CodeUnknown, CodeUsedUp
from engine.results.events import BelowTaken, NotOnSaleYet, SaleClosed, SalePaused
from engine.results.holds import PriceChanged, SoldOut
from engine.results.limits import LimitExceeded
from engine.results.payments import AmountMismatch, PaymentSettled
from engine.results.reservations import AlreadyCancelled, AlreadyPaid, Expired, KeyReused, NotHeld, PaymentInProgress
from engine.results.waiting_rooms import InsideFull, NotYourTurn, PassExpired, QueueClosed, QueueRequired
from engine.words import FailureReason

PROBLEMS: Mapping[Code, Problem] = {
    Code.MALFORMED_JSON: Problem(Code.MALFORMED_JSON, "The body is not JSON: it ends too early."),
    Code.UNAUTHENTICATED: Problem(Code.UNAUTHENTICATED, "The token has expired; get a new one."),
    Code.CARD_DECLINED: failed_payment(FailureReason.CARD_DECLINED),
    Code.PAYMENT_FAILED: failed_payment(FailureReason.PAYMENT_FAILED),
    Code.FORBIDDEN: Problem(Code.FORBIDDEN, "A manager's token is needed."),
    Code.NOT_FOUND: not_found("event 8"),
    Code.CODE_UNKNOWN: problem_of(CodeUnknown()),
    Code.METHOD_NOT_ALLOWED: Problem(Code.METHOD_NOT_ALLOWED, "This path takes GET, HEAD."),
    Code.SOLD_OUT: problem_of(SoldOut(7, 1, 0)),
    Code.SEAT_TAKEN: Problem(
        Code.SEAT_TAKEN, "Seats 101, 102 are no longer available; choose others.", seat_ids=[101, 102]
    ),
    Code.SLOT_FULL: Problem(Code.SLOT_FULL, "The slot is full; choose another.", available=0),
    Code.LIMIT_EXCEEDED: problem_of(LimitExceeded(10, 9)),
    Code.SALE_CLOSED: problem_of(SaleClosed()),
    Code.SALE_PAUSED: problem_of(SalePaused()),
    Code.PRICE_CHANGED: problem_of(PriceChanged(60_000, "EUR")),
    Code.NOT_ON_SALE_YET: problem_of(NotOnSaleYet(1_811_872_800_000)),
    Code.ALREADY_PAID: problem_of(AlreadyPaid()),
    Code.PAYMENT_IN_PROGRESS: problem_of(PaymentInProgress()),
    Code.NOT_HELD: problem_of(NotHeld()),
    Code.IN_USE: Problem(Code.IN_USE, "The event is on_sale; cancel it before everybody is refunded."),
    Code.BELOW_TAKEN: problem_of(BelowTaken("7", 3, 5)),
    Code.PAYMENT_SETTLED: problem_of(PaymentSettled()),
    Code.QUEUE_REQUIRED: problem_of(QueueRequired()),
    Code.NOT_YOUR_TURN: problem_of(NotYourTurn(10_924)),
    Code.PASS_EXPIRED: problem_of(PassExpired()),
    Code.INSIDE_FULL: problem_of(InsideFull()),
    Code.QUEUE_CLOSED: problem_of(QueueClosed("")),
    Code.CODE_USED_UP: problem_of(CodeUsedUp()),
    Code.EXPIRED: problem_of(Expired()),
    Code.CANCELLED: problem_of(AlreadyCancelled()),
    Code.PRECONDITION_FAILED: precondition_failed("Event 8"),
    Code.TOO_LARGE: too_large(65_536),
    Code.UNSUPPORTED_MEDIA_TYPE: Problem(
        Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as JSON with Content-Type: application/json."
    ),
    Code.INVALID: invalid("items[0].quantity", "Expected a whole number of at least 1"),
    Code.AMOUNT_MISMATCH: problem_of(AmountMismatch(60_000, "EUR")),
    Code.CURRENCY_NOT_SUPPORTED: Problem(
        Code.CURRENCY_NOT_SUPPORTED, "The prices of this event are in EUR, not in 'USD'; use EUR."
    ),
    Code.SLOT_NOT_SCHEDULED: Problem(Code.SLOT_NOT_SCHEDULED, "The event has no slot at 13:00; choose one of its own."),
    Code.KEY_REUSED: problem_of(KeyReused()),
    Code.CODE_NOT_APPLICABLE: problem_of(CodeNotApplicable(2)),
    Code.RATE_LIMITED: too_fast("customer", 1500),
    Code.INTERNAL: Problem(
        Code.INTERNAL, "This is a fault of the server and is logged; give the request id when you report it."
    ),
    Code.UNAVAILABLE: Problem(Code.UNAVAILABLE, "Redis does not answer; try again."),
}
"""Each problem, with the words it has in the API where those are a function's."""

_IDS: Mapping[str, Any] = {
    "event_id": 1,
    "ticket_id": 1,
    "venue_id": 1,
    "section_id": 1,
    "seat_id": 101,
    "webhook_id": 1,
    "cart_id": "6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49",
    "customer_id": "22",
    "code": "FAN27",
}
_EVENTS = {"sections": 3, "seats": 3, "slots": 4, "bookings": 4, "queue": 5, "waiting-list": 6}
"""Events of the demo data that have a part which event 1 lacks."""


def example_of_parameter(path: str, name: str) -> Any:
    """A value of a parameter that is good on the demo data of `onsale dev`; None: an earlier answer has it."""
    if name == "event_id":
        return next((event_id for part, event_id in _EVENTS.items() if part in path.split("/")), _IDS[name])
    return _IDS.get(name)
