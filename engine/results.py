"""Results of commands: one struct per word. A refusal is a value, never an exception.

The words are the tags here and the `reply` calls in `lua/`. Decoding refuses a word that is not listed: that is a bug.
"""

from collections.abc import Iterator
from typing import Any, Union

import msgspec

from engine.records import (
    Booking,
    CodeCounts,
    Eticket,
    NumberedEticket,
    OfferedTicket,
    PoolCounts,
    Record,
    SectionSeats,
    SlotCounts,
    TicketCounts,
    WaitingEntry,
)
from engine.words import CodeKind, QueuePhase, ScanResult


class Allowance(msgspec.Struct, gc=False, array_like=True, frozen=True):
    """The remaining allowance of a rate limit.

    `who` is limited, customer or address; `left` more requests may come at once. `reset_ms`: until as many as ever may,
    or until one may if none is left.
    """

    who: str
    left: int
    reset_ms: int


class Result(msgspec.Struct, gc=False, array_like=True, frozen=True, tag_field="word", kw_only=True):
    """The answer of a command.

    `allowances` comes last, for rate-limited commands; it is empty if nothing is limited.
    """

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


class Alike(Result, frozen=True, tag="alike"):
    """Held, as the command of that number in the same call is, from 1 (engine/alike.py). Never leaves the engine."""

    number: int


class Cancelled(OnRecord, frozen=True, tag="cancelled"):
    """The customer cancelled, and the places were given back."""


class Paying(OnRecord, frozen=True, tag="paying"):
    """The reservation is pinned for the attempt that was asked for."""


class Paid(OnRecord, frozen=True, tag="paid"):
    """The places are sold."""


class PaymentFailed(OnRecord, frozen=True, tag="payment_failed"):
    """The attempt failed; the record says why, and whether the hold stays valid."""


class RefundDue(OnRecord, frozen=True, tag="refund_due"):
    """Money was taken that must go back."""


class Refunded(OnRecord, frozen=True, tag="refunded"):
    """The money has gone back."""


class Disputed(OnRecord, frozen=True, tag="disputed"):
    """It is written down what the gateway has of the attempt's money, or what somebody decided about it."""


class Restocked(OnRecord, frozen=True, tag="restocked"):
    """The places that were refunded are for sale again."""


class Exchanging(OnRecord, frozen=True, tag="exchanging"):
    """The new places are pinned beside the old ones, for the attempt that was asked for."""


class Exchanged(OnRecord, frozen=True, tag="exchanged"):
    """The reservation has the places that were asked for."""


class Erased(OnRecord, frozen=True, tag="erased"):
    """The details about the customer are those that were asked for."""


class EventEnded(Result, frozen=True, tag="event_ended"):
    """The number of holds of a cancelled event that were given back, and a cursor; 0: that was all."""

    cursor: str
    given_back: int


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


class BookingErased(OnBooking, frozen=True, tag="booking_erased"):
    """The details about who comes are those that were asked for, and no phone number is kept."""


class BookingFound(OnBooking, frozen=True, tag="booking_found"):
    """The booking as it is."""


class SlotsCounted(Result, frozen=True, tag="slots_counted"):
    """The counters of slots, in the order in which they were asked for."""

    now_ms: int
    slots: list[SlotCounts]


class Purged(Result, frozen=True, tag="purged"):
    """The numbers of bookings and slots removed and of slots kept. `more`: there may be more to remove."""

    bookings: int
    slots: int
    kept: int
    more: bool


class SlotFull(Result, frozen=True, tag="slot_full"):
    """All places of the slot are taken."""

    capacity: int


class SlotPast(Result, frozen=True, tag="slot_past"):
    """The slot has begun."""


class SlotNotScheduled(Result, frozen=True, tag="slot_not_scheduled"):
    """The event's schedule has no such slot, by its local date and time."""

    slot: str


class BookingChanged(Result, frozen=True, tag="booking_changed"):
    """The booking is in another state than the one that the change was made from."""


class NoQueue(Result, frozen=True, tag="no_queue"):
    """The event has no waiting room."""


class QueueState(Result, frozen=True, tag="queue"):
    """A waiting room at one instant.

    `cohort` is -1, and `secret`, `digest` and `seed` are empty, before the draw. `reason` is a `QueueEnd` once it is
    over, else empty. `idle` customers of those inside hold and have bought nothing with their pass. `per_minute` may be
    let in; `no_show` is the share of absentees, in thousandths. `max_inside` 0: no limit. `position` is as in Counts.
    """

    now_ms: int
    phase: QueuePhase
    reason: str
    joined: int
    cohort: int
    serving: int
    inside: int
    idle: int
    commitment: str
    secret: str
    digest: str
    seed: str
    per_minute: int
    max_inside: int
    message: str
    next_return_ms: int
    no_show: int
    position: str


class Placed(Result, frozen=True, tag="placed"):
    """A customer's place in a waiting room; `now_ms` and `replayed` as in OnRecord.

    `position` and `ahead` are -1 before the draw; `until_ms` is the end of the pass, 0 without one. Its turn comes in
    `wait_ms` in one case of two, in `longest_ms` in nine of ten.
    """

    now_ms: int
    replayed: bool
    index: int
    position: int
    ahead: int
    until_ms: int
    wait_ms: int
    longest_ms: int


class Left(Result, frozen=True, tag="left"):
    """The customer has no place in the waiting room."""


class QueueClosed(Result, frozen=True, tag="queue_closed"):
    """The waiting room does not open yet (an empty reason), or is over: a `QueueEnd`."""

    reason: str


class QueueRequired(Result, frozen=True, tag="queue_required"):
    """The event has a waiting room, in which the customer has no place."""


class NotYourTurn(Result, frozen=True, tag="not_your_turn"):
    """So many customers are before this one, or it has not entered. -1: the order is not drawn yet."""

    ahead: int


class PassExpired(Result, frozen=True, tag="pass_expired"):
    """The customer's pass has ended; it may enter again."""


class InsideFull(Result, frozen=True, tag="inside_full"):
    """It is the customer's turn, but nobody can be let in at the moment."""


class OnWaiting(Result, frozen=True):
    """An answer about an entry of a waiting list; `now_ms` and `replayed` as in OnRecord.

    `position` is its place in the line of its ticket, from 1; 0 of an entry that does not wait.
    """

    now_ms: int
    replayed: bool
    entry: WaitingEntry
    position: int


class Waiting(OnWaiting, frozen=True, tag="waiting"):
    """The customer has a place in the line. Of a repeat, it may have been offered places, or have ended, since."""


class WaitingFound(OnWaiting, frozen=True, tag="waiting_found"):
    """The entry as it is."""


class WaitingDeclined(OnWaiting, frozen=True, tag="waiting_declined"):
    """The place in line is given up, or had come to its end before."""


class WaitingErased(OnWaiting, frozen=True, tag="waiting_erased"):
    """The details about the customer are those that were asked for."""


class WaitingTended(Result, frozen=True, tag="waiting_tended"):
    """The number of entries that wait for places of the event. `more`: there is more to do."""

    waiting: int
    more: bool


class NoWaitingList(Result, frozen=True, tag="no_waiting_list"):
    """The event, or a ticket of slots, has no waiting list."""


class WaitingEnded(Result, frozen=True, tag="waiting_ended"):
    """The waiting list has ended."""


class PlacesLeft(Result, frozen=True, tag="places_left"):
    """The ticket has places enough, which can be held: nobody needs to wait for them."""

    ticket_id: int
    available: int


class BookingExpired(Result, frozen=True, tag="booking_expired"):
    """The booking's slot is so long past that it cannot be changed any more."""


class Published(Result, frozen=True, tag="published"):
    """The event's terms and pools are as asked for."""


class Counts(Result, frozen=True, tag="counts"):
    """The pools of an event's tickets, by ticket id.

    `next_return_ms`: the earliest deadline of a live hold of the event while some ticket has nothing available and
    something held; 0 otherwise, or if it is not among the first thousand deadlines of the partition.
    `position`: the last entry of the partition's outbox before the batch; while it stays, no counts there change.
    `exact`: the batch had changed nothing before it counted, so these are the only counts with that position.
    """

    now_ms: int
    tickets: list[TicketCounts]
    next_return_ms: int = 0
    position: str = ""
    exact: bool = False


class Swept(Result, frozen=True, tag="swept"):
    """The number of holds given back. `more`: more may be due."""

    given_back: int
    more: bool


class Again(Result, frozen=True, tag="again"):
    """Holds that expired are not all given back yet; the engine sends the command again."""


class MemoryFull(Result, frozen=True, tag="out_of_memory"):
    """Redis is too full to take anything. Never leaves the engine, which raises OutOfMemory."""


class BelowTaken(Result, frozen=True, tag="below_taken"):
    """The new capacity of the pool is less than the places taken."""

    pool: str
    capacity: int
    taken: int


class SaleClosed(Result, frozen=True, tag="sale_closed"):
    """The event is closed, cancelled, or past its sales window."""


class SalePaused(Result, frozen=True, tag="sale_paused"):
    """The sale is interrupted by its manager, and will go on."""


class PriceChanged(Result, frozen=True, tag="price_changed"):
    """The places cost another total than the one that was expected."""

    total_minor: int
    currency: str


class NotOnSaleYet(Result, frozen=True, tag="not_on_sale_yet"):
    """The event is a draft (`opens_ms` 0) or its sales window has not opened."""

    opens_ms: int


class UnknownPool(Result, frozen=True, tag="unknown_pool"):
    """No such event (`ticket_id` 0), or no such ticket in it."""

    ticket_id: int


class CodeUnknown(Result, frozen=True, tag="code_unknown"):
    """No such code, or it is not valid now, or another customer's: nobody is told which."""


class CodeUsedUp(Result, frozen=True, tag="code_used_up"):
    """The code has no use, too little budget, or too few places left."""


class CodeNotApplicable(Result, frozen=True, tag="code_not_applicable"):
    """The code is for none of the tickets (`most` 0), or for fewer places at once: `most`."""

    most: int


class CodesPut(Result, frozen=True, tag="codes_put"):
    """The codes have the terms that were asked for. `places`: set aside or taken of the last of them."""

    now_ms: int
    places: int


class CodesCounted(Result, frozen=True, tag="codes_counted"):
    """The counters of codes, in the order in which they were asked for."""

    now_ms: int
    codes: list[CodeCounts]


class CodeFound(Result, frozen=True, tag="code_found"):
    """The tickets that a code opens to a customer.

    `opens_ms` 0: the sale is open as far as that goes; the others 0: no limit.
    """

    now_ms: int
    kind: CodeKind
    opens_ms: int
    until_ms: int
    max_places: int
    tickets: list[OfferedTicket]


class InUse(Result, frozen=True, tag="in_use"):
    """Places of it are taken, or were. `currency`: in which, where another one was asked for; else empty."""

    currency: str = ""


class BelowMinimum(Result, frozen=True, tag="below_minimum"):
    """Fewer places of the ticket than it is sold in."""

    ticket_id: int
    minimum: int


class OnlyFewer(Result, frozen=True, tag="only_fewer"):
    """The reservation is an offer of a waiting list: it may be given fewer of its places, and no others."""


class LimitExceeded(Result, frozen=True, tag="limit_exceeded"):
    """More places than one customer may have of the event, of which `taken` are taken."""

    limit: int
    taken: int


class RateLimited(Result, frozen=True, tag="rate_limited"):
    """Too fast, or a cool-down: to be asked again in `retry_ms`. `who`: address, customer, expiries or payments."""

    who: str
    retry_ms: int


class TooManyHolds(Result, frozen=True, tag="too_many_holds"):
    """So many holds of the customer live at the event already."""

    limit: int


class HeldUnbought(Result, frozen=True, tag="held_unbought"):
    """Too many places, after what was held and not bought.

    `who` (customer, address, or nobody: all carts without a customer) may hold `most` places at once, each time for
    `hold_ms`, and holds `taken`. In `retry_ms` those have run out; 0: it holds none, but asks for more than `most`.
    """

    who: str
    most: int
    taken: int
    hold_ms: int
    retry_ms: int


class TooManyAttempts(Result, frozen=True, tag="too_many_attempts"):
    """So many payment attempts of the reservation have failed; it cannot be paid any more."""

    limit: int


class SoldOut(Result, frozen=True, tag="sold_out"):
    """The ticket has fewer places left than asked for, or not together.

    `largest_block` is the largest number of seats side by side that was available; 0 where seats are not assigned.
    `next_return_ms` is the earliest deadline of a live hold of the event, where nothing is left and something is held;
    otherwise 0.
    """

    ticket_id: int
    available: int
    largest_block: int
    next_return_ms: int = 0


class SeatTaken(Result, frozen=True, tag="seat_taken"):
    """Some of the seats that were named are not available: these."""

    seats: list[SectionSeats]


class SeatMap(Result, frozen=True, tag="seat_map"):
    """The state of every seat of a section: one character per seat, rows divided by line breaks (engine/seats.py).

    `position` and `exact` are as in Counts.
    """

    now_ms: int
    text: str
    position: str = ""
    exact: bool = False


class SectionsCounted(Result, frozen=True, tag="sections_counted"):
    """The counters of the sections of an event. `position` and `exact` are as in Counts."""

    now_ms: int
    sections: list[PoolCounts]
    position: str = ""
    exact: bool = False


class KeyReused(Result, frozen=True, tag="key_reused"):
    """The id was used for another request."""


class NotFound(Result, frozen=True, tag="not_found"):
    """No such reservation or booking, or it ended longer ago than records are kept in Redis."""


class Expired(Result, frozen=True, tag="expired"):
    """The hold expired."""


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
    currency: str


class UnknownAttempt(Result, frozen=True, tag="unknown_attempt"):
    """The reservation has no such payment attempt."""


class PaymentSettled(Result, frozen=True, tag="payment_settled"):
    """The attempt had the opposite outcome before."""


class NotPaid(Result, frozen=True, tag="not_paid"):
    """There is no money to refund; `state` is the state of the reservation or the attempt."""

    state: str


class CheckedIn(Result, frozen=True, tag="checked_in"):
    """The answer to a scan. `number`: -1: of no e-ticket of the event; `eticket` has one value else.

    `other_gate` and `other_ms`: the entry that this one doubles, if it does.
    """

    now_ms: int
    replayed: bool
    result: ScanResult
    number: int
    issue: int
    eticket: list[Eticket]
    other_gate: str
    other_ms: int


class EticketsListed(Result, frozen=True, tag="etickets_listed"):
    """The e-tickets of a reservation."""

    now_ms: int
    etickets: list[NumberedEticket]


class EticketFound(Result, frozen=True, tag="eticket_found"):
    """One e-ticket, by its number."""

    now_ms: int
    number: int
    eticket: Eticket


def _results_of(kind: type[Result]) -> Iterator[type[Result]]:
    """The results among a class of results: those that are no class of others."""
    children = kind.__subclasses__()
    if not children:
        yield kind
    for child in children:
        yield from _results_of(child)


ANY_RESULT: Any = Union[tuple(_results_of(Result))]  # noqa: UP007  # made from a tuple
"""All that the library may answer, as a type to decode."""
