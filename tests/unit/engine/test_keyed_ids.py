"""Ids that an Idempotency-Key names: the same for the same caller and key, and nobody else can work them out."""

from collections.abc import Callable

import pytest

from engine.ids import (
    event_of,
    keyed_attempt_id,
    keyed_booking_id,
    keyed_refund_id,
    keyed_reservation_id,
    new_secret,
    reservation_of_attempt,
    reservation_of_refund,
)
from engine.slots import is_booking_id

ONE, OTHER = new_secret(), new_secret()
RID = keyed_reservation_id(7, "customer/22", "key", ONE)


@pytest.mark.parametrize(
    "keyed",
    [
        lambda caller, key, secret: keyed_reservation_id(7, caller, key, secret),
        lambda caller, key, secret: keyed_booking_id(7, caller, key, secret),
        lambda caller, key, secret: keyed_attempt_id(RID, caller, key, secret),
        lambda caller, key, secret: keyed_refund_id(RID, caller, key, secret),
    ],
)
def test_an_id_needs_the_secret(keyed: Callable[[str, str, bytes], str]) -> None:
    mine = keyed("customer/22", "key", ONE)
    assert keyed("customer/22", "key", ONE) == mine
    others = [keyed("customer/22", "key", OTHER), keyed("customer/22", "key", b""), keyed("customer/23", "key", ONE),
              keyed("customer/22", "other", ONE)]  # fmt: skip
    assert len({mine, *others}) == 5


def test_ids_still_name_what_they_are_of() -> None:
    assert event_of(RID) == 7
    assert reservation_of_attempt(keyed_attempt_id(RID, "a", "k", ONE)) == RID
    assert reservation_of_refund(keyed_refund_id(RID, "a", "k", ONE)) == RID
    assert is_booking_id(keyed_booking_id(7, "a", "k", ONE))
    assert len(new_secret()) == 32
