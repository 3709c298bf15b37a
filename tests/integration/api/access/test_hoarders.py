"""Refusals of customers who have held much and bought nothing."""

from uuid import uuid4

from tests.integration.api.access.test_access import SHARED, open_sale
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, order

FEW_SECONDS = 100
"""A place for less than two minutes, of holds of fifteen."""


async def test_a_refusal_says_what_is_possible_and_when(start_api: StartApi) -> None:
    front = await start_api(customer_idle_place_seconds=FEW_SECONDS)
    event = await front.event(50)
    item = event["tickets"][0]["id"]
    first = await front.held((item, 2), customer="anna")
    refused = await front.reserve((item, 1), customer="anna")
    assert (refused.status, refused.code) == (409, "limit_exceeded")
    assert (refused.body["limit"], refused.body["taken"], refused.body["hold_seconds"]) == (1, 2, 60)
    assert 890 < refused.body["retry_seconds"] <= 900
    assert f"try again in {refused.body['retry_seconds']} s" in refused.body["detail"]
    assert (await front.call("DELETE", f"/v1/reservations/{first['id']}")).status == 204
    again = await front.held((item, 1), customer="anna")
    assert again["expires_in_ms"] > 800_000, "what was not held was not hoarded"
    assert (await front.reserve((item, 1), customer="piotr")).status == 201


async def test_an_address_is_refused_until_later(start_api: StartApi) -> None:
    """It is looked at also where speed is not limited."""
    front = await start_api(address_idle_place_seconds=FEW_SECONDS, address_places=12, trusted_proxies="127.0.0.0/8")
    event = await front.event(50, max_per_customer=16)
    item = event["tickets"][0]["id"]

    async def reserve(places: int, address: str = "192.0.2.1") -> Answer:
        return await front.reserve((item, places), headers={"X-Forwarded-For": address})

    assert (await reserve(2)).status == 201
    refused = await reserve(1)
    assert (refused.status, refused.code, refused.body["limited"]) == (429, "rate_limited", "address")
    assert (refused.body["limit"], refused.body["taken"]) == (1, 2)
    assert 890 < int(refused.headers["Retry-After"]) <= 900
    assert (await reserve(1, "192.0.2.2")).status == 201
    too_many = await reserve(13, "192.0.2.3")
    assert (too_many.status, too_many.code, too_many.body["limit"]) == (409, "limit_exceeded", 12)


async def test_carts_of_nobody_share_what_they_may_hold(start_api: StartApi) -> None:
    """500 UUIDs took 5,000 places."""
    front = await start_api(auth="jwt", jwt_secret=SHARED, nobodys_places=3)
    sale = await open_sale(front)
    body = {"event_id": sale.event["id"], "price_id": sale.general, "quantity": 2}

    async def add(quantity: int, asker: str = "service") -> Answer:
        return await sale.ask(asker, "POST", f"/v1/orders/carts/{uuid4()}", body | {"quantity": quantity})

    assert (await add(2)).status == 200
    refused = await add(2)
    assert (refused.status, refused.code) == (409, "limit_exceeded")
    assert (refused.body["limit"], refused.body["taken"]) == (3, 2)
    assert "name the customer" in refused.body["detail"]
    assert (await add(1)).status == 200
    assert (await add(2, "owner")).status == 200, "a cart of a customer has an owner"
    reservation = order((sale.general, 2), customer="22")
    assert (await sale.ask("service", "POST", "/v1/reservations", reservation)).status == 201
