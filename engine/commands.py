"""What can be asked of the engine: one struct per command, each with its file in `lua/`.

Every command is safe to send again: the ids in it make a repeat answer as the first time.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from engine import results as r
from engine.records import PoolCapacity, Record, SectionMap, SectionSeats, Terms

R = TypeVar("R", bound=r.Result, covariant=True)


class Command(msgspec.Struct, Generic[R], gc=False, array_like=True, frozen=True, tag_field="word"):
    """One request to the engine, answered by an `R`."""


class OnReservation(Command[R], Generic[R], frozen=True):
    """A command on one reservation, which its id names together with its event."""

    reservation_id: str


class OnEvent(Command[R], Generic[R], frozen=True):
    """A command on an event that it names."""

    event_id: int


class OnBooking(OnEvent[R], Generic[R], frozen=True):
    """A command on one booking of an event. Its id is a UUID (engine/slots.py)."""

    booking_id: str


HoldResult = (
    r.Held
    | r.KeyReused
    | r.UnknownPool
    | r.SaleClosed
    | r.NotOnSaleYet
    | r.SlotPast
    | r.LimitExceeded
    | r.RateLimited
    | r.TooManyHolds
    | r.SoldOut
    | r.SeatTaken
)
AddResult = (
    r.Held
    | r.Expired
    | r.PaymentInProgress
    | r.AlreadyPaid
    | r.AlreadyCancelled
    | r.NotHeld
    | r.UnknownPool
    | r.SaleClosed
    | r.NotOnSaleYet
    | r.SlotPast
    | r.LimitExceeded
    | r.RateLimited
    | r.TooManyHolds
    | r.SoldOut
    | r.SeatTaken
)
RemoveResult = r.Held | r.NotFound | r.Expired | r.PaymentInProgress | r.AlreadyPaid | r.AlreadyCancelled | r.NotHeld
CancelResult = r.Cancelled | r.NotFound | r.Expired | r.PaymentInProgress | r.AlreadyPaid | r.NotHeld
BeginPaymentResult = (
    r.Paying
    | r.Paid
    | r.PaymentFailed
    | r.RefundDue
    | r.NotFound
    | r.KeyReused
    | r.Expired
    | r.AlreadyCancelled
    | r.NotHeld
    | r.AmountMismatch
    | r.PaymentInProgress
)
ConfirmPaymentResult = r.Paid | r.RefundDue | r.NotFound | r.UnknownAttempt
FailPaymentResult = r.PaymentFailed | r.NotFound | r.UnknownAttempt | r.PaymentSettled
RefundResult = r.RefundDue | r.Refunded | r.NotFound | r.NotPaid
SettleRefundResult = r.Refunded | r.NotFound | r.UnknownAttempt | r.NotPaid
BookResult = (
    r.Booked | r.RateLimited | r.KeyReused | r.UnknownPool | r.SaleClosed | r.NotOnSaleYet | r.SlotPast | r.SlotFull
)
MoveResult = (
    r.Moved | r.RateLimited | r.NotFound | r.BookingExpired | r.SaleClosed | r.NotOnSaleYet | r.SlotPast | r.SlotFull
)
UnbookResult = r.Unbooked | r.NotFound | r.BookingExpired


class PutEvent(OnEvent[r.Published | r.BelowTaken], frozen=True, tag="put_event"):
    """Publishes an event's terms of sale and its pools, also under live sales."""

    terms: Terms
    pools: list[PoolCapacity]
    sections: list[SectionMap] = []


class Places(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: places that are all alike."""

    ticket_id: int
    quantity: int


class NamedSeats(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: these seats of one section. `quantity` is how many they are."""

    ticket_id: int
    quantity: int
    pool: str
    seats: list[int]


class BestSeats(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: the best seats to be had; `together`: all in one row side by side, or none."""

    ticket_id: int
    quantity: int
    together: bool


class TimedPlaces(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: places of a slot, by its start in ms since 1970."""

    ticket_id: int
    quantity: int
    start_ms: int


Item = Places | NamedSeats | BestSeats | TimedPlaces
"""What a hold asks for."""


def items_text(items: Sequence[tuple[int, int] | Item]) -> str:
    """What a hold asks for, as the library takes it: by equal texts it knows holds that ask for the same."""
    return msgspec.json.encode(items).decode()


class Hold(OnReservation[HoldResult], frozen=True, tag="hold"):
    """Takes places for a while.

    `digest` tells a repeat from another request; `items` is made by `items_text`; `address`
    is where it comes from, empty where that is not limited.
    """

    event_id: int
    customer_id: str
    details: str
    digest: str
    items: str
    hold_ms: int = 0
    address: str = ""


class Add(OnReservation[AddResult], frozen=True, tag="add"):
    """Takes more places into a live hold, or makes the hold.

    Of places that are all alike the reservation then has `quantity`, however many it had. `hold_ms` is for how long at
    most; 0: for as long as the event says. A live hold keeps its deadline.
    """

    event_id: int
    customer_id: str
    details: str
    item: tuple[int, int] | Item
    hold_ms: int = 0
    address: str = ""


class Remove(OnReservation[RemoveResult], frozen=True, tag="remove"):
    """Gives some seats of a live hold back."""

    pool: str
    seats: list[int]


class Cancel(OnReservation[CancelResult], frozen=True, tag="cancel"):
    """Gives a hold's places back before its deadline."""


class BeginPayment(OnReservation[BeginPaymentResult], frozen=True, tag="begin_payment"):
    """Pins a hold for one payment attempt. `attempt_id` is the gateway's idempotency key."""

    attempt_id: str
    amount_minor: int
    digest: str


class ConfirmPayment(OnReservation[ConfirmPaymentResult], frozen=True, tag="confirm_payment"):
    """Tells that the gateway has taken the attempt's money."""

    attempt_id: str


class FailPayment(OnReservation[FailPaymentResult], frozen=True, tag="fail_payment"):
    """Tells that the gateway will never take the attempt's money. `give_back`: the hold ends with it, in one step."""

    attempt_id: str
    reason: str
    give_back: bool = False


class Refund(OnReservation[RefundResult], frozen=True, tag="refund"):
    """Ends a paid reservation and owes its money.

    `restock`: its places are for sale again. `archived`: the record as Postgres has it, for a reservation that
    Redis no longer keeps.
    """

    restock: bool
    archived: Record | None = None


class SettleRefund(OnReservation[SettleRefundResult], frozen=True, tag="settle_refund"):
    """Tells that the gateway has given the attempt's money back."""

    attempt_id: str


class BlockSeats(OnEvent[r.Published | r.SeatTaken | r.UnknownPool], frozen=True, tag="block_seats"):
    """Takes seats off sale, or puts them back on; all of them or none."""

    sections: list[SectionSeats]
    blocked: bool


class ReadSeatMap(OnEvent[r.SeatMap | r.UnknownPool], frozen=True, tag="seat_map"):
    """Reads the state of every seat of a section."""

    pool: str


class Find(OnReservation[r.Found | r.NotFound], frozen=True, tag="find"):
    """Reads a reservation as it is at this instant."""


class Count(OnEvent[r.Counts | r.UnknownPool], frozen=True, tag="count"):
    """Reads the counters of an event's tickets; zero of those that are taken from slots."""


class Sweep(Command[r.Swept], frozen=True, tag="sweep"):
    """Gives back a slice of what is due in a partition."""


class Book(OnBooking[BookResult], frozen=True, tag="book"):
    """Takes a place of a slot at once, without payment. `digest` tells a repeat from another request.

    `customer_id` and `address` are who asks and from where; empty where that is not known, or not limited.
    """

    start_ms: int
    details: str
    digest: str
    customer_id: str = ""
    address: str = ""


class Move(OnBooking[MoveResult], frozen=True, tag="move"):
    """Changes a booking in one step: to another slot (`start_ms` 0: stays), to other details (empty: stay), or both.

    `customer_id` and `address` as of Book.
    """

    start_ms: int = 0
    details: str = ""
    customer_id: str = ""
    address: str = ""


class Unbook(OnBooking[UnbookResult], frozen=True, tag="unbook"):
    """Deletes a booking. `request_id` tells the repeat of a request, which has the same answer, from another one."""

    request_id: str


class FindBooking(OnBooking[r.BookingFound | r.NotFound], frozen=True, tag="find_booking"):
    """Reads a booking as it is at this instant."""


class CountSlots(OnEvent[r.SlotsCounted | r.UnknownPool], frozen=True, tag="count_slots"):
    """Reads the counters of slots, by their starts."""

    starts_ms: list[int]


class PurgeSlots(Command[r.Purged], frozen=True, tag="purge_slots"):
    """Removes a slice of what is long past in a partition; `skip`: passes over slots that were kept before."""

    skip: int = 0
