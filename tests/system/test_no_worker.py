"""Sales with no sync worker at all."""

from datetime import datetime

from tests.support.invariants import check_invariants
from tests.support.system.ledgers import redis_time
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.support.waiting import wait_until


async def test_an_expired_hold_is_sold_by_the_next_call(stack: Stack, storefront: Storefront) -> None:
    await stack.start("gateway", "api")
    event = await storefront.create_event(capacity=1, hold_seconds=1)

    first = await storefront.hold(event.ticket_id, "first")
    assert first.status == 201
    deadline = datetime.fromisoformat(first.body["expires_at"])
    early = await storefront.hold(event.ticket_id, "early")
    # A machine that stood still for a second between the two calls proves nothing, and is no failure.
    assert early.code == "sold_out" or redis_time(stack) > deadline
    await wait_until(lambda: redis_time(stack) > deadline, what="the hold expires")
    late = await storefront.hold(event.ticket_id, "late")

    assert late.status == 201
    paid = await storefront.pay(late.body["id"])
    assert (paid.status, paid.body["status"]) == (200, "paid")
    too_late = await storefront.pay(first.body["id"])
    assert (too_late.status, too_late.code) == (410, "expired")
    ticket = await storefront.ticket(event.ticket_id)
    assert (ticket["available"], ticket["held"], ticket["sold"]) == (0, 0, 1)
    check_invariants(stack.valkey.url)
