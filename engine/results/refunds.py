"""Results of refunds."""

from engine.results.result import OnRecord, Result


class RefundDue(OnRecord, frozen=True, tag="refund_due"):
    """Money was taken that must go back."""


class Refunded(OnRecord, frozen=True, tag="refunded"):
    """The money has gone back."""


class Restocked(OnRecord, frozen=True, tag="restocked"):
    """The places that were refunded are for sale again."""


class NotPaid(Result, frozen=True, tag="not_paid"):
    """There is no money to refund; `state` is the state of the reservation or the attempt."""

    state: str
