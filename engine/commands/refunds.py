"""Commands that refund paid reservations."""

from engine.commands.command import OnReservation
from engine.commands.items import ANY_TOTAL, NamedSeats
from engine.records import Record
from engine.results.payments import AmountMismatch, UnknownAttempt
from engine.results.refunds import NotPaid, RefundDue, Refunded, Restocked
from engine.results.reservations import NotFound, NotHeld, PaymentInProgress

RefundResult = RefundDue | Refunded | NotFound | NotPaid | PaymentInProgress

RefundSomeResult = RefundResult | NotHeld | AmountMismatch

RestockResult = Restocked | NotFound | NotPaid

SettleRefundResult = Refunded | NotFound | UnknownAttempt | NotPaid


class Refund(OnReservation[RefundResult], frozen=True, tag="refund"):
    """Ends a paid reservation and owes its money.

    `restock`: its places are for sale again. `archived`: the record as Postgres has it, for a reservation that
    Redis no longer keeps. `leaves_kept`: only the places that it still has; those that were kept off sale stay so.
    """

    restock: bool
    archived: Record | None = None
    leaves_kept: bool = False


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


class SettleRefund(OnReservation[SettleRefundResult], frozen=True, tag="settle_refund"):
    """Reports that the gateway has refunded money of the attempt: that of one refund."""

    attempt_id: str
    refund_id: str


class Restock(OnReservation[RestockResult], frozen=True, tag="restock"):
    """Puts places that were refunded without that on sale again. `archived` as of Refund."""

    archived: Record | None = None
