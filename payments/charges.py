"""Charges at the gateway against what is owed: amount, currency, and refunds made elsewhere."""

from engine.ids import reservation_of_refund
from payments.gateway import Completed, Gateway, NeverSeen, StatusOutcome

_PLAYED_TOKEN = "played-by-callback"  # noqa: S105  # a word, no secret


def refunded_elsewhere(charge: Completed) -> int:
    """The refunds that were not asked for here, in minor units: on the gateway's own pages, or by a bank."""
    return sum(refund.amount for refund in charge.refunds if reservation_of_refund(refund.id) is None)


def received(charge: Completed) -> int:
    """The money that was taken and not refunded elsewhere, in minor units."""
    return charge.amount_minor - refunded_elsewhere(charge)


def is_paid(charge: Completed, owed_minor: int, currency: str) -> bool:
    """True if exactly the amount owed was taken, in its currency, and is still there."""
    return charge.currency == currency and charge.amount_minor == owed_minor == received(charge)


def free_charge(currency: str) -> Completed:
    """The charge of what costs nothing: there is nothing to ask a gateway for."""
    return Completed(0, currency)


async def look_up(
    gateway: Gateway, payment_id: str, owed_minor: int, currency: str, *, plays_customer: bool
) -> StatusOutcome:
    """The gateway's state of a payment that a callback reports.

    `plays_customer`: the sender of the callback plays the customer, who pays now at the simulated gateway, if not
    before.
    """
    if owed_minor == 0:
        return free_charge(currency)
    status = await gateway.status(payment_id)
    if isinstance(status, NeverSeen) and plays_customer:
        return await gateway.charge(payment_id, owed_minor, currency, _PLAYED_TOKEN)
    return status
