"""Whose a cart is: a service names the buyer, or the customer claims it later."""

from uuid import uuid4

import pytest

from tests.integration.api.access.test_access import ORDINARY, SHARED, open_sale
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Json, ticket
from tests.support.api.expected_access import OTHER, OWNER, Sale


@pytest.fixture
async def sale(start_api: StartApi) -> Sale:
    return await open_sale(await start_api(auth="jwt", jwt_secret=SHARED, unsigned_callbacks=True))


async def small_event(sale: Sale) -> Json:
    """An event of which a customer may have three places."""
    body = {**ORDINARY, "max_per_customer": 3, "tickets": [ticket("Regular", 100)]}
    answer = await sale.ask("manager", "POST", "/v1/events", body)
    assert answer.status == 201
    return answer.body


def new_cart() -> str:
    return f"/v1/orders/carts/{uuid4()}"


async def add(sale: Sale, cart: str, event: Json, quantity: int, asker: str = "service", **more: Json) -> Answer:
    body = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "quantity": quantity}
    return await sale.ask(asker, "POST", cart, body | more)


async def test_a_service_names_the_buyer_with_the_first_item(sale: Sale, sync: None) -> None:
    event, cart = await small_event(sale), new_cart()
    buyer = {"id": OWNER, "first_name": "Islom", "last_name": "Karimov"}
    assert (await add(sale, cart, event, 2, customer=buyer)).status == 200
    assert (await sale.ask("owner", "GET", cart)).body["items"][0]["quantity"] == 2, "it is the customer's"
    assert (await sale.ask("other", "GET", cart)).status == 404
    limited = await add(sale, new_cart(), event, 2, customer={"id": OWNER})
    assert (limited.code, limited.body["taken"]) == ("limit_exceeded", 2), "limits count for the customer"
    assert (await add(sale, cart, event, 3)).status == 200, "who named it once need not do it again"
    assert (await add(sale, cart, event, 2, customer={"id": OWNER})).status == 200
    assert (await add(sale, cart, event, 1, "owner")).status == 200
    (listed,) = (await sale.ask("owner", "GET", f"/v1/reservations?event_id={event['id']}")).body["items"]
    assert listed["customer"] == buyer
    assert (await sale.ask("owner", "PUT", f"{cart}/book")).status == 200


async def test_a_cart_has_one_customer(sale: Sale) -> None:
    event, mine, nobodys = await small_event(sale), new_cart(), new_cart()
    assert (await add(sale, mine, event, 1, customer={"id": OWNER})).status == 200
    assert (await add(sale, nobodys, event, 1)).status == 200
    for cart in (mine, nobodys):
        refused = await add(sale, cart, event, 2, customer={"id": OTHER})
        assert (refused.code, refused.body["fields"][0]["path"]) == ("invalid", "customer.id")
        assert (await sale.ask("service", "GET", cart)).body["items"][0]["quantity"] == 1
    assert (await add(sale, new_cart(), event, 1, "owner", customer={"id": OTHER})).code == "forbidden"
    assert (await add(sale, new_cart(), event, 1, customer={"first_name": "Islom"})).code == "invalid"
    assert (await sale.ask("service", "DELETE", nobodys)).status == 204
    assert (await add(sale, nobodys, event, 1, customer={"id": OTHER})).status == 200, "it starts again"
    assert (await sale.ask("other", "GET", nobodys)).status == 200


async def test_a_customer_claims_a_cart_of_nobody(sale: Sale, sync: None) -> None:
    event, cart = await small_event(sale), new_cart()
    assert (await add(sale, cart, event, 2)).status == 200
    assert (await sale.ask("service", "POST", cart, sale.item())).status == 200
    assert (await sale.ask("owner", "GET", cart)).status == 404
    before = (await sale.ask("service", "GET", cart)).body
    for _ in range(2):
        claimed = await sale.ask("owner", "POST", f"{cart}/claim")
        assert (claimed.status, claimed.body) == (200, before), "the same cart, with the same deadline"
    assert (await sale.ask("other", "POST", f"{cart}/claim")).status == 404
    assert (await sale.ask("other", "GET", cart)).status == 404
    assert (await add(sale, new_cart(), event, 2, "owner")).code == "limit_exceeded", "it counts for the customer"
    listed = (await sale.ask("owner", "GET", "/v1/reservations")).body["items"]
    assert [one["customer"]["id"] for one in listed] == [OWNER, OWNER], "Postgres knows, too"
    assert (await add(sale, cart, event, 3, "owner")).status == 200


async def test_claims_beyond_the_limits_are_refused(sale: Sale) -> None:
    """A claim that is refused changes nothing: in no event, and the cart has no owner still."""
    event, cart = await small_event(sale), new_cart()
    assert (await sale.ask("service", "POST", cart, sale.item())).status == 200
    assert (await add(sale, cart, event, 2)).status == 200
    assert (await add(sale, new_cart(), event, 2, "owner")).status == 200
    refused = await sale.ask("owner", "POST", f"{cart}/claim")
    assert (refused.status, refused.code, refused.body["taken"]) == (409, "limit_exceeded", 2)
    assert (await sale.ask("owner", "GET", cart)).status == 404
    claimed = await sale.ask("other", "POST", f"{cart}/claim")
    assert (claimed.status, len(claimed.body["items"])) == (200, 2)
    assert (await add(sale, new_cart(), event, 1, "owner")).status == 200, "nothing of it counts for who was refused"


async def test_a_booked_cart_is_claimed_and_a_bought_one_is_not(sale: Sale) -> None:
    event, cart = await small_event(sale), new_cart()
    assert (await sale.ask("owner", "POST", f"{new_cart()}/claim")).status == 404
    assert (await add(sale, cart, event, 2)).status == 200
    payment_id = (await sale.ask("service", "PUT", f"{cart}/book")).body["payment_id"]
    assert (await sale.ask("owner", "GET", f"/v1/payments/{payment_id}")).status == 404
    assert (await sale.ask("owner", "POST", f"{cart}/claim")).body["status"] == "booked"
    assert (await sale.ask("owner", "GET", f"/v1/payments/{payment_id}")).status == 200
    assert (await sale.ask("service", "POST", f"/v1/payments/{payment_id}/failed")).status == 200
    assert (await sale.ask("owner", "POST", f"{cart}/claim")).code == "payment_settled"
    assert (await add(sale, new_cart(), event, 3, "owner")).status == 200, "places given back no longer count"


async def test_a_service_claims_for_a_customer(sale: Sale) -> None:
    event, cart = await small_event(sale), new_cart()
    assert (await add(sale, cart, event, 1)).status == 200
    unnamed = await sale.ask("service", "POST", f"{cart}/claim")
    assert (unnamed.code, unnamed.body["fields"][0]["path"]) == ("invalid", "customer")
    assert (await sale.ask("service", "POST", f"{cart}/claim", {"customer": {"id": OWNER}})).status == 200
    assert (await sale.ask("owner", "GET", cart)).status == 200
