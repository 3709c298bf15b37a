"""How the engine's refusals read over HTTP: one table, exhaustive for the type checker."""

from typing import assert_never

from api.answers import Money
from api.problems import Code, Problem, WrongField, not_found
from api.rates import seconds
from api.seating import Seating
from api.times import rfc3339
from engine import results as r
from engine.words import CURRENCY, FailureReason

Refusal = (
    r.KeyReused
    | r.UnknownPool
    | r.SaleClosed
    | r.NotOnSaleYet
    | r.LimitExceeded
    | r.RateLimited
    | r.TooManyHolds
    | r.SoldOut
    | r.NotFound
    | r.Expired
    | r.AlreadyCancelled
    | r.PaymentInProgress
    | r.AlreadyPaid
    | r.NotHeld
    | r.AmountMismatch
    | r.UnknownAttempt
    | r.PaymentSettled
    | r.NotPaid
    | r.BelowTaken
    | r.SlotFull
    | r.SlotPast
    | r.BookingExpired
)
"""What commands answer instead of doing what was asked."""


def problem_of(refusal: Refusal) -> Problem:  # noqa: C901, PLR0912  # a table: one branch per word
    """The problem document of a refusal."""
    match refusal:
        case r.KeyReused():
            return Problem(
                Code.KEY_REUSED, "This Idempotency-Key was used for another request; make a new key for a new request."
            )
        case r.UnknownPool(ticket_id=ticket_id):
            return not_found(f"ticket {ticket_id}" if ticket_id else "such event")
        case r.SaleClosed():
            return Problem(Code.SALE_CLOSED, "The event is not sold any more.")
        case r.NotOnSaleYet(opens_ms=opens_ms):
            opens_at = rfc3339(opens_ms) if opens_ms else None
            when = f"at {opens_at}" if opens_at else "when its manager puts it on sale"
            return Problem(Code.NOT_ON_SALE_YET, f"The sale opens {when}; try again then.", opens_at=opens_at)
        case r.LimitExceeded(limit=limit, taken=taken):
            return Problem(
                Code.LIMIT_EXCEEDED,
                f"One customer may have {limit} places of this event and has {taken}; ask for fewer.",
                limit=limit,
                taken=taken,
            )
        case r.RateLimited(who=who, retry_ms=retry_ms):
            return too_fast(who, retry_ms)
        case r.TooManyHolds(limit=limit):
            return Problem(
                Code.LIMIT_EXCEEDED,
                f"One customer may have {limit} holds of this event at once; pay or cancel one of them first.",
                limit=limit,
            )
        case r.SoldOut(ticket_id=ticket_id, available=available, largest_block=largest_block):
            problem = Problem(
                Code.SOLD_OUT,
                f"Left of ticket {ticket_id}: {available}. Ask for fewer, or later: holds may run out.",
                ticket_id=ticket_id,
                available=available,
            )
            if largest_block:
                problem.members["largest_block"] = largest_block
            return problem
        case r.NotFound():
            return not_found("such reservation")
        case r.Expired():
            return Problem(Code.EXPIRED, "The hold ran out and its places were given back; reserve again.")
        case r.AlreadyCancelled():
            return Problem(Code.CANCELLED, "The reservation was cancelled; reserve again.")
        case r.PaymentInProgress():
            return Problem(Code.PAYMENT_IN_PROGRESS, "A payment is under way; look again when it has ended.")
        case r.AlreadyPaid():
            return Problem(Code.ALREADY_PAID, "The reservation is paid; a manager can refund it.")
        case r.NotHeld():
            return Problem(Code.NOT_HELD, "The reservation was refunded, or its refund is due.")
        case r.AmountMismatch(total_minor=total_minor):
            return Problem(
                Code.AMOUNT_MISMATCH,
                f"The total is {total_minor} in minor units; pay exactly that.",
                total=Money(total_minor, CURRENCY),
            )
        case r.UnknownAttempt():
            return not_found("such payment")
        case r.PaymentSettled():
            return Problem(Code.PAYMENT_SETTLED, "The payment was settled with the opposite outcome, and that stays.")
        case r.NotPaid(state=state):
            return Problem(Code.NOT_HELD, f"The reservation is {state}, so there is nothing to refund.", state=state)
        case r.BelowTaken(capacity=capacity, taken=taken):
            return Problem(
                Code.BELOW_TAKEN,
                f"{taken} places are held or sold; the capacity cannot be {capacity}.",
                taken=taken,
            )
        case r.SlotFull(capacity=capacity):
            return Problem(Code.SLOT_FULL, "The slot is full; choose another one.", capacity=capacity, available=0)
        case r.SlotPast():
            fields = [WrongField("slot", "has begun; choose a later one")]
            return Problem(Code.INVALID, "The slot has begun; choose a later one.", fields=fields)
        case r.BookingExpired():
            return Problem(Code.EXPIRED, "The slot is over and the booking expired; it cannot be changed any more.")
        case _:
            assert_never(refusal)


def too_fast(who: str, retry_ms: int) -> Problem:
    """429 with when to come again."""
    why = "Too many of your holds ran out unpaid" if who == "expiries" else "Too many requests"
    retry_after = str(seconds(retry_ms))
    headers = {"Retry-After": retry_after}
    return Problem(Code.RATE_LIMITED, f"{why}; try again in {retry_after} s.", headers=headers, limited=who)


def seat_taken(refusal: r.SeatTaken, seating: Seating | None) -> Problem:
    """409 about seats that somebody else has, or that are blocked; says which."""
    seat_ids = [seat_id for gone in refusal.seats if seating for seat_id in seating.seat_ids(gone.pool, gone.seats)]
    shown = ", ".join(map(str, seat_ids))
    return Problem(Code.SEAT_TAKEN, f"Not to be had any more: seats {shown}; choose others.", seat_ids=seat_ids)


def failed_payment(reason: str) -> Problem:
    """402 for an attempt that the gateway refused."""
    if reason == FailureReason.CARD_DECLINED:
        return Problem(Code.CARD_DECLINED, "The card was declined; the hold lives on, pay with another card.")
    return Problem(Code.PAYMENT_FAILED, "The payment failed and nothing was charged; the hold lives on, try again.")
