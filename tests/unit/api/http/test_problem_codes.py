"""The words of problems: one closed list, in the contract, in the code, and for every refusal of the engine."""

import types
import typing

import msgspec
import orjson
import pytest
from msgspec import UNSET

from api.engine_problems import Refusal, WishedSlot, failed_payment, problem_of, refused
from api.http.problems import KINDS, Code, Problem, invalid, not_found
from api.routes import ROUTES
from engine import commands, results
from engine.records import SectionSeats
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
    results.MemoryFull,
    results.Held,
    results.Cancelled,
    results.Paying,
    results.Paid,
    results.PaymentFailed,
    results.RefundDue,
    results.Refunded,
    results.Disputed,
    results.Restocked,
    results.Exchanging,
    results.Exchanged,
    results.Erased,
    results.EventEnded,
    results.Found,
    results.Published,
    results.Counts,
    results.SeatMap,
    results.SectionsCounted,
    results.Swept,
    results.Booked,
    results.Moved,
    results.Unbooked,
    results.BookingFound,
    results.BookingErased,
    results.CheckedIn,
    results.EticketsListed,
    results.EticketFound,
    results.SlotsCounted,
    results.Purged,
    results.QueueState,
    results.Placed,
    results.Left,
    results.Waiting,
    results.WaitingFound,
    results.WaitingDeclined,
    results.WaitingErased,
    results.WaitingTended,
    results.CodesPut,
    results.CodesCounted,
    results.CodeFound,
    results.MemoryFull,  # the engine's own: it raises OutOfMemory
    results.Again,  # the engine's own: it sends the command again
    results.Alike,  # the engine's own: it stands for the one before it (engine/alike.py)
}
"""What commands answer that is no refusal; a failed payment has its own reasons."""

_OF_EVERY_PROBLEM = {"type", "title", "status", "detail"}

_REFUSALS: list[tuple[Refusal, str, dict[str, object]]] = [
    (results.KeyReused(), "key_reused", {}),
    (results.UnknownPool(0), "not_found", {}),
    (results.UnknownPool(7), "not_found", {}),
    (results.SaleClosed(), "sale_closed", {}),
    (results.SalePaused(), "sale_paused", {}),
    (results.PriceChanged(500, "EUR"), "price_changed", {"total": {"amount": 500, "currency": "EUR"}}),
    (results.NotOnSaleYet(0), "not_on_sale_yet", {"opens_at": None}),
    (results.NotOnSaleYet(1_811_872_800_000), "not_on_sale_yet", {"opens_at": "2027-06-01T18:00:00Z"}),
    (results.InUse(), "in_use", {}),
    (
        results.BelowMinimum(7, 2),
        "invalid",
        {"fields": [{"path": "quantity", "message": "ticket 7 is sold from 2 places on; ask for more"}]},
    ),
    (
        results.OnlyFewer(),
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
    (results.LimitExceeded(10, 9), "limit_exceeded", {"limit": 10, "taken": 9}),
    (results.RateLimited("customer", 1500), "rate_limited", {"limited": "customer"}),
    (results.TooManyHolds(2), "limit_exceeded", {"limit": 2}),
    (results.SoldOut(7, 1, 0), "sold_out", {"ticket_id": 7, "available": 1, "next_return_at": None}),
    (
        results.SoldOut(7, 0, 0, 1_811_872_800_000),
        "sold_out",
        {"ticket_id": 7, "available": 0, "next_return_at": "2027-06-01T18:00:00Z"},
    ),
    (results.SeatTaken([SectionSeats("s1", [3])]), "seat_taken", {"seat_ids": []}),
    (results.NotFound(), "not_found", {}),
    (results.Expired(), "expired", {}),
    (results.AlreadyCancelled(), "cancelled", {}),
    (results.PaymentInProgress(), "payment_in_progress", {}),
    (results.AlreadyPaid(), "already_paid", {}),
    (results.NotHeld(), "not_held", {}),
    (results.AmountMismatch(500, "EUR"), "amount_mismatch", {"total": {"amount": 500, "currency": "EUR"}}),
    (results.UnknownAttempt(), "not_found", {}),
    (results.PaymentSettled(), "payment_settled", {}),
    (results.NotPaid("held"), "not_held", {"state": "held"}),
    (results.BelowTaken("7", 3, 5), "below_taken", {"taken": 5}),
    (results.BelowTaken("slot:2027-09-12T13:30", 3, 5), "below_taken", {"taken": 5, "slot": "2027-09-12T13:30"}),
    (results.SlotNotScheduled("2027-09-12T13:30"), "slot_not_scheduled", {}),
    (results.BookingChanged(), "unavailable", {}),
    (results.TooManyAttempts(6), "limit_exceeded", {"limit": 6}),
    (
        results.HeldUnbought("customer", 2, 3, 450_000, 9_001),
        "limit_exceeded",
        {"limit": 2, "taken": 3, "hold_seconds": 450, "retry_seconds": 10},
    ),
    (results.SlotFull(20), "slot_full", {"capacity": 20, "available": 0}),
    (
        results.SlotPast(),
        "invalid",
        {"fields": [{"path": "slot", "message": "the slot has begun; choose a later one"}]},
    ),
    (results.BookingExpired(), "expired", {}),
    (results.NoQueue(), "not_found", {}),
    (results.QueueRequired(), "queue_required", {}),
    (results.NotYourTurn(3), "not_your_turn", {"ahead": 3}),
    (results.NotYourTurn(-1), "not_your_turn", {"ahead": None}),
    (results.PassExpired(), "pass_expired", {}),
    (results.InsideFull(), "inside_full", {}),
    (results.QueueClosed(""), "queue_closed", {"reason": None}),
    (results.QueueClosed("sold_out"), "queue_closed", {"reason": "sold_out"}),
    (results.NoWaitingList(), "not_found", {}),
    (results.WaitingEnded(), "queue_closed", {}),
    (results.PlacesLeft(7, 3), "queue_closed", {"ticket_id": 7, "available": 3}),
    (results.CodeUnknown(), "code_unknown", {}),
    (results.CodeUsedUp(), "code_used_up", {}),
    (results.CodeNotApplicable(0), "code_not_applicable", {}),
    (results.CodeNotApplicable(4), "code_not_applicable", {"limit": 4}),
]


def test_codes_are_those_of_the_contract_with_their_status() -> None:
    contract = {code: status for status, codes in _CONTRACT.items() for code in codes.split()}
    assert {code.value: status for code, (status, _title) in KINDS.items()} == contract
    assert set(KINDS) == set(Code)
    assert len({title for _, title in KINDS.values()}) == len(KINDS), "each has a title of its own"


def test_every_refusal_has_its_problem() -> None:
    refusals = set(typing.get_args(results.ANY_RESULT)) - _ANSWERS
    assert refusals == set(typing.get_args(Refusal))
    assert refusals == {type(refusal) for refusal, _, _ in _REFUSALS}


def test_every_result_of_a_command_is_an_answer_or_a_refusal() -> None:
    known = _ANSWERS | set(typing.get_args(Refusal))
    declared = {
        result
        for union in vars(commands).values()
        if isinstance(union, types.UnionType) and union is not commands.Item
        for result in typing.get_args(union)
    }
    assert results.SoldOut in declared
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
    taken = problem_of(results.SeatTaken([SectionSeats("s1", [3, 5])]), _Venue()).document()
    assert taken.seat_ids == [103, 105]
    assert "103, 105" in taken.detail
    past = problem_of(results.SlotPast(), slot=WishedSlot("2027-09-12T13:30", ("date", "time"))).document()
    assert past.fields is not UNSET
    assert [field.path for field in past.fields] == ["date", "time"]
    assert {field.message for field in past.fields} == {"the slot 2027-09-12T13:30 has begun; choose a later one"}


@pytest.mark.parametrize(
    "refusal", [refusal for refusal, _, _ in _REFUSALS if not isinstance(refusal, results.SeatTaken)]
)
def test_a_refusal_that_is_remembered_reads_the_same(refusal: Refusal) -> None:
    told = problem_of(refusal).reply()
    limited = msgspec.structs.replace(refusal, allowances=(results.Allowance("customer", 3, 10),))
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
    problem = invalid("items[0].quantity", "Expected `int`")
    assert msgspec.to_builtins(problem.members) == {
        "fields": [{"path": "items[0].quantity", "message": "Expected `int`"}]
    }
    assert "items[0].quantity" in problem.detail
    assert "the body" in invalid("", "Expected `object`").detail
    assert "event 7" in not_found("event 7").detail
