"""Carts: places are taken out one by one or at once, keep the price of their hold, and end at one deadline."""

from datetime import datetime

import pytest

from api.app_keys import ENGINE
from engine.carts import Carts
from engine.commands.holds import Cancel
from engine.commands.payments import BeginPayment
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front, Json, ticket
from tests.support.api.two_event_carts import CHILD, GENERAL, PRICE, Tour, check_cart, new_cart, open_tour
from tests.support.waiting import wait_until

DEAR = 15_000


async def remove_standing(tour: Tour, cart: str, show: int) -> Answer:
    event = tour.events[show]
    return await tour.front.call("DELETE", f"{cart}/events/{event['id']}/tickets/{event['tickets'][2]['id']}")


async def standing_left(tour: Tour, show: int) -> tuple[int, int, int]:
    return await tour.front.counts(tour.events[show]["tickets"][2]["id"])


async def part_of(front: Front, cart: str, event: Json) -> Json:
    """The reservation that a cart has of an event."""
    app = front.client.server.app  # type: ignore[attr-defined]  # a TestServer has its app
    found = await Carts(app[ENGINE]).read(cart.rpartition("/")[2])
    return (await front.get(f"/v1/reservations/{found.reservation_id(event['id'])}")).body


def total(answer: Answer) -> int:
    assert answer.status == 200, answer
    check_cart(answer.body)
    return int(answer.body["total"]["amount"])


async def reprice(tour: Tour, show: int, number: int, amount: int) -> None:
    path = f"/v1/tickets/{tour.events[show]['tickets'][number]['id']}"
    assert (await tour.front.call("PATCH", path, {"price": {"amount": amount, "currency": "EUR"}})).status == 200


async def test_a_part_that_was_cancelled_comes_back_and_the_rest_stays(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    await tour.stand(cart, 1, 2)
    part = await part_of(tour.front, cart, tour.events[1])
    assert (await tour.front.call("DELETE", f"/v1/reservations/{part['id']}")).status == 204
    assert total(await tour.front.get(cart)) == PRICE, "the seat of the other event stays"
    assert total(await tour.stand(cart, 1, 3)) == PRICE + 3 * GENERAL
    assert await tour.statuses(0) == "haaa"
    payment_id = await tour.book(cart)
    assert (await tour.end(payment_id, "complete")).body["amount"] == PRICE + 3 * GENERAL
    assert (await tour.statuses(0), await standing_left(tour, 1)) == ("saaa", (7, 0, 3))


async def test_the_rest_is_booked_after_a_part_was_cancelled(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    await tour.stand(cart, 1, 2)
    part = await part_of(tour.front, cart, tour.events[1])
    await tour.front.call("DELETE", f"/v1/reservations/{part['id']}")
    payment = (await tour.end(await tour.book(cart), "complete")).body
    assert (payment["amount"], len(payment["reservations"])) == (PRICE, 1)


async def test_a_cart_ends_with_the_shortest_hold_that_is_in_it(start_api: StartApi) -> None:
    tour = await open_tour(await start_api(), (900, 1))
    cart = await tour.take((0, 0))
    long = (await tour.front.get(cart)).body["expires_at"]
    answer = await tour.add(cart, 1, 0)
    short = answer.body["expires_at"]
    assert datetime.fromisoformat(short) < datetime.fromisoformat(long), "the answer says that it is earlier now"

    async def ran_out() -> bool:
        return (await tour.front.get(cart)).status == 410

    await wait_until(ran_out)
    assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "aaaa"], "no worker runs: all of it is given back"
    assert (await tour.add(cart, 0, 0)).status == 200


async def test_an_item_with_a_longer_hold_does_not_move_the_deadline(start_api: StartApi) -> None:
    tour = await open_tour(await start_api(), (60, 900))
    cart = await tour.take((0, 0))
    deadline = (await tour.front.get(cart)).body["expires_at"]
    assert (await tour.add(cart, 1, 0)).body["expires_at"] == deadline


async def test_places_are_taken_out_of_a_cart(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    await tour.stand(cart, 0, 2)
    await tour.stand(cart, 1, 3)
    assert total(await remove_standing(tour, cart, 0)) == PRICE + 3 * GENERAL
    assert total(await tour.stand(cart, 1, 0)) == PRICE, "a quantity of 0 does the same"
    for show in (0, 1):
        assert await standing_left(tour, show) == (10, 0, 0)
        assert (await remove_standing(tour, cart, show)).code == "not_held"
        assert (await tour.stand(cart, show, 0)).code == "not_held"


async def test_an_emptied_cart_starts_again(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    emptied = await tour.remove(cart, 0, 0)
    assert (total(emptied), emptied.body["items"]) == (0, [])
    assert (await tour.front.get(cart)).body == emptied.body
    assert await tour.front.refused("PUT", f"{cart}/book") == "not_held"
    assert (await tour.remove(cart, 0, 0)).code == "not_held"
    await tour.take((1, 1), cart=cart)
    assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "ahaa"]


async def test_a_whole_cart_is_given_back(tour: Tour) -> None:
    cart = await tour.take((0, 0), (1, 1))
    await tour.stand(cart, 1, 3)
    for _ in range(2):
        assert (await tour.front.call("DELETE", cart)).status == 204
        assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "aaaa"]
        assert (await tour.front.get(cart)).code == "not_found"
    assert (await tour.front.call("DELETE", new_cart())).status == 204
    await tour.take((0, 2), cart=cart)
    assert await tour.statuses(0) == "aaha"


async def test_a_cart_that_is_being_paid_or_is_paid_stays(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    payment_id = await tour.book(cart)
    assert (await tour.front.call("DELETE", cart)).code == "payment_in_progress"
    await tour.end(payment_id, "complete")
    assert (await tour.front.call("DELETE", cart)).code == "already_paid"
    assert await tour.statuses(0) == "saaa"


@pytest.mark.parametrize(
    ("token", "paid_status", "code", "seat"),
    [("timeout", 202, "payment_in_progress", "haaa"), ("ok", 200, "already_paid", "saaa")],
)
async def test_a_cart_with_a_part_that_is_paid_alone_stays(
    start_api: StartApi, token: str, paid_status: int, code: str, seat: str
) -> None:
    tour = await open_tour(await start_api(gateway_timeout_ms=100))
    cart = await tour.take((0, 0), (1, 1))
    part = await part_of(tour.front, cart, tour.events[0])
    assert (await tour.front.pay(part, token)).status == paid_status
    shown = (await tour.front.get(cart)).body
    for _ in range(2):
        refused = await tour.front.call("DELETE", cart)
        assert (refused.status, refused.code) == (409, code)
    assert (await tour.front.get(cart)).body == shown
    assert [await tour.statuses(show) for show in (0, 1)] == [seat, "ahaa"]


async def test_a_part_whose_payment_begins_while_its_cart_is_given_back_stays(
    tour: Tour, monkeypatch: pytest.MonkeyPatch
) -> None:
    cart = await tour.take((0, 0))
    part = await part_of(tour.front, cart, tour.events[0])
    app = tour.front.client.server.app  # type: ignore[attr-defined]  # a TestServer has its app
    engine, submit = app[ENGINE], app[ENGINE].submit

    async def late(command: Cancel) -> object:
        await submit(BeginPayment(part["id"], "pay-1", PRICE, ""))
        return await submit(command)

    with monkeypatch.context() as patched:
        patched.setattr(engine, "submit", lambda each: late(each) if isinstance(each, Cancel) else submit(each))
        assert (await tour.front.call("DELETE", cart)).code == "payment_in_progress"
    assert [item["seat"]["seat_id"] for item in (await tour.front.get(cart)).body["items"]] == [tour.seats[0]]
    assert await tour.statuses(0) == "haaa"


async def test_a_cart_that_was_emptied_in_twenty_events_takes_the_next(front: Front) -> None:
    events = [await front.event(5) for _ in range(21)]
    cart = new_cart()
    keep = await front.event(5)
    assert (await add_places(front, cart, keep)).status == 200
    for event in events:
        assert (await add_places(front, cart, event)).status == 200, "there is room again"
        path = f"{cart}/events/{event['id']}/tickets/{event['tickets'][0]['id']}"
        assert (await front.call("DELETE", path)).status == 200
    assert [item["event"]["id"] for item in (await front.get(cart)).body["items"]] == [keep["id"]]


async def test_a_cart_whose_parts_were_cancelled_elsewhere_takes_more(front: Front) -> None:
    """The state after a crash, or a DELETE of the reservations: events of which nothing is left."""
    events = [await front.event(5) for _ in range(21)]
    cart = new_cart()
    for event in events[:20]:
        assert (await add_places(front, cart, event)).status == 200
    assert (await add_places(front, cart, events[20])).code == "limit_exceeded"
    part = await part_of(front, cart, events[3])
    assert (await front.call("DELETE", f"/v1/reservations/{part['id']}")).status == 204
    assert len((await add_places(front, cart, events[20])).body["items"]) == 20


async def add_places(front: Front, cart: str, event: Json, quantity: int = 1) -> Answer:
    body = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "quantity": quantity}
    return await front.call("POST", cart, body)


async def test_held_places_keep_their_price(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    await tour.stand(cart, 0, 2)
    held = PRICE + 2 * GENERAL
    await reprice(tour, 0, 0, DEAR)
    await reprice(tour, 0, 2, DEAR)
    assert total(await tour.add(cart, 0, 0)) == held, "the seat again"
    assert total(await tour.stand(cart, 0, 2)) == held, "the places again"
    assert total(await tour.stand(cart, 0, 3)) == held + DEAR, "one more at today's price"
    assert total(await tour.stand(cart, 0, 3)) == held + DEAR
    assert total(await tour.stand(cart, 0, 2)) == held, "what was taken last goes first"
    assert total(await tour.stand(cart, 0, 1)) == held - GENERAL, "fewer, and no dearer"
    assert total(await tour.add(cart, 0, 0, price=1)) == CHILD + GENERAL, "another ticket has its own price"


async def test_an_emptied_reservation_cannot_be_paid(tour: Tour, sync: None) -> None:
    cart = await tour.take((0, 0))
    part = await part_of(tour.front, cart, tour.events[0])
    await tour.remove(cart, 0, 0)
    answer = await tour.front.pay(part, amount=0)
    assert (answer.status, answer.code) == (410, "cancelled")
    assert (await tour.front.read(part))["status"] == "cancelled"

    async def counted() -> bool:
        statistics = (await tour.front.get(f"/v1/events/{tour.events[0]['id']}/statistics")).body
        return (statistics["conversion"], statistics["cancelled"]) == (0, 1)

    await wait_until(counted)


async def test_a_wrong_total_takes_nothing_into_a_cart(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    event = tour.events[0]
    body = {"event_id": event["id"], "price_id": event["tickets"][2]["id"], "quantity": 2}
    wrong = body | {"expected_total": {"amount": 1, "currency": "EUR"}}
    answer = await tour.front.call("POST", cart, wrong)
    assert (answer.code, answer.body["total"]) == ("price_changed", {"amount": 2 * GENERAL, "currency": "EUR"})
    assert await standing_left(tour, 0) == (10, 0, 0)
    assert total(await tour.front.call("POST", cart, wrong | {"expected_total": answer.body["total"]})) == (
        PRICE + 2 * GENERAL
    )
    new = wrong | {"event_id": tour.events[1]["id"], "price_id": tour.events[1]["tickets"][2]["id"]}
    assert (await tour.front.call("POST", cart, new)).code == "price_changed"
    assert (await tour.front.get(cart)).body["total"]["amount"] == PRICE + 2 * GENERAL


async def test_a_cart_of_events_that_cost_nothing_is_sold_when_it_is_booked(front: Front) -> None:
    events = [await front.event(5, price=0) for _ in range(2)]
    cart = new_cart()
    for event in events:
        await add_places(front, cart, event, 2)
    payment_id = (await front.call("PUT", f"{cart}/book")).body["payment_id"]
    assert (await front.get(f"/v1/payments/{payment_id}")).body["status"] == "completed"
    assert (await front.get(cart)).body["status"] == "completed"
    for event in events:
        assert await front.counts(event["tickets"][0]["id"]) == (3, 0, 2)
    assert (await front.call("PUT", f"{cart}/book")).body["payment_id"] == payment_id


async def test_paying_nothing_needs_no_token_and_no_gateway(start_api: StartApi) -> None:
    front = await start_api(gateway_url="http://127.0.0.1:1")
    event = await front.event(5, price=0)
    held = await front.held((event["tickets"][0]["id"], 1))
    answer = await front.call("POST", f"/v1/reservations/{held['id']}/pay", {"amount": 0, "currency": "EUR"})
    assert (answer.status, answer.body["status"]) == (200, "paid")
    dear = await front.event(5)
    held = await front.held((dear["tickets"][0]["id"], 1))
    body = {"amount": 2500, "currency": "EUR"}
    assert (await front.call("POST", f"/v1/reservations/{held['id']}/pay", body)).code == "invalid"


async def test_a_reservation_at_another_price_than_was_shown_is_not_made(front: Front) -> None:
    event = await front.event(venue_id=None, tickets=[ticket("VIP", 5, 3000), ticket("Regular", 5, 1000)])
    vip, regular = (each["id"] for each in event["tickets"])
    body = {
        "items": [{"ticket_id": vip, "quantity": 2}, {"ticket_id": regular, "quantity": 1}],
        "customer": {"id": "22"},
        "expected_total": {"amount": 6999, "currency": "EUR"},
    }
    answer = await front.call("POST", "/v1/reservations", body)
    assert (answer.status, answer.code) == (409, "price_changed")
    assert answer.body["total"] == {"amount": 7000, "currency": "EUR"}
    assert await front.counts(vip) == (5, 0, 0)
    dollars = body | {"expected_total": {"amount": 7000, "currency": "USD"}}
    assert (await front.call("POST", "/v1/reservations", dollars)).code == "currency_not_supported"
    made = await front.call("POST", "/v1/reservations", body | {"expected_total": answer.body["total"]})
    assert (made.status, made.body["total"]["amount"]) == (201, 7000)
