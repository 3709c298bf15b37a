"""The Python client sells a ticket of the real API."""

import pytest
from onsale_client import Onsale, ProblemError

from tests.support.api.api_client import Front


async def test_a_back_end_sells_tickets(front: Front) -> None:
    event = await front.event(3)
    ticket_id = event["tickets"][0]["id"]
    async with Onsale(str(front.client.make_url("/"))) as onsale:
        counts = onsale.stream_availability(event["id"])
        first = await anext(counts)
        assert (first.type, first.data["tickets"][0]["available"]) == ("snapshot", 3)
        order = {"items": [{"ticket_id": ticket_id, "quantity": 2}], "customer": {"id": "22"}}
        held = await onsale.create_reservation(order, idempotency_key="one")  # type: ignore[arg-type]  # made in two steps
        assert await onsale.create_reservation(order, idempotency_key="one") == held  # type: ignore[arg-type]  # the same
        async for event_ in counts:
            if event_.type == "change":
                assert event_.data["tickets"][0]["available"] == 1
                break
        assert held["expires_at"] is not None
        assert 800 < onsale.clock.until(held["expires_at"]) <= 902
        total = held["total"]
        payment = {"amount": total["amount"], "currency": total["currency"], "payment_token": "tok_visa"}
        paid = await onsale.pay_reservation(held["id"], payment)  # type: ignore[arg-type]  # the same
        assert paid["status"] == "paid"
        with pytest.raises(ProblemError) as refused:
            await onsale.create_reservation(order)  # type: ignore[arg-type]  # the same
        problem = refused.value.problem
        assert problem["code"] == "sold_out"
        assert problem["available"] == 1
