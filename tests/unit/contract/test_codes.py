"""The words of problems: one closed list, in the contract, in the code, and for every refusal of the engine."""

import types
import typing

import msgspec
import orjson
import pytest

from api.problems import KINDS, Code, Problem, invalid, not_found
from api.refusals import Refusal, failed_payment, problem_of
from api.routes import ROUTES
from engine import commands, results
from engine.words import FailureReason

_CONTRACT = {
    400: "malformed_json",
    401: "unauthenticated",
    402: "card_declined payment_failed",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "sold_out seat_taken slot_full limit_exceeded sale_closed not_on_sale_yet already_paid payment_in_progress "
    "not_held below_taken payment_settled",
    410: "expired cancelled",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid amount_mismatch currency_not_supported slot_not_scheduled key_reused",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
}
_ANSWERS = {
    results.Held,
    results.Cancelled,
    results.Paying,
    results.Paid,
    results.PaymentFailed,
    results.RefundDue,
    results.Refunded,
    results.Found,
    results.Published,
    results.Counts,
    results.SeatMap,
    results.Swept,
    results.Booked,
    results.Moved,
    results.Unbooked,
    results.BookingFound,
    results.SlotsCounted,
    results.Purged,
    results.Again,  # the engine's own: it sends the command again
}
"""What commands answer that is no refusal; a failed payment has its own reasons."""

_OF_EVERY_PROBLEM = {"type", "title", "status", "detail"}

_REFUSALS: list[tuple[Refusal, str, dict[str, object]]] = [
    (results.KeyReused(), "key_reused", {}),
    (results.UnknownPool(0), "not_found", {}),
    (results.UnknownPool(7), "not_found", {}),
    (results.SaleClosed(), "sale_closed", {}),
    (results.NotOnSaleYet(0), "not_on_sale_yet", {"opens_at": None}),
    (results.NotOnSaleYet(1_811_872_800_000), "not_on_sale_yet", {"opens_at": "2027-06-01T18:00:00Z"}),
    (results.LimitExceeded(10, 9), "limit_exceeded", {"limit": 10, "taken": 9}),
    (results.RateLimited("customer", 1500), "rate_limited", {"limited": "customer"}),
    (results.TooManyHolds(2), "limit_exceeded", {"limit": 2}),
    (results.SoldOut(7, 1, 0), "sold_out", {"ticket_id": 7, "available": 1}),
    (results.NotFound(), "not_found", {}),
    (results.Expired(), "expired", {}),
    (results.AlreadyCancelled(), "cancelled", {}),
    (results.PaymentInProgress(), "payment_in_progress", {}),
    (results.AlreadyPaid(), "already_paid", {}),
    (results.NotHeld(), "not_held", {}),
    (results.AmountMismatch(500), "amount_mismatch", {"total": {"amount": 500, "currency": "EUR"}}),
    (results.UnknownAttempt(), "not_found", {}),
    (results.PaymentSettled(), "payment_settled", {}),
    (results.NotPaid("held"), "not_held", {"state": "held"}),
    (results.BelowTaken("7", 3, 5), "below_taken", {"taken": 5}),
    (results.SlotFull(20), "slot_full", {"capacity": 20, "available": 0}),
    (
        results.SlotPast(),
        "invalid",
        {"fields": [{"path": "slot", "message": "has begun; choose a later one"}]},
    ),
    (results.BookingExpired(), "expired", {}),
]


def test_codes_are_those_of_the_contract_with_their_status() -> None:
    contract = {code: status for status, codes in _CONTRACT.items() for code in codes.split()}
    assert {code.value: status for code, (status, _title) in KINDS.items()} == contract
    assert set(KINDS) == set(Code)
    assert len({title for _, title in KINDS.values()}) == len(KINDS), "each has a title of its own"


def test_every_refusal_has_its_problem() -> None:
    # Which seats are taken is told by their ids, which only the venue knows (api/refusals.py, seat_taken).
    refusals = set(typing.get_args(results.AnyResult)) - _ANSWERS - {results.SeatTaken}
    assert refusals == set(typing.get_args(Refusal))
    assert refusals == {type(refusal) for refusal, _, _ in _REFUSALS}


def test_every_result_of_a_command_is_an_answer_or_a_refusal() -> None:
    known = _ANSWERS | set(typing.get_args(Refusal)) | {results.SeatTaken}
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
    assert problem.detail.endswith(".")


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


def test_what_is_invalid_says_where() -> None:
    problem = invalid("items[0].quantity", "Expected `int`")
    assert msgspec.to_builtins(problem.members) == {
        "fields": [{"path": "items[0].quantity", "message": "Expected `int`"}]
    }
    assert "items[0].quantity" in problem.detail
    assert "the body" in invalid("", "Expected `object`").detail
    assert "event 7" in not_found("event 7").detail
