"""Problem documents of the engine's refusals: one table, exhaustive for the type checker."""

from functools import lru_cache
from typing import Any, NamedTuple, Protocol, assert_never

import msgspec

from api.access.rate_limit_headers import seconds
from api.http.problems import Code, Problem, WrongField, invalid, not_found
from api.http.replies import Reply
from api.http.times import rfc3339
from api.http.types import Money
from engine.results.bookings import BookingChanged, BookingExpired, SlotFull, SlotNotScheduled, SlotPast
from engine.results.codes import CodeNotApplicable, CodeUnknown, CodeUsedUp
from engine.results.events import BelowTaken, InUse, NotOnSaleYet, SaleClosed, SalePaused, UnknownPool
from engine.results.holds import BelowMinimum, OnlyFewer, PriceChanged, SoldOut
from engine.results.limits import HeldUnbought, LimitExceeded, RateLimited, TooManyHolds
from engine.results.payments import AmountMismatch, PaymentSettled, TooManyAttempts, UnknownAttempt
from engine.results.refunds import NotPaid
from engine.results.reservations import (
    AlreadyCancelled,
    AlreadyPaid,
    Expired,
    KeyReused,
    NotFound,
    NotHeld,
    PaymentInProgress,
)
from engine.results.seats import SeatTaken
from engine.results.waiting_lists import NoWaitingList, PlacesLeft, WaitingEnded
from engine.results.waiting_rooms import InsideFull, NoQueue, NotYourTurn, PassExpired, QueueClosed, QueueRequired
from engine.slots import slot_of_pool
from engine.words import FailureReason, QueueEnd

QueueRefusal = NoQueue | QueueClosed | QueueRequired | NotYourTurn | PassExpired | InsideFull
WaitingRefusal = NoWaitingList | WaitingEnded | PlacesLeft
CodeRefusal = CodeUnknown | CodeUsedUp | CodeNotApplicable
Refusal = (
    KeyReused
    | UnknownPool
    | SaleClosed
    | SalePaused
    | PriceChanged
    | NotOnSaleYet
    | BelowMinimum
    | InUse
    | LimitExceeded
    | RateLimited
    | TooManyHolds
    | HeldUnbought
    | TooManyAttempts
    | SoldOut
    | SeatTaken
    | NotFound
    | Expired
    | AlreadyCancelled
    | PaymentInProgress
    | AlreadyPaid
    | NotHeld
    | OnlyFewer
    | AmountMismatch
    | UnknownAttempt
    | PaymentSettled
    | NotPaid
    | BelowTaken
    | SlotFull
    | SlotPast
    | SlotNotScheduled
    | BookingExpired
    | BookingChanged
    | QueueRefusal
    | WaitingRefusal
    | CodeRefusal
)
"""The refusals that commands answer."""


class SeatIds(Protocol):
    """A venue, as far as a refusal names its seats."""

    def seat_ids(self, pool: str, places: list[int]) -> list[int]:
        """The ids of seats of a section, which the pool names."""
        ...


class WishedSlot(NamedTuple):
    """The slot that a request named: by its local start, and at these paths of the body."""

    text: str
    paths: tuple[str, ...]


def problem_of(  # noqa: C901, PLR0912, PLR0915  # a table: one branch per word
    refusal: Refusal, seating: SeatIds | None = None, slot: WishedSlot | None = None
) -> Problem:
    """The problem document of a refusal. `seating`, `slot`: the venue and the slot of the request, if it has any."""
    match refusal:
        case KeyReused():
            return Problem(
                Code.KEY_REUSED, "This Idempotency-Key was used for another request; send a new key with a new request."
            )
        case UnknownPool(ticket_id=ticket_id):
            return not_found(f"ticket {ticket_id}" if ticket_id else "such event")
        case SaleClosed():
            return Problem(Code.SALE_CLOSED, "Sales of this event, or of this ticket, are closed.")
        case SalePaused():
            return Problem(Code.SALE_PAUSED, "The sale is paused and will go on; try again later.")
        case PriceChanged(total_minor=total_minor, currency=currency):
            return Problem(
                Code.PRICE_CHANGED,
                f"The total is {total_minor} in minor units now; nothing was changed. Ask again with it, or without.",
                total=Money(total_minor, currency),
            )
        case NotOnSaleYet(opens_ms=opens_ms):
            opens_at = rfc3339(opens_ms) if opens_ms else None
            when = f"at {opens_at}" if opens_at else "when its manager puts it on sale"
            return Problem(Code.NOT_ON_SALE_YET, f"The sale opens {when}; try again then.", opens_at=opens_at)
        case InUse(currency=currency) if currency:
            return Problem(
                Code.IN_USE, f"Places of it were taken in {currency}, so its currency stays; make another event."
            )
        case InUse():
            return Problem(
                Code.IN_USE,
                "Places of it were taken or are set aside, so it stays; close or cancel it, or hide the ticket.",
            )
        case BelowMinimum(ticket_id=ticket_id, minimum=minimum):
            return invalid("quantity", f"ticket {ticket_id} is sold from {minimum} places on; ask for more")
        case OnlyFewer():
            return invalid(
                "items",
                "an offer is for the places that were waited for; ask for fewer of them, or reserve others apart",
            )
        case LimitExceeded(limit=limit, taken=taken):
            return Problem(
                Code.LIMIT_EXCEEDED,
                _limit_in_words(limit, taken),
                limit=limit,
                taken=taken,
            )
        case RateLimited(who=who, retry_ms=retry_ms):
            return too_fast(who, retry_ms)
        case TooManyHolds(limit=limit):
            return Problem(
                Code.LIMIT_EXCEEDED,
                f"A customer may have {limit} holds of this event at once; pay or cancel one of them first.",
                limit=limit,
            )
        case TooManyAttempts(limit=limit):
            return Problem(
                Code.LIMIT_EXCEEDED,
                f"{limit} payments of this reservation have failed, and it takes no more; cancel it and reserve again.",
                limit=limit,
            )
        case HeldUnbought():
            return _held_unbought(refusal)
        case SoldOut(ticket_id=ticket_id, available=available, largest_block=largest_block, next_return_ms=next_ms):
            problem = Problem(
                Code.SOLD_OUT,
                _shortage_in_words(ticket_id, available, largest_block, next_ms),
                ticket_id=ticket_id,
                available=available,
                next_return_at=rfc3339(next_ms) if next_ms else None,
            )
            if largest_block:
                problem.members["largest_block"] = largest_block
            return problem
        case SeatTaken(seats=gone):
            seat_ids = [seat_id for part in gone if seating for seat_id in seating.seat_ids(part.pool, part.seats)]
            shown = ", ".join(map(str, seat_ids))
            return Problem(Code.SEAT_TAKEN, f"Seats {shown} are no longer available; choose others.", seat_ids=seat_ids)
        case NotFound():
            return not_found("such reservation")
        case Expired():
            return Problem(Code.EXPIRED, "The hold expired and its places were released; reserve again.")
        case AlreadyCancelled():
            return Problem(Code.CANCELLED, "The reservation was cancelled; reserve again.")
        case PaymentInProgress():
            return Problem(Code.PAYMENT_IN_PROGRESS, "A payment is in progress; try again when it has ended.")
        case AlreadyPaid():
            return Problem(Code.ALREADY_PAID, "The reservation is paid; a manager can refund it.")
        case NotHeld():
            return Problem(Code.NOT_HELD, "The reservation was refunded, or its refund is due.")
        case AmountMismatch(total_minor=total_minor, currency=currency):
            return Problem(
                Code.AMOUNT_MISMATCH,
                f"The total is {total_minor} in minor units; pay exactly that.",
                total=Money(total_minor, currency),
            )
        case UnknownAttempt():
            return not_found("such payment")
        case PaymentSettled():
            return Problem(Code.PAYMENT_SETTLED, "The payment already has the opposite outcome, which is final.")
        case NotPaid(state=state):
            return Problem(Code.NOT_HELD, f"The reservation is {state}, so there is nothing to refund.", state=state)
        case BelowTaken(pool=pool, capacity=capacity, taken=taken):
            name = slot_of_pool(pool)
            where = f" of the slot {name}" if name else ""
            problem = Problem(
                Code.BELOW_TAKEN,
                f"{taken} places{where} are held or sold; the capacity cannot be {capacity}.",
                taken=taken,
            )
            if name:
                problem.members["slot"] = name
            return problem
        case SlotFull(capacity=capacity):
            return Problem(Code.SLOT_FULL, "The slot is full; choose another one.", capacity=capacity, available=0)
        case SlotPast():
            text, paths = slot or WishedSlot("", ("slot",))
            message = f"{' '.join(('the slot', text)).strip()} has begun; choose a later one"
            return Problem(Code.INVALID, f"{paths[0]}: {message}", fields=[WrongField(path, message) for path in paths])
        case SlotNotScheduled(slot=name):
            return Problem(Code.SLOT_NOT_SCHEDULED, f"There is no slot at {name}; choose another one.")
        case BookingChanged():
            return Problem(Code.UNAVAILABLE, "Others change this booking at the same time; try again.")
        case BookingExpired():
            return Problem(Code.EXPIRED, "The slot is over and the booking expired; it can no longer be changed.")
        case NoQueue() | QueueClosed() | QueueRequired() | NotYourTurn() | PassExpired() | InsideFull():
            return _queue_problem(refusal)
        case NoWaitingList() | WaitingEnded() | PlacesLeft():
            return _waiting_problem(refusal)
        case CodeUnknown() | CodeUsedUp() | CodeNotApplicable():
            return code_problem(refusal)
        case _:
            assert_never(refusal)


def _held_unbought(refusal: HeldUnbought) -> Problem:
    """Tells how much is possible now, and when more is again."""
    who, most, taken = refusal.who, refusal.most, refusal.taken
    hold_seconds, retry_after = refusal.hold_ms // 1000, seconds(refusal.retry_ms)
    members: dict[str, Any] = {"limit": most, "taken": taken, "hold_seconds": hold_seconds}
    if who == "nobody":
        return Problem(
            Code.LIMIT_EXCEEDED,
            f"Carts without a customer may hold {most} places of this event together and hold {taken}; "
            "name the customer with the first item.",
            **members,
        )
    subject = "Your network" if who == "address" else "You"
    why = f"{subject} held many places without buying them, so {most} at once can be held now, for {hold_seconds} s."
    if not retry_after:
        return Problem(Code.LIMIT_EXCEEDED, f"{why} Ask for no more.", **members)
    if who == "address":
        headers = {"Retry-After": str(retry_after)}
        wait = f"It holds {taken}; try again in {retry_after} s."
        return Problem(Code.RATE_LIMITED, f"{why} {wait}", headers=headers, limited=who, **members)
    members["retry_seconds"] = retry_after
    return Problem(
        Code.LIMIT_EXCEEDED,
        f"{why} You hold {taken}: pay for them or cancel them, or try again in {retry_after} s.",
        **members,
    )


def _queue_problem(refusal: QueueRefusal) -> Problem:
    """The problem document of a waiting room."""
    match refusal:
        case NoQueue():
            return not_found("waiting room of this event")
        case QueueClosed(reason=reason):
            detail = "The waiting room is over." if reason else "The waiting room is not open yet; come again later."
            return Problem(Code.QUEUE_CLOSED, detail, reason=QueueEnd(reason) if reason else None)
        case QueueRequired():
            return Problem(Code.QUEUE_REQUIRED, "This event has a waiting room; join it before you take places.")
        case NotYourTurn(ahead=ahead):
            if ahead < 0:
                return Problem(Code.NOT_YOUR_TURN, "The order is drawn when the sale opens; wait for that.", ahead=None)
            detail = f"{ahead} are ahead of you in the waiting room; enter when it is your turn."
            return Problem(Code.NOT_YOUR_TURN, detail, ahead=ahead)
        case PassExpired():
            return Problem(Code.PASS_EXPIRED, "Your pass has expired; enter again from the waiting room.")
        case InsideFull():
            return Problem(Code.INSIDE_FULL, "It is your turn, but there is no room inside now; try again soon.")
        case _:
            assert_never(refusal)


def _waiting_problem(refusal: WaitingRefusal) -> Problem:
    """The problem document of a waiting list."""
    match refusal:
        case NoWaitingList():
            return not_found("waiting list of this event, or of tickets with times")
        case WaitingEnded():
            return Problem(Code.QUEUE_CLOSED, "The waiting list has ended; what returns is for sale to everybody.")
        case PlacesLeft(ticket_id=ticket_id, available=available):
            return Problem(
                Code.QUEUE_CLOSED,
                f"Ticket {ticket_id} has {available} places: reserve them, nobody has to wait.",
                ticket_id=ticket_id,
                available=available,
            )
        case _:
            assert_never(refusal)


def code_problem(refusal: CodeRefusal) -> Problem:
    """The problem document of a code. Of one that is wrong it never tells what is wrong with it."""
    match refusal:
        case CodeUnknown():
            return Problem(Code.CODE_UNKNOWN, "The code is not valid; check its spelling, or go on without it.")
        case CodeUsedUp():
            detail = "Nothing is left of the code: no use, too little budget, or too few places. Go on without it."
            return Problem(Code.CODE_USED_UP, detail)
        case CodeNotApplicable(most=most) if most:
            return Problem(
                Code.CODE_NOT_APPLICABLE, f"The code is for {most} places at once; ask for fewer.", limit=most
            )
        case CodeNotApplicable():
            detail = "The code is for none of these tickets, or another code was named before; go on without it."
            return Problem(Code.CODE_NOT_APPLICABLE, detail)
        case _:
            assert_never(refusal)


def code_of(refusal: Refusal) -> str:
    """The code of its problem document, as a text. It is nearly always that of its kind, so it is looked up."""
    kind = type(refusal)
    code = _CODES.get(kind)
    if code is None:
        code = problem_of(refusal).code.value
        if kind is not HeldUnbought:
            _CODES[kind] = code
    return code


_CODES: dict[type[Refusal], str] = {}
"""Plain texts: a member of an enum is hashed by a function in Python, and refusals come by the thousand."""


def refused(refusal: Refusal) -> Reply:
    """The problem document of a refusal that a drop gives thousands of a second, as an answer.

    Not for SeatTaken and SlotPast: their problems need the request.
    """
    body, headers, status = _refused(msgspec.structs.replace(refusal, allowances=()) if refusal.allowances else refusal)
    return Reply(body, dict(headers), status)


@lru_cache(maxsize=1000)
def _refused(refusal: Refusal) -> tuple[bytes, dict[str, str], int]:
    reply = problem_of(refusal).reply()
    return reply.body, reply.headers, reply.status


def _places(number: int) -> str:
    return f"{number} place" if number == 1 else f"{number} places"


def _limit_in_words(limit: int, taken: int) -> str:
    """A limit of a customer, a phone number, a pass or a ticket, with what is left of it."""
    left = f"ask for {limit - taken} at most" if taken < limit else "no more can be taken"
    return f"At most {_places(limit)} may be taken here, and {taken} of them {'is' if taken == 1 else 'are'}; {left}."


def _shortage_in_words(ticket_id: int, available: int, largest_block: int, next_return_ms: int) -> str:
    """The rest of a ticket, and what to do."""
    if 0 < largest_block < available:
        left = f"{_places(available)} of ticket {ticket_id} are left, at most {largest_block} of them together"
        return f"{left}; ask for {largest_block}, or not together."
    if available:
        return (
            f"Only {_places(available)} of ticket {ticket_id} {'is' if available == 1 else 'are'} left; ask for fewer."
        )
    again = f"at {rfc3339(next_return_ms)}, when a hold may expire" if next_return_ms else "later, or take another"
    return f"No place of ticket {ticket_id} is left; try again {again}."


_TOO_FAST = {"expiries": "Too many of your holds expired unpaid", "payments": "Too many of your payments failed"}


def too_fast(who: str, retry_ms: int) -> Problem:
    """429 with when to come again."""
    why = _TOO_FAST.get(who, "Too many requests")
    retry_after = str(seconds(retry_ms))
    headers = {"Retry-After": retry_after}
    return Problem(Code.RATE_LIMITED, f"{why}; try again in {retry_after} s.", headers=headers, limited=who)


def failed_payment(reason: str) -> Problem:
    """402 for an attempt that the gateway refused."""
    if reason == FailureReason.CARD_DECLINED:
        return Problem(Code.CARD_DECLINED, "The card was declined. The hold is still valid; pay with another card.")
    return Problem(
        Code.PAYMENT_FAILED, "The payment failed and nothing was charged. The hold is still valid; try again."
    )
