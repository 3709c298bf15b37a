"""The API dies in the middle of payments: no money is kept for nothing, and nothing is given for no money."""

import asyncio
import random
from collections import Counter

import pytest

from tests.support.effort import effort
from tests.support.system.buying_crowd import Crowd
from tests.support.system.ledgers import (
    Charge,
    Reservation,
    check_books,
    gateway_charges,
    redis_reservations,
    unsettled,
)
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import VISA, Storefront
from tests.support.waiting import wait_until

KILLS = effort(2, 8)
SEED = 20270603
SETTLE_SECONDS = 60


def all_kinds(number: int) -> str:
    """Mostly good cards."""
    return {7: "card_error", 13: "payment_error", 19: "timeout"}.get(number % 20, VISA)


async def test_every_charge_is_a_ticket_or_a_refund(stack: Stack, storefront: Storefront) -> None:
    stack.api_workers = 2
    # The resolver asks early, also about charges that buyers ask for again in the same moment.
    stack.configure(gateway_timeout_ms=500, resolve_after_ms=500, resolve_interval_ms=200)
    await stack.start("gateway", "sync", "api")
    events = [await storefront.create_event(capacity=1_000_000) for _ in range(4)]
    crowd = Crowd(storefront, events, all_kinds, insists=lambda number: number % 2 == 0)
    chance = random.Random(SEED)  # noqa: S311  # no secret
    in_the_middle = 0

    async with crowd.buying():
        for _ in range(KILLS):
            await crowd.served()
            await asyncio.sleep(chance.uniform(0, 0.5))
            stack.kill("api")
            in_the_middle += unsettled(stack)
            await stack.start("api")

    assert in_the_middle, "no kill came in the middle of a payment"
    assert crowd.refused.keys() <= {"402 card_declined", "402 payment_failed"}
    await wait_until(lambda: not unsettled(stack), SETTLE_SECONDS, "the resolver ends every attempt")
    reservations, charges = redis_reservations(stack), gateway_charges(stack)
    assert crowd.held <= reservations.keys()
    assert {rid for rid in crowd.paid if reservations[rid].status != "paid"} == set()
    check_money(list(reservations.values()), charges)
    with pytest.raises(AssertionError):  # the comparison must be able to fail
        check_money(list(reservations.values()), [*charges, Charge("pay-for-nothing", "completed", refunded=False)])
    await check_books(stack)


def check_money(reservations: list[Reservation], charges: list[Charge]) -> None:
    """Money that was taken is exactly one paid reservation, or was refunded."""
    assert {charge.state for charge in charges} <= {"completed", "failed"}
    kept = [charge.id for charge in charges if charge.state == "completed" and not charge.refunded]
    given_back = [charge.id for charge in charges if charge.refunded]
    payments = [payment for reservation in reservations for payment in reservation.payments]
    assert Counter(kept) == Counter(payment.id for payment in payments if payment.status == "completed")
    assert Counter(given_back) == Counter(payment.id for payment in payments if payment.status == "refunded")
    assert {payment.status for payment in payments} <= {"completed", "failed", "refunded"}
    for reservation in reservations:
        completed = [payment for payment in reservation.payments if payment.status == "completed"]
        assert len(completed) == (reservation.status == "paid"), reservation
