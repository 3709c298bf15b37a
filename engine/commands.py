"""Commands of the engine: one struct per command, each with its file in `lua/`.

Every command is safe to send again: the ids in it make a repeat answer as the first time.
"""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

import msgspec

from engine import results as r
from engine.records import CodeTerms, PoolCapacity, Record, SectionMap, SectionSeats, Terms

R = TypeVar("R", bound=r.Result, covariant=True)


class Command(msgspec.Struct, Generic[R], gc=False, array_like=True, frozen=True, tag_field="word"):
    """One request to the engine, answered by an `R`.

    `reads`: it changes nothing. `takes`: it takes places, so it waits behind what settles those that are taken, and is
    refused first.
    """

    reads: ClassVar[bool] = False
    takes: ClassVar[bool] = False


class OnReservation(Command[R], Generic[R], frozen=True):
    """A command on one reservation, which its id names together with its event."""

    reservation_id: str


class OnEvent(Command[R], Generic[R], frozen=True):
    """A command on an event that it names."""

    event_id: int


class OnBooking(OnEvent[R], Generic[R], frozen=True):
    """A command on one booking of an event. Its id is a UUID (engine/slots.py)."""

    booking_id: str


_NotTaken = (
    r.UnknownPool
    | r.SaleClosed
    | r.SalePaused
    | r.NotOnSaleYet
    | r.SlotNotScheduled
    | r.SlotPast
    | r.BelowMinimum
    | r.QueueRequired
    | r.NotYourTurn
    | r.PassExpired
    | r.LimitExceeded
    | r.RateLimited
    | r.TooManyHolds
    | r.HeldUnbought
    | r.SoldOut
    | r.SeatTaken
)
"""The refusals of places, whoever asks for them."""

_CodeRefused = r.CodeUnknown | r.CodeUsedUp | r.CodeNotApplicable
"""The refusals of a code that is named."""

_NotChanged = r.Expired | r.PaymentInProgress | r.AlreadyPaid | r.AlreadyCancelled | r.NotHeld
"""The refusals of a change to a reservation that is not held."""

HoldResult = r.Held | r.KeyReused | r.PriceChanged | _NotTaken | _CodeRefused
AddRefusal = r.PriceChanged | _NotTaken | _NotChanged | _CodeRefused
AddResult = r.Held | AddRefusal
ReplaceResult = r.Held | r.NotFound | _NotTaken | _NotChanged | r.CodeUsedUp | r.CodeNotApplicable | r.OnlyFewer
RemoveRefusal = r.NotFound | _NotChanged
RemoveResult = r.Held | r.Cancelled | RemoveRefusal
ShortenResult = r.Held | RemoveRefusal
ClaimRefusal = r.Expired | r.AlreadyPaid | r.NotHeld | r.LimitExceeded | r.HeldUnbought
ClaimResult = r.Held | r.NotFound | r.AlreadyCancelled | ClaimRefusal
CancelResult = r.Cancelled | r.NotFound | r.Expired | r.PaymentInProgress | r.AlreadyPaid | r.NotHeld
BeginPaymentResult = (
    r.Paying
    | r.Paid
    | r.PaymentFailed
    | r.RefundDue
    | r.NotFound
    | r.KeyReused
    | r.SaleClosed
    | r.Expired
    | r.AlreadyCancelled
    | r.NotHeld
    | r.AmountMismatch
    | r.PaymentInProgress
    | r.TooManyAttempts
    | r.RateLimited
)
ConfirmPaymentResult = r.Paid | r.RefundDue | r.NotFound | r.UnknownAttempt
FailPaymentResult = r.PaymentFailed | r.NotFound | r.UnknownAttempt | r.PaymentSettled
DisputeResult = r.Disputed | r.NotFound | r.UnknownAttempt | r.PaymentSettled
RefundResult = r.RefundDue | r.Refunded | r.NotFound | r.NotPaid | r.PaymentInProgress
RefundSomeResult = RefundResult | r.NotHeld | r.AmountMismatch
ExchangeRefusal = (
    r.NotFound
    | r.KeyReused
    | r.NotPaid
    | r.PaymentInProgress
    | r.BookingExpired
    | r.CodeNotApplicable
    | r.CodeUsedUp
    | r.UnknownPool
    | r.SaleClosed
    | r.SalePaused
    | r.NotOnSaleYet
    | r.SlotNotScheduled
    | r.SlotPast
    | r.BelowMinimum
    | r.SoldOut
    | r.SeatTaken
    | r.PriceChanged
    | r.LimitExceeded
    | r.AmountMismatch
    | r.TooManyAttempts
)
ExchangeResult = r.Exchanging | r.Exchanged | r.PaymentFailed | r.RefundDue | ExchangeRefusal
RestockResult = r.Restocked | r.NotFound | r.NotPaid
SettleRefundResult = r.Refunded | r.NotFound | r.UnknownAttempt | r.NotPaid
BookResult = (
    r.Booked
    | r.RateLimited
    | r.KeyReused
    | r.UnknownPool
    | r.SaleClosed
    | r.SalePaused
    | r.NotOnSaleYet
    | r.SlotNotScheduled
    | r.SlotPast
    | r.QueueRequired
    | r.NotYourTurn
    | r.PassExpired
    | r.LimitExceeded
    | r.SlotFull
)
MoveResult = (
    r.Moved
    | r.RateLimited
    | r.NotFound
    | r.BookingExpired
    | r.SaleClosed
    | r.BookingChanged
    | r.SalePaused
    | r.NotOnSaleYet
    | r.SlotNotScheduled
    | r.SlotPast
    | r.QueueRequired
    | r.NotYourTurn
    | r.PassExpired
    | r.LimitExceeded
    | r.SlotFull
)
UnbookResult = r.Unbooked | r.NotFound | r.BookingExpired | r.BookingChanged
NoRoom = r.UnknownPool | r.NoQueue
QueueResult = r.QueueState | NoRoom
PutCodesRefusal = r.UnknownPool | r.InUse | r.BelowTaken | r.SoldOut
PutCodesResult = r.CodesPut | PutCodesRefusal
FindCodeResult = r.CodeFound | r.UnknownPool | r.CodeUnknown | r.CodeUsedUp
JoinResult = r.Placed | r.RateLimited | NoRoom | r.QueueClosed
EnterResult = r.Placed | r.RateLimited | NoRoom | r.NotFound | r.QueueClosed | r.NotYourTurn | r.InsideFull
PlaceResult = r.Placed | NoRoom | r.NotFound
WaitResult = (
    r.Waiting
    | r.RateLimited
    | r.KeyReused
    | r.UnknownPool
    | r.NoWaitingList
    | r.SaleClosed
    | r.WaitingEnded
    | r.NotOnSaleYet
    | r.LimitExceeded
    | r.PlacesLeft
)
DeclineResult = r.WaitingDeclined | r.NotFound | r.PaymentInProgress | r.AlreadyPaid
TransferResult = r.EticketFound | r.NotFound | r.NotHeld | r.InUse


class PutEvent(OnEvent[r.Published | r.BelowTaken | r.InUse], frozen=True, tag="put_event"):
    """Publishes an event's terms of sale and its pools, also under live sales.

    `keeps_slots`: slots with more places taken than the schedule has keep those, instead of a refusal.
    """

    terms: Terms
    pools: list[PoolCapacity]
    sections: list[SectionMap] = []
    keeps_slots: bool = False


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
    """An item of a hold: the best available seats; `together`: all in one row side by side, or none."""

    ticket_id: int
    quantity: int
    together: bool


class TimedPlaces(msgspec.Struct, array_like=True, frozen=True):
    """An item of a hold: places of a slot, by its local date and time, and by its start in ms since 1970."""

    ticket_id: int
    quantity: int
    slot: str
    start_ms: int


Item = Places | NamedSeats | BestSeats | TimedPlaces
"""One line of a hold."""


ANY_TOTAL = -1
"""Whatever the places cost now."""


def items_text(items: Sequence[tuple[int, int] | Item]) -> str:
    """The items of a hold as text for the library.

    Equal texts mark holds that ask for the same.
    """
    return msgspec.json.encode(items).decode()


class Hold(OnReservation[HoldResult], frozen=True, tag="hold"):
    """Takes places for a while.

    `digest` tells a repeat from another request; `items` is made by `items_text`; `address`
    is where it comes from, empty where that is not limited. `expected_minor`: the total that was shown. `code`: under
    whose terms; empty: none. `over_limit`: `max_per_customer` does not count. `from_blocked`: seats that are named
    may be blocked.
    """

    takes = True
    event_id: int
    customer_id: str
    details: str
    digest: str
    items: str
    hold_ms: int = 0
    address: str = ""
    expected_minor: int = ANY_TOTAL
    code: str = ""
    over_limit: bool = False
    from_blocked: bool = False


class Add(OnReservation[AddResult], frozen=True, tag="add"):
    """Takes more places into a live hold, or makes the hold.

    Of places that are all alike the reservation then has `quantity`, however many it had. `hold_ms` is for how long at
    most; 0: for as long as the event says. A live hold keeps its deadline. `expected_minor`: the total of the item.
    `code`: of what is taken now; a reservation names one. `until_ms`: the instant at which a new hold ends, if not
    earlier; 0: none. Expired if that has passed.
    """

    takes = True
    event_id: int
    customer_id: str
    details: str
    item: tuple[int, int] | Item
    hold_ms: int = 0
    address: str = ""
    expected_minor: int = ANY_TOTAL
    code: str = ""
    until_ms: int = 0


class Replace(OnReservation[ReplaceResult], frozen=True, tag="replace"):
    """Gives a live hold of the customer other places of its event, all or none.

    `items`: see items_text. `archived`: as of Refund. The hold keeps its deadline, and the price of each place that
    stays.
    """

    takes = True
    event_id: int
    customer_id: str
    items: str
    address: str = ""
    archived: Record | None = None


class Remove(OnReservation[RemoveResult], frozen=True, tag="remove"):
    """Gives some seats of a live hold back; with the last place the hold ends as cancelled."""

    pool: str
    seats: list[int]


class RemovePlaces(OnReservation[RemoveResult], frozen=True, tag="remove_places"):
    """Gives the places without seats of a ticket back; with the last place the hold ends as cancelled."""

    ticket_id: int


class Shorten(OnReservation[ShortenResult], frozen=True, tag="shorten"):
    """Moves the deadline of a live hold earlier. `deadline_ms` is an instant that Redis has answered."""

    deadline_ms: int


class Claim(OnReservation[ClaimResult], frozen=True, tag="claim"):
    """Gives a live hold to another customer, for whom its places count from then on."""

    customer_id: str


class Cancel(OnReservation[CancelResult], frozen=True, tag="cancel"):
    """Gives a hold's places back before its deadline. `archived`: as of Refund."""

    archived: Record | None = None


class BeginPayment(OnReservation[BeginPaymentResult], frozen=True, tag="begin_payment"):
    """Pins a hold for one payment attempt. `attempt_id` is the gateway's idempotency key; `archived`: as of Refund."""

    attempt_id: str
    amount_minor: int
    digest: str
    archived: Record | None = None


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


class RefundSome(OnReservation[RefundSomeResult], frozen=True, tag="refund_some"):
    """Owes the money of some places of a paid reservation, which stays paid with the rest.

    `refund_id` is the gateway's idempotency key. `items`: none if only money goes back. `amount_minor`: by default the
    price of the places. `restock` and `archived` as of Refund.
    """

    refund_id: str
    restock: bool
    items: list[tuple[int, int] | NamedSeats]
    amount_minor: int = ANY_TOTAL
    archived: Record | None = None


class Exchange(OnReservation[ExchangeResult], frozen=True, tag="exchange"):
    """Moves a paid reservation to other places of its event, all or none.

    `attempt_id` is the gateway's idempotency key, if it costs more; `may_charge`: whether that can be paid. `items` and
    `expected_minor` as of Hold, of all that it is to have. `over_limit`: `max_per_customer` does not count.
    `archived` as of Refund.
    """

    attempt_id: str
    items: str
    expected_minor: int
    may_charge: bool
    over_limit: bool
    digest: str
    archived: Record | None = None


class SettleRefund(OnReservation[SettleRefundResult], frozen=True, tag="settle_refund"):
    """Tells that the gateway has given money of the attempt back: that of one refund."""

    attempt_id: str
    refund_id: str


class DisputePayment(OnReservation[DisputeResult], frozen=True, tag="dispute_payment"):
    """Tells that the gateway has another amount of an attempt than is owed; with a note: what was decided about it."""

    attempt_id: str
    received_minor: int
    received_currency: str
    note: str = ""


class Restock(OnReservation[RestockResult], frozen=True, tag="restock"):
    """Puts places that were refunded without that on sale again. `archived` as of Refund."""

    archived: Record | None = None


class Erase(OnReservation[r.Erased | r.NotFound], frozen=True, tag="erase"):
    """Replaces the details about the customer of a reservation; nothing else changes."""

    details: str


class EndEvent(OnEvent[r.EventEnded | r.UnknownPool], frozen=True, tag="end_event"):
    """Gives a slice of the holds of a cancelled event back. `cursor`: "0", then what the last call answered."""

    cursor: str = "0"


class Drop(OnEvent[r.Published | r.InUse], frozen=True, tag="drop"):
    """Takes a ticket, or the whole event (0), off sale for good, if nothing of it was ever taken.

    `terms`: those that are left, none where the event goes. What the outbox does not tell any more is not looked at.
    """

    ticket_id: int
    terms: Terms | None = None


class BlockSeats(OnEvent[r.Published | r.SeatTaken | r.UnknownPool], frozen=True, tag="block_seats"):
    """Takes seats off sale, or puts them back on; all of them or none."""

    sections: list[SectionSeats]
    blocked: bool


class ReadSeatMap(OnEvent[r.SeatMap | r.UnknownPool], frozen=True, tag="seat_map"):
    """Reads the state of every seat of a section."""

    reads = True

    pool: str


class CountSections(OnEvent[r.SectionsCounted | r.UnknownPool], frozen=True, tag="count_sections"):
    """Reads the counters of all sections that an event's tickets offer."""

    reads = True


class Find(OnReservation[r.Found | r.NotFound], frozen=True, tag="find"):
    """Reads a reservation as it is at this instant."""

    reads = True


class Count(OnEvent[r.Counts | r.UnknownPool], frozen=True, tag="count"):
    """Reads the counters of an event's tickets; zero of those that are taken from slots."""

    reads = True


class PutCodes(OnEvent[PutCodesResult], frozen=True, tag="put_codes"):
    """Makes codes with these terms, or gives those that there are other terms; a thousand at most.

    `is_new`: refused where one is there. `follows`: an allocation gets as many places as there are, without a refusal.
    """

    terms: CodeTerms
    codes: list[str]
    is_new: bool = False
    follows: bool = False


class CountCodes(OnEvent[r.CodesCounted], frozen=True, tag="count_codes"):
    """Reads the counters of codes; zeros of those that are not there."""

    reads = True

    codes: list[str]


class FindCode(OnEvent[FindCodeResult], frozen=True, tag="find_code"):
    """Reads what a code opens to a customer."""

    reads = True

    code: str
    customer_id: str


class Sweep(Command[r.Swept], frozen=True, tag="sweep"):
    """Gives back a slice of what is due in a partition."""


class Book(OnBooking[BookResult], frozen=True, tag="book"):
    """Takes a place of a slot at once, without payment. `digest` tells a repeat from another request.

    `slot` is its local date and time, `start_ms` its instant. `customer_id` and `address` are the
    caller and its address; empty if unknown or not limited. `max_per_customer` counts for the customer and for
    `phone`, too.
    """

    takes = True

    slot: str
    start_ms: int
    details: str
    digest: str
    phone: str = ""
    customer_id: str = ""
    address: str = ""


class Move(OnBooking[MoveResult], frozen=True, tag="move"):
    """Changes a booking in one step: to another slot (empty: stays), to other details (empty: stay), or both.

    `phone` goes with the details. `changed_ms`: the state that the change was made from; 0: whatever it is.
    The rest as of Book.
    """

    takes = True

    slot: str = ""
    start_ms: int = 0
    details: str = ""
    phone: str = ""
    changed_ms: int = 0
    customer_id: str = ""
    address: str = ""


class Unbook(OnBooking[UnbookResult], frozen=True, tag="unbook"):
    """Deletes a booking. `request_id` tells the repeat of a request, which has the same answer, from another one.

    `changed_ms`: the state that is to be deleted; 0: whatever it is.
    """

    request_id: str
    changed_ms: int = 0


class EraseBooking(OnBooking[r.BookingErased | r.NotFound], frozen=True, tag="erase_booking"):
    """Replaces the details about who comes, and forgets the phone number; nothing else changes."""

    details: str


class FindBooking(OnBooking[r.BookingFound | r.NotFound], frozen=True, tag="find_booking"):
    """Reads a booking as it is at this instant."""

    reads = True


class CountSlots(OnEvent[r.SlotsCounted | r.UnknownPool], frozen=True, tag="count_slots"):
    """Reads the counters of slots."""

    reads = True

    slots: list[str]


class PurgeSlots(Command[r.Purged], frozen=True, tag="purge_slots"):
    """Removes a slice of what is long past in a partition; `skip`: passes over slots that were kept before."""

    skip: int = 0


class ReadQueue(OnEvent[QueueResult], frozen=True, tag="read_queue"):
    """Reads a waiting room, and lets in who may come in.

    `secret` and `commitment` are of a Proposal (engine/waiting_rooms.py), for a room that is new. `delay_ms`: how long
    answers take here; if too long, fewer are let in.
    """

    reads = True

    secret: str
    commitment: str
    delay_ms: int = 0


class JoinQueue(OnEvent[JoinResult], frozen=True, tag="join_queue"):
    """Gives a customer a place in a waiting room. `secret` and `commitment` as of ReadQueue, `address` as of Hold."""

    takes = True

    customer_id: str
    secret: str
    commitment: str
    address: str = ""


class EnterQueue(OnEvent[EnterResult], frozen=True, tag="enter_queue"):
    """Lets a customer whose turn it is inside, with a pass. `address` as of Hold."""

    takes = True

    customer_id: str
    address: str = ""


class FindPlace(OnEvent[PlaceResult], frozen=True, tag="find_place"):
    """Reads the place of a customer in a waiting room."""

    reads = True

    customer_id: str


class LeaveQueue(OnEvent[r.Left | NoRoom], frozen=True, tag="leave_queue"):
    """Gives up the place of a customer in a waiting room, and its pass."""

    customer_id: str


class SetQueue(OnEvent[QueueResult], frozen=True, tag="set_queue"):
    """Changes how a waiting room works. Of the lists, an empty one leaves a thing as it is; a number of 0: no limit.

    `secret` and `commitment` as of ReadQueue.
    """

    secret: str
    commitment: str
    paused: list[int] = []
    max_inside: list[int] = []
    per_minute: list[int] = []
    message: list[str] = []


class Wait(OnEvent[WaitResult], frozen=True, tag="wait"):
    """Gives a customer a place in the line of a ticket that has too few places.

    `waiting_id` is made like a reservation's, and is that of the offer. `details` and `address` as of Hold; `digest`
    tells a repeat from another request; `contact` is how the customer is told.
    """

    takes = True

    waiting_id: str
    customer_id: str
    details: str
    contact: str
    digest: str
    ticket_id: int
    quantity: int
    address: str = ""


class FindWaiting(OnReservation[r.WaitingFound | r.NotFound], frozen=True, tag="find_waiting"):
    """Reads an entry of a waiting list as it is at this instant."""

    reads = True


class DeclineWaiting(OnReservation[DeclineResult], frozen=True, tag="decline_waiting"):
    """Gives up a place in line, or the places that are offered, which go to the next in line in the same step."""


class EraseWaiting(OnReservation[r.WaitingErased | r.NotFound], frozen=True, tag="erase_waiting"):
    """Replaces the details about the customer of an entry; nothing else changes."""

    details: str
    contact: str


class TendWaiting(OnEvent[r.WaitingTended], frozen=True, tag="tend_waiting"):
    """Does a slice of what is due in the waiting list of an event, where nobody else calls."""


class CheckIn(OnEvent[r.CheckedIn], frozen=True, tag="check_in"):
    """Tells that a gate has scanned the code of that number and issue, and learns whether it admits.

    `verdict`: the result where the code itself says it, else empty. `scanned_ms` counts where `offline`. `times`:
    the instant before which nobody is admitted, 0: none; and for how long a timed ticket admits before and after its
    slot's start. The same gate and nonce are the same scan.
    """

    number: int
    issue: int
    verdict: str
    gate: str
    nonce: str
    direction: str
    scanned_ms: int
    offline: bool
    times: tuple[int, int, int]


class Etickets(OnReservation[r.EticketsListed | r.NotFound], frozen=True, tag="etickets"):
    """Reads the e-tickets of a reservation; none of one that was never paid. `archived`: as of Refund."""

    archived: Record | None = None


class FindEticket(OnEvent[r.EticketFound | r.NotFound], frozen=True, tag="find_eticket"):
    """Reads an e-ticket as it is at this instant."""

    reads = True

    number: int


class TransferEticket(OnEvent[TransferResult], frozen=True, tag="transfer_eticket"):
    """Gives an e-ticket another holder and a new code. `request_id` tells the repeat of a request from another one."""

    number: int
    holder: str
    request_id: str
