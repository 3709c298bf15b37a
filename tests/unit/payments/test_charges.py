"""Charges against what is owed: which refunds were made elsewhere."""

import pytest

from engine.ids import keyed_exchange_id, keyed_refund_id, new_attempt_id, new_refund_id, new_reservation_id, new_secret
from payments.charges import is_paid, received, refunded_elsewhere
from payments.gateway import Completed, RefundView

RID, SECRET = new_reservation_id(7), new_secret()
CHARGED, BACK = 2_000, 500


@pytest.mark.parametrize(
    "refund_id",
    [
        RID,
        new_refund_id(RID),
        keyed_refund_id(RID, "anna", "key", SECRET),
        new_attempt_id(RID),  # an exchange for cheaper places: its refund has its id
        keyed_exchange_id(RID, "anna", "key", SECRET),
    ],
    ids=["of all", "of a part", "of a part, with a key", "of an exchange", "of an exchange, with a key"],
)
def test_a_refund_of_the_shop_was_not_made_elsewhere(refund_id: str) -> None:
    charge = Completed(CHARGED, "EUR", (RefundView(refund_id, BACK),))
    assert refunded_elsewhere(charge) == 0
    assert received(charge) == CHARGED
    assert is_paid(charge, CHARGED, "EUR")


@pytest.mark.parametrize(
    "refund_id",
    ["made on the page", "re_1", f"refund-{RID}-", f"pay-{RID}-short", "pay-1"],
    ids=["page", "bank", "no end", "a short end", "no reservation"],
)
def test_any_other_was(refund_id: str) -> None:
    charge = Completed(CHARGED, "EUR", (RefundView(refund_id, BACK),))
    assert refunded_elsewhere(charge) == BACK
    assert not is_paid(charge, CHARGED, "EUR")
