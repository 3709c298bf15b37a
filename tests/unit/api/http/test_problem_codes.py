"""The words of problems: one closed list, in the contract, in the code, and for every refusal of the engine."""

import importlib
import pkgutil
import re
import types
import typing
from pathlib import Path

import msgspec
import orjson
import pytest
from msgspec import UNSET

from api.engine_problems import Refusal, WishedSlot, failed_payment, problem_of, refused
from api.http.problems import KINDS, Code, Problem, invalid, not_found
from api.routes import ROUTES
from engine import commands
from engine.commands.items import Item
from engine.results.any_result import ANY_RESULT
from engine.results.bookings import (
    Booked,
    BookingChanged,
    BookingErased,
    BookingExpired,
    BookingFound,
    Moved,
    Purged,
    SlotFull,
    SlotNotScheduled,
    SlotPast,
    SlotsCounted,
    Unbooked,
)
from engine.results.codes import CodeFound, CodeNotApplicable, CodesCounted, CodesPut, CodeUnknown, CodeUsedUp
from engine.results.etickets import CheckedIn, EticketFound, EticketsListed
from engine.results.events import (
    BelowTaken,
    Counts,
    EventEnded,
    InUse,
    NotOnSaleYet,
    Published,
    SaleClosed,
    SalePaused,
    UnknownPool,
)
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.holds import BelowMinimum, Cancelled, Held, OnlyFewer, PriceChanged, SoldOut, Swept
from engine.results.internal import Again, Alike, MemoryFull
from engine.results.limits import HeldUnbought, LimitExceeded, RateLimited, TooManyHolds
from engine.results.payments import (
    AmountMismatch,
    Disputed,
    Paid,
    Paying,
    PaymentFailed,
    PaymentSettled,
    TooManyAttempts,
    UnknownAttempt,
)
from engine.results.refunds import NotPaid, RefundDue, Refunded, Restocked
from engine.results.reservations import (
    AlreadyCancelled,
    AlreadyPaid,
    Erased,
    Expired,
    Found,
    KeyReused,
    NotFound,
    NotHeld,
    PaymentInProgress,
)
from engine.results.result import Allowance
from engine.results.seats import SeatMap, SeatTaken, SectionsCounted
from engine.results.waiting_lists import (
    NoWaitingList,
    PlacesLeft,
    Waiting,
    WaitingDeclined,
    WaitingEnded,
    WaitingErased,
    WaitingFound,
    WaitingTended,
)
from engine.results.waiting_rooms import (
    InsideFull,
    Left,
    NoQueue,
    NotYourTurn,
    PassExpired,
    Placed,
    QueueClosed,
    QueueRequired,
    QueueState,
)
from engine.stock import SectionSeats
from engine.words import FailureReason

_CONTRACT = {
    400: "malformed_json",
    401: "unauthenticated",
    402: "card_declined payment_failed",
    403: "forbidden",
    404: "not_found code_unknown",
    405: "method_not_allowed",
    409: "sold_out seat_taken slot_full limit_exceeded sale_closed not_on_sale_yet already_paid payment_in_progress "
    "not_held below_taken in_use sale_paused price_changed payment_settled "
    "queue_required not_your_turn pass_expired inside_full queue_closed code_used_up",
    410: "expired cancelled",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid amount_mismatch currency_not_supported slot_not_scheduled key_reused code_not_applicable",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
}
_ANSWERS = {
    MemoryFull,
    Held,
    Cancelled,
    Paying,
    Paid,
    PaymentFailed,
    RefundDue,
    Refunded,
    Disputed,
    Restocked,
    Exchanging,
    Exchanged,
    Erased,
    EventEnded,
    Found,
    Published,
    Counts,
    SeatMap,
    SectionsCounted,
    Swept,
    Booked,
    Moved,
    Unbooked,
    BookingFound,
    BookingErased,
    CheckedIn,
    EticketsListed,
    EticketFound,
    SlotsCounted,
    Purged,
    QueueState,
    Placed,
    Left,
    Waiting,
    WaitingFound,
    WaitingDeclined,
    WaitingErased,
    WaitingTended,
    CodesPut,
    CodesCounted,
    CodeFound,
    MemoryFull,  # the engine's own: it raises OutOfMemory
    Again,  # the engine's own: it sends the command again
    Alike,  # the engine's own: it stands for the one before it (engine/alike.py)
}
"""Answers of commands that are no refusals; a failed payment has its own reasons."""

_OF_EVERY_PROBLEM = {"type", "title", "status", "detail"}

_REFUSALS: list[tuple[Refusal, str, dict[str, object]]] = [
    (KeyReused(), "key_reused", {}),
    (UnknownPool(0), "not_found", {}),
    (UnknownPool(7), "not_found", {}),
    (SaleClosed(), "sale_closed", {}),
    (SalePaused(), "sale_paused", {}),
    (PriceChanged(500, "EUR"), "price_changed", {"total": {"amount": 500, "currency": "EUR"}}),
    (NotOnSaleYet(0), "not_on_sale_yet", {"opens_at": None}),
    (NotOnSaleYet(1_811_872_800_000), "not_on_sale_yet", {"opens_at": "2027-06-01T18:00:00Z"}),
    (InUse(), "in_use", {}),
    (
        BelowMinimum(7, 2),
        "invalid",
        {"fields": [{"path": "quantity", "message": "ticket 7 is sold from 2 places on; ask for more"}]},
    ),
    (
        OnlyFewer(),
        "invalid",
        {
            "fields": [
                {
                    "path": "items",
                    "message": (
                        "an offer is for the places that were waited for; "
                        "ask for fewer of them, or reserve others apart"
                    ),
                }
            ]
        },
    ),
    (LimitExceeded(10, 9), "limit_exceeded", {"limit": 10, "taken": 9}),
    (RateLimited("customer", 1500), "rate_limited", {"limited": "customer"}),
    (TooManyHolds(2), "limit_exceeded", {"limit": 2}),
    (SoldOut(7, 1, 0), "sold_out", {"ticket_id": 7, "available": 1, "next_return_at": None}),
    (
        SoldOut(7, 0, 0, 1_811_872_800_000),
        "sold_out",
        {"ticket_id": 7, "available": 0, "next_return_at": "2027-06-01T18:00:00Z"},
    ),
    (SeatTaken([SectionSeats("s1", [3])]), "seat_taken", {"seat_ids": []}),
    (NotFound(), "not_found", {}),
    (Expired(), "expired", {}),
    (AlreadyCancelled(), "cancelled", {}),
    (PaymentInProgress(), "payment_in_progress", {}),
    (AlreadyPaid(), "already_paid", {}),
    (NotHeld(), "not_held", {}),
    (AmountMismatch(500, "EUR"), "amount_mismatch", {"total": {"amount": 500, "currency": "EUR"}}),
    (UnknownAttempt(), "not_found", {}),
    (PaymentSettled(), "payment_settled", {}),
    (NotPaid("held"), "not_held", {"state": "held"}),
    (BelowTaken("7", 3, 5), "below_taken", {"taken": 5}),
    (BelowTaken("slot:2027-09-12T13:30", 3, 5), "below_taken", {"taken": 5, "slot": "2027-09-12T13:30"}),
    (SlotNotScheduled("2027-09-12T13:30"), "slot_not_scheduled", {}),
    (BookingChanged(), "unavailable", {}),
    (TooManyAttempts(6), "limit_exceeded", {"limit": 6}),
    (
        HeldUnbought("customer", 2, 3, 450_000, 9_001),
        "limit_exceeded",
        {"limit": 2, "taken": 3, "hold_seconds": 450, "retry_seconds": 10},
    ),
    (SlotFull(20), "slot_full", {"capacity": 20, "available": 0}),
    (
        SlotPast(),
        "invalid",
        {"fields": [{"path": "slot", "message": "the slot has begun; choose a later one"}]},
    ),
    (BookingExpired(), "expired", {}),
    (NoQueue(), "not_found", {}),
    (QueueRequired(), "queue_required", {}),
    (NotYourTurn(3), "not_your_turn", {"ahead": 3}),
    (NotYourTurn(-1), "not_your_turn", {"ahead": None}),
    (PassExpired(), "pass_expired", {}),
    (InsideFull(), "inside_full", {}),
    (QueueClosed(""), "queue_closed", {"reason": None}),
    (QueueClosed("sold_out"), "queue_closed", {"reason": "sold_out"}),
    (NoWaitingList(), "not_found", {}),
    (WaitingEnded(), "queue_closed", {}),
    (PlacesLeft(7, 3), "queue_closed", {"ticket_id": 7, "available": 3}),
    (CodeUnknown(), "code_unknown", {}),
    (CodeUsedUp(), "code_used_up", {}),
    (CodeNotApplicable(0), "code_not_applicable", {}),
    (CodeNotApplicable(4), "code_not_applicable", {"limit": 4}),
]


def test_codes_are_those_of_the_contract_with_their_status() -> None:
    contract = {code: status for status, codes in _CONTRACT.items() for code in codes.split()}
    assert {code.value: status for code, (status, _title) in KINDS.items()} == contract
    assert set(KINDS) == set(Code)
    assert len({title for _, title in KINDS.values()}) == len(KINDS), "each has a title of its own"


def test_the_page_of_errors_lists_each_code() -> None:
    page = (Path(__file__).parents[4] / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(str(status), code.value, title) for code, (status, title) in KINDS.items()]


def test_every_refusal_has_its_problem() -> None:
    refusals = set(typing.get_args(ANY_RESULT)) - _ANSWERS
    assert refusals == set(typing.get_args(Refusal))
    assert refusals == {type(refusal) for refusal, _, _ in _REFUSALS}


def test_every_result_of_a_command_is_an_answer_or_a_refusal() -> None:
    known = _ANSWERS | set(typing.get_args(Refusal))
    declared = {
        result
        for module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}.")
        for union in vars(importlib.import_module(module.name)).values()
        if isinstance(union, types.UnionType) and union is not Item
        for result in typing.get_args(union)
    }
    assert SoldOut in declared
    assert declared <= known


@pytest.mark.parametrize(("refusal", "code", "members"), _REFUSALS)
def test_a_refusal_reads_as_the_contract_says(refusal: Refusal, code: str, members: dict[str, object]) -> None:
    problem = problem_of(refusal)
    document = msgspec.to_builtins(problem.document())
    assert {"code": code, **members} == {name: document[name] for name in document if name not in _OF_EVERY_PROBLEM}
    assert problem.detail.endswith(".") or code == "invalid"


class _Venue:
    def seat_ids(self, pool: str, places: list[int]) -> list[int]:
        assert pool == "s1"
        return [100 + place for place in places]


def test_a_refusal_names_the_seats_and_the_slot_of_the_request() -> None:
    taken = problem_of(SeatTaken([SectionSeats("s1", [3, 5])]), _Venue()).document()
    assert taken.seat_ids == [103, 105]
    assert "103, 105" in taken.detail
    past = problem_of(SlotPast(), slot=WishedSlot("2027-09-12T13:30", ("date", "time"))).document()
    assert past.fields is not UNSET
    assert [field.path for field in past.fields] == ["date", "time"]
    assert {field.message for field in past.fields} == {"the slot 2027-09-12T13:30 has begun; choose a later one"}


@pytest.mark.parametrize("refusal", [refusal for refusal, _, _ in _REFUSALS if not isinstance(refusal, SeatTaken)])
def test_a_refusal_that_is_remembered_reads_the_same(refusal: Refusal) -> None:
    told = problem_of(refusal).reply()
    limited = msgspec.structs.replace(refusal, allowances=(Allowance("customer", 3, 10),))
    for again in (refusal, limited, refusal):
        reply = refused(again)
        assert (reply.body, reply.headers, reply.status) == (told.body, told.headers, told.status)
        reply.headers["X-Request-ID"] = "of one answer alone"


def test_every_refusal_is_a_problem_of_some_route() -> None:
    documented = {code for route in ROUTES for code in route.problems}
    assert {problem_of(refusal).code for refusal, _, _ in _REFUSALS} <= documented


@pytest.mark.parametrize("code", list(Code))
def test_a_problem_is_a_document(code: Code) -> None:
    reply = Problem(code, "Try again.", available=3).reply()
    status, title = KINDS[code]
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json")
    assert orjson.loads(reply.body) == {
        "type": f"urn:onsale:problem:{code.value}",
        "title": title,
        "status": status,
        "detail": "Try again.",
        "code": code.value,
        "available": 3,
    }
    assert ("Retry-After" in reply.headers) == (status in (429, 503))


def test_a_failed_payment_reads_as_its_reason() -> None:
    assert {reason.value for reason in FailureReason} == {"card_declined", "payment_failed"}
    assert [failed_payment(reason).code for reason in FailureReason] == [Code.CARD_DECLINED, Code.PAYMENT_FAILED]


def test_invalid_problems_name_the_field() -> None:
    problem = invalid("items[0].quantity", "Expected a whole number")
    assert msgspec.to_builtins(problem.members) == {
        "fields": [{"path": "items[0].quantity", "message": "Expected a whole number"}]
    }
    assert "items[0].quantity" in problem.detail
    assert "the body" in invalid("", "Expected an object").detail
    assert "event 7" in not_found("event 7").detail
