"""The command that exchanges the places of a paid reservation."""

from engine.commands.command import OnReservation
from engine.records import Record
from engine.results.bookings import BookingExpired, SlotNotScheduled, SlotPast
from engine.results.codes import CodeNotApplicable, CodeUsedUp
from engine.results.events import NotOnSaleYet, SaleClosed, SalePaused, UnknownPool
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.holds import BelowMinimum, PriceChanged, SoldOut
from engine.results.limits import LimitExceeded
from engine.results.payments import AmountMismatch, PaymentFailed, TooManyAttempts
from engine.results.refunds import NotPaid, RefundDue
from engine.results.reservations import KeyReused, NotFound, PaymentInProgress
from engine.results.seats import SeatTaken

ExchangeRefusal = (
    NotFound
    | KeyReused
    | NotPaid
    | PaymentInProgress
    | BookingExpired
    | CodeNotApplicable
    | CodeUsedUp
    | UnknownPool
    | SaleClosed
    | SalePaused
    | NotOnSaleYet
    | SlotNotScheduled
    | SlotPast
    | BelowMinimum
    | SoldOut
    | SeatTaken
    | PriceChanged
    | LimitExceeded
    | AmountMismatch
    | TooManyAttempts
)

ExchangeResult = Exchanging | Exchanged | PaymentFailed | RefundDue | ExchangeRefusal


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
