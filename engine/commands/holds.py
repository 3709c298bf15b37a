"""Commands that make, change and end holds."""

from engine.commands.command import Command, OnReservation
from engine.commands.items import ANY_TOTAL, Item
from engine.records import Record
from engine.results.bookings import SlotNotScheduled, SlotPast
from engine.results.codes import CodeNotApplicable, CodeUnknown, CodeUsedUp
from engine.results.events import NotOnSaleYet, SaleClosed, SalePaused, UnknownPool
from engine.results.holds import BelowMinimum, Cancelled, Held, OnlyFewer, PriceChanged, SoldOut, Swept
from engine.results.limits import HeldUnbought, LimitExceeded, RateLimited, TooManyHolds
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
from engine.results.waiting_rooms import NotYourTurn, PassExpired, QueueRequired

_NotTaken = (
    UnknownPool
    | SaleClosed
    | SalePaused
    | NotOnSaleYet
    | SlotNotScheduled
    | SlotPast
    | BelowMinimum
    | QueueRequired
    | NotYourTurn
    | PassExpired
    | LimitExceeded
    | RateLimited
    | TooManyHolds
    | HeldUnbought
    | SoldOut
    | SeatTaken
)
"""The refusals of places, for every command that asks for them."""

_CodeRefused = CodeUnknown | CodeUsedUp | CodeNotApplicable
"""The refusals of a code that is named."""

_NotChanged = Expired | PaymentInProgress | AlreadyPaid | AlreadyCancelled | NotHeld
"""The refusals of a change to a reservation that is not held."""

HoldRefusal = KeyReused | PriceChanged | _NotTaken | _CodeRefused
HoldResult = Held | HoldRefusal

AddRefusal = PriceChanged | _NotTaken | _NotChanged | _CodeRefused

AddResult = Held | AddRefusal

ReplaceResult = Held | NotFound | _NotTaken | _NotChanged | CodeUsedUp | CodeNotApplicable | OnlyFewer

RemoveRefusal = NotFound | _NotChanged

RemoveResult = Held | Cancelled | RemoveRefusal

ShortenResult = Held | RemoveRefusal

ClaimRefusal = Expired | AlreadyPaid | NotHeld | LimitExceeded | HeldUnbought

ClaimResult = Held | NotFound | AlreadyCancelled | ClaimRefusal

CancelResult = Cancelled | NotFound | Expired | PaymentInProgress | AlreadyPaid | NotHeld


class Hold(OnReservation[HoldResult], frozen=True, tag="hold"):
    """Takes places for a while.

    `digest` tells a repeat from another request; `items` is made by `items_text`; `address`
    is where it comes from, empty where that is not limited. `expected_minor`: the total that was shown. `code`: under
    whose terms; empty: none. `over_limit`: `max_per_customer` does not count. `from_blocked`: seats that are named
    may be blocked. `key`: see `key_of_event`; empty: none.
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
    key: str = ""


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
    """Gives the places without seats of a ticket back; with the last place the hold ends as cancelled.

    `pool`: only those of that pool, such as a slot; empty: of any.
    """

    ticket_id: int
    pool: str = ""


class Shorten(OnReservation[ShortenResult], frozen=True, tag="shorten"):
    """Moves the deadline of a live hold earlier. `deadline_ms` is an instant that Redis has answered."""

    deadline_ms: int


class Claim(OnReservation[ClaimResult], frozen=True, tag="claim"):
    """Gives a live hold to another customer, for whom its places count from then on."""

    customer_id: str


class Cancel(OnReservation[CancelResult], frozen=True, tag="cancel"):
    """Gives a hold's places back before its deadline. `archived`: as of Refund."""

    archived: Record | None = None


class Sweep(Command[Swept], frozen=True, tag="sweep"):
    """Gives back a slice of what is due in a partition."""
