"""What commands answer: one struct per word. A refusal is a value, never an exception.

The words are the tags here and the `reply` calls in `lua/`. Decoding refuses a word that is not listed: that is a bug.
"""

import msgspec

from engine.records import Booking, Record, SectionSeats, SlotCounts, TicketCounts


class Allowance(msgspec.Struct, gc=False, array_like=True, frozen=True):
    """What a limit on speed leaves whoever asked.

    `who` is limited, customer or address; `left` more requests may come at once. `reset_ms`: until as many as ever may,
    or until one may if none is left.
    """

    who: str
    left: int
    reset_ms: int


class Result(msgspec.Struct, gc=False, array_like=True, frozen=True, tag_field="word", kw_only=True):
    """What a command answered. `allowances`: of one that is limited, comes last, and is none where nothing is."""

    allowances: tuple[Allowance, ...] = ()


class OnRecord(Result, frozen=True):
    """An answer about a reservation that there is.

    `now_ms` is the instant of the answer by the clock of Redis, `replayed` says that an earlier request had the effect.
    """

    now_ms: int
    replayed: bool
    record: Record


class Held(OnRecord, frozen=True, tag="held"):
    """The places are taken until the record's deadline."""


class Cancelled(OnRecord, frozen=True, tag="cancelled"):
    """The places were given back at the customer's wish."""


class Paying(OnRecord, frozen=True, tag="paying"):
    """The reservation is pinned for the attempt that was asked for."""


class Paid(OnRecord, frozen=True, tag="paid"):
    """The places are sold."""


class PaymentFailed(OnRecord, frozen=True, tag="payment_failed"):
    """The attempt failed; the record says why, and whether the hold lives on."""


class RefundDue(OnRecord, frozen=True, tag="refund_due"):
    """Money was taken that must go back."""


class Refunded(OnRecord, frozen=True, tag="refunded"):
    """The money has gone back."""


class Found(OnRecord, frozen=True, tag="found"):
    """The reservation as it is."""


class OnBooking(Result, frozen=True):
    """An answer about a booking that there is; `now_ms` and `replayed` as in OnRecord."""

    now_ms: int
    replayed: bool
    booking: Booking


class Booked(OnBooking, frozen=True, tag="booked"):
    """A place of the slot is taken. Of a repeat, the booking may have been changed or deleted since."""


class Moved(OnBooking, frozen=True, tag="moved"):
    """The booking is at the slot, and has the details, that were asked for."""


class Unbooked(OnBooking, frozen=True, tag="unbooked"):
    """The booking is deleted and its place free."""


class BookingFound(OnBooking, frozen=True, tag="booking_found"):
    """The booking as it is."""


class SlotsCounted(Result, frozen=True, tag="slots_counted"):
    """The counters of slots, in the order in which they were asked for."""

    now_ms: int
    slots: list[SlotCounts]


class Purged(Result, frozen=True, tag="purged"):
    """How many bookings and slots were removed, how many slots were kept, and whether there may be more."""

    bookings: int
    slots: int
    kept: int
    more: bool


class SlotFull(Result, frozen=True, tag="slot_full"):
    """All places of the slot, so many, are taken."""

    capacity: int


class SlotPast(Result, frozen=True, tag="slot_past"):
    """The slot has begun."""


class BookingExpired(Result, frozen=True, tag="booking_expired"):
    """The booking's slot is so long past that it cannot be changed any more."""


class Published(Result, frozen=True, tag="published"):
    """The event's terms and pools are as asked for."""


class Counts(Result, frozen=True, tag="counts"):
    """The pools of an event's tickets, by ticket id."""

    now_ms: int
    tickets: list[TicketCounts]


class Swept(Result, frozen=True, tag="swept"):
    """How many holds were given back, and whether more may be due."""

    given_back: int
    more: bool


class Again(Result, frozen=True, tag="again"):
    """Holds that ran out are not all given back yet; the engine sends the command again."""


class BelowTaken(Result, frozen=True, tag="below_taken"):
    """The new capacity of the pool is less than what is taken of it."""

    pool: str
    capacity: int
    taken: int


class SaleClosed(Result, frozen=True, tag="sale_closed"):
    """The event is closed, cancelled, or past its sales window."""


class NotOnSaleYet(Result, frozen=True, tag="not_on_sale_yet"):
    """The event is a draft (`opens_ms` 0) or its sales window has not opened."""

    opens_ms: int


class UnknownPool(Result, frozen=True, tag="unknown_pool"):
    """No such event (`ticket_id` 0), or no such ticket in it."""

    ticket_id: int


class LimitExceeded(Result, frozen=True, tag="limit_exceeded"):
    """More places than one customer may have of the event, of which `taken` are taken."""

    limit: int
    taken: int


class RateLimited(Result, frozen=True, tag="rate_limited"):
    """Too fast, or a cool-down: to be asked again in `retry_ms`. `who`: address, customer or expiries."""

    who: str
    retry_ms: int


class TooManyHolds(Result, frozen=True, tag="too_many_holds"):
    """So many holds of the customer live at the event already."""

    limit: int


class SoldOut(Result, frozen=True, tag="sold_out"):
    """The ticket has fewer places left than asked for, or not together.

    `largest_block` is the largest number of seats side by side that was to be had; 0 where seats are not assigned.
    """

    ticket_id: int
    available: int
    largest_block: int


class SeatTaken(Result, frozen=True, tag="seat_taken"):
    """Some of the seats that were named are not available: these."""

    seats: list[SectionSeats]


class SeatMap(Result, frozen=True, tag="seat_map"):
    """The state of every seat of a section: one character per seat, rows divided by line breaks (engine/seats.py)."""

    now_ms: int
    text: str


class KeyReused(Result, frozen=True, tag="key_reused"):
    """The id was used for another request."""


class NotFound(Result, frozen=True, tag="not_found"):
    """No such reservation or booking, or it ended longer ago than records are kept in Redis."""


class Expired(Result, frozen=True, tag="expired"):
    """The hold ran out."""


class AlreadyCancelled(Result, frozen=True, tag="already_cancelled"):
    """The reservation was cancelled."""


class PaymentInProgress(Result, frozen=True, tag="payment_in_progress"):
    """Another attempt is under way."""


class AlreadyPaid(Result, frozen=True, tag="already_paid"):
    """The reservation was paid."""


class NotHeld(Result, frozen=True, tag="not_held"):
    """The reservation was refunded, or a refund is due."""


class AmountMismatch(Result, frozen=True, tag="amount_mismatch"):
    """The amount is not the reservation's total."""

    total_minor: int


class UnknownAttempt(Result, frozen=True, tag="unknown_attempt"):
    """The reservation has no such payment attempt."""


class PaymentSettled(Result, frozen=True, tag="payment_settled"):
    """The attempt had the opposite outcome before."""


class NotPaid(Result, frozen=True, tag="not_paid"):
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
    | RateLimited
    | TooManyHolds
    | SoldOut
    | SeatTaken
    | SeatMap
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
    | Booked
    | Moved
    | Unbooked
    | BookingFound
    | SlotsCounted
    | Purged
    | SlotFull
    | SlotPast
    | BookingExpired
)
"""All that the library may answer."""
