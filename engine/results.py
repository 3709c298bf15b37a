"""What commands answer: one struct per word. A refusal is a value, never an exception.

The words are the tags here and the `reply` calls in `lua/`. Decoding refuses a word that is not listed: that is a bug.
"""

import msgspec

from engine.records import Record, TicketCounts


class Result(msgspec.Struct, array_like=True, frozen=True, tag_field="word"):
    """What a command answered."""


class OnRecord(Result):
    """An answer about a reservation that there is.

    `now_ms` is the instant of the answer by the clock of Redis, `replayed` says that an earlier request had the effect.
    """

    now_ms: int
    replayed: bool
    record: Record


class Held(OnRecord, tag="held"):
    """The places are taken until the record's deadline."""


class Cancelled(OnRecord, tag="cancelled"):
    """The places were given back at the customer's wish."""


class Paying(OnRecord, tag="paying"):
    """The reservation is pinned for the attempt that was asked for."""


class Paid(OnRecord, tag="paid"):
    """The places are sold."""


class PaymentFailed(OnRecord, tag="payment_failed"):
    """The attempt failed; the record says why, and whether the hold lives on."""


class RefundDue(OnRecord, tag="refund_due"):
    """Money was taken that must go back."""


class Refunded(OnRecord, tag="refunded"):
    """The money has gone back."""


class Found(OnRecord, tag="found"):
    """The reservation as it is."""


class Published(Result, tag="published"):
    """The event's terms and pools are as asked for."""


class Counts(Result, tag="counts"):
    """The pools of an event's tickets, by ticket id."""

    now_ms: int
    tickets: list[TicketCounts]


class Swept(Result, tag="swept"):
    """How many holds were given back, and whether more may be due."""

    given_back: int
    more: bool


class Again(Result, tag="again"):
    """Holds that ran out are not all given back yet; the engine sends the command again."""


class BelowTaken(Result, tag="below_taken"):
    """The new capacity of the pool is less than what is taken of it."""

    pool: str
    capacity: int
    taken: int


class SaleClosed(Result, tag="sale_closed"):
    """The event is closed, cancelled, or past its sales window."""


class NotOnSaleYet(Result, tag="not_on_sale_yet"):
    """The event is a draft (`opens_ms` 0) or its sales window has not opened."""

    opens_ms: int


class UnknownPool(Result, tag="unknown_pool"):
    """No such event (`ticket_id` 0), or no such ticket in it."""

    ticket_id: int


class LimitExceeded(Result, tag="limit_exceeded"):
    """More places than one customer may have of the event, of which `taken` are taken."""

    limit: int
    taken: int


class SoldOut(Result, tag="sold_out"):
    """The ticket has fewer places left than asked for."""

    ticket_id: int
    available: int


class KeyReused(Result, tag="key_reused"):
    """The id was used for another request."""


class NotFound(Result, tag="not_found"):
    """No such reservation, or it ended longer ago than records are kept in Redis."""


class Expired(Result, tag="expired"):
    """The hold ran out."""


class AlreadyCancelled(Result, tag="already_cancelled"):
    """The reservation was cancelled."""


class PaymentInProgress(Result, tag="payment_in_progress"):
    """Another attempt is under way."""


class AlreadyPaid(Result, tag="already_paid"):
    """The reservation was paid."""


class NotHeld(Result, tag="not_held"):
    """The reservation was refunded, or a refund is due."""


class AmountMismatch(Result, tag="amount_mismatch"):
    """The amount is not the reservation's total."""

    total_minor: int


class UnknownAttempt(Result, tag="unknown_attempt"):
    """The reservation has no such payment attempt."""


class PaymentSettled(Result, tag="payment_settled"):
    """The attempt had the opposite outcome before."""


class NotPaid(Result, tag="not_paid"):
    """There is no money to give back; `state` is what the reservation or the attempt is instead."""

    state: str




AnyResult = (
    Held
    | Cancelled
    | Paying
    | Paid
    | PaymentFailed
    | RefundDue
    | Refunded
    | Found
    | Published
    | Counts
    | Swept
    | Again
    | BelowTaken
    | SaleClosed
    | NotOnSaleYet
    | UnknownPool
    | LimitExceeded
    | SoldOut
    | KeyReused
    | NotFound
    | Expired
    | AlreadyCancelled
    | PaymentInProgress
    | AlreadyPaid
    | NotHeld
    | AmountMismatch
    | UnknownAttempt
    | PaymentSettled
    | NotPaid
)
"""All that the library may answer."""
