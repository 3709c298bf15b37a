"""Carts with seats that the server chose, and with places of slots."""

from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front
from tests.support.api.timed_event import DAY, open_museum
from tests.support.api.two_event_carts import CHILD, PRICE, Tour, check_cart, new_cart, open_tour


async def test_the_best_seats_join_what_the_cart_has(tour: Tour) -> None:
    event, cart = tour.events[0], await tour.take((0, 1))
    best = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "quantity": 3, "best_available": True}
    answer = await tour.front.call("POST", cart, best | {"together": True})
    assert answer.status == 200, answer
    check_cart(answer.body)
    assert await tour.statuses(0) == "ahhh", "two side by side, beside the one that it had"
    assert (await tour.front.call("POST", cart, best)).body == answer.body, "again: it has so many"
    assert answer.body["total"]["amount"] == 3 * PRICE
    assert await tour.front.refused("POST", cart, best | {"quantity": 2}) == "invalid"
    assert await tour.front.refused("POST", cart, best | {"quantity": 5}) == "sold_out"


async def test_the_best_seats_are_taken_at_the_price_that_was_shown(tour: Tour) -> None:
    event, cart = tour.events[0], await tour.take((0, 0))
    best = {"event_id": event["id"], "price_id": event["tickets"][1]["id"], "quantity": 2, "best_available": True}
    shown = {"expected_total": {"amount": 2 * CHILD - 1, "currency": "EUR"}}
    refused = await tour.front.call("POST", cart, best | shown)
    assert (refused.code, refused.body["total"]["amount"]) == ("price_changed", 2 * CHILD)
    assert await tour.statuses(0) == "haaa"
    answer = await tour.front.call("POST", cart, best | {"expected_total": refused.body["total"]})
    assert answer.body["total"]["amount"] == PRICE + 2 * CHILD


async def test_places_of_slots_are_paid_for_with_the_rest_of_the_cart(front: Front) -> None:
    ticket = {"ticket_type": "Entry", "price": {"amount": 1200, "currency": "EUR"}}
    museum, cart = await open_museum(front, tickets=[ticket]), new_cart()
    other = await front.event(5)
    place = {"event_id": museum.event["id"], "price_id": museum.event["tickets"][0]["id"], "slot": f"{DAY}T13:30"}
    for quantity in (2, 3):
        answer = await front.call("POST", cart, place | {"quantity": quantity})
        assert answer.status == 200, answer
    later = await front.call("POST", cart, place | {"quantity": 1, "slot": f"{DAY}T16:15"})
    assert [(item["slot"], item["quantity"]) for item in later.body["items"]] == [
        (f"{DAY}T13:30", 3),
        (f"{DAY}T16:15", 1),
    ]
    assert await museum.taken() == 3
    both = await front.call(
        "POST", cart, {"event_id": other["id"], "price_id": other["tickets"][0]["id"], "quantity": 1}
    )
    assert both.body["total"]["amount"] == 4 * 1200 + 2500
    fewer = await front.call("POST", cart, place | {"quantity": 0})
    assert fewer.status == 200, fewer
    assert [(item.get("slot"), item["quantity"]) for item in fewer.body["items"]] == [
        (f"{DAY}T16:15", 1),
        (None, 1),
    ], "places of other slots stay"
    assert await museum.taken() == 0
    again = await front.call("POST", cart, place | {"quantity": 0})
    assert (again.status, again.code) == (409, "not_held")
    await front.call("POST", cart, place | {"quantity": 3})
    without = await front.call("DELETE", f"{cart}/events/{museum.event['id']}/tickets/{place['price_id']}")
    assert [item["event"]["id"] for item in without.body["items"]] == [other["id"]]
    assert await museum.taken() == 0


async def test_an_item_says_just_what_its_kind_of_ticket_needs(start_api: StartApi) -> None:
    tour = await open_tour(await start_api())
    museum = await open_museum(
        tour.front, tickets=[{"ticket_type": "Entry", "price": {"amount": 1200, "currency": "EUR"}}]
    )
    event, cart = tour.events[0], new_cart()
    seated = {"event_id": event["id"], "price_id": event["tickets"][0]["id"]}
    standing = {"event_id": event["id"], "price_id": event["tickets"][2]["id"], "quantity": 1}
    timed = {"event_id": museum.event["id"], "price_id": museum.event["tickets"][0]["id"], "quantity": 1}
    for body, where in (
        (seated | {"best_available": True}, "quantity"),
        (seated | {"best_available": True, "quantity": 0}, "quantity"),
        (seated | {"best_available": True, "quantity": 1, "seat_id": tour.seats[0]}, "seat_id"),
        (seated | {"seat_id": tour.seats[0], "together": True}, "together"),
        (seated | {"seat_id": tour.seats[0], "slot": f"{DAY}T13:30"}, "slot"),
        (standing | {"best_available": True}, "best_available"),
        (standing | {"slot": f"{DAY}T13:30"}, "slot"),
        (timed, "slot"),
        (timed | {"slot": DAY}, "slot"),
        (timed | {"slot": "2020-01-01T13:30"}, "slot"),
    ):
        answer = await tour.front.call("POST", cart, body)
        assert (answer.status, answer.body["fields"][0]["path"]) == (422, where), (body, answer.body)
    wrong = timed | {"slot": f"{DAY}T13:31"}
    assert await tour.front.refused("POST", cart, wrong) == "slot_not_scheduled"
