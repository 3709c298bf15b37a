"""Carts: places of several events, held as one."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from api.app_keys import ENGINE
from engine.carts import Cart, Carts
from engine.commands.holds import Add
from engine.engine import Engine
from payments.cart_items import CartItems
from tests.integration.api.conftest import StartApi
from tests.support.api.two_event_carts import CHILD, GENERAL, PRICE, Tour, check_cart, new_cart, open_tour
from tests.support.waiting import wait_until


async def test_a_cart_has_seats_and_places_of_several_events(tour: Tour) -> None:
    cart = await tour.take((0, 0), (1, 2))
    answer = await tour.stand(cart, 1, 3)
    assert answer.status == 200
    check_cart(answer.body)
    assert answer.body["status"] == "open"
    items = [
        (item["event"]["id"], item["ticket_type"], item["seat"] and item["seat"]["seat_id"], item["quantity"])
        for item in answer.body["items"]
    ]
    first, second = (event["id"] for event in tour.events)
    assert items == [
        (first, "Adult", tour.seats[0], 1),
        (second, "Adult", tour.seats[2], 1),
        (second, "Standing", None, 3),
    ]
    assert answer.body["total"]["amount"] == 2 * PRICE + 3 * GENERAL
    assert (await tour.front.get(cart)).body == answer.body
    assert (await tour.front.get(cart.upper().replace("/V1/ORDERS/CARTS", "/v1/orders/carts"))).body == answer.body
    assert [await tour.statuses(show) for show in (0, 1)] == ["haaa", "aaha"]


async def test_the_same_item_again_has_the_same_answer(tour: Tour) -> None:
    cart = await tour.take((0, 0), (0, 1))
    first = (await tour.front.get(cart)).body
    assert (await tour.add(cart, 0, 0)).body == first
    standing = (await tour.stand(cart, 0, 2)).body
    assert (await tour.stand(cart, 0, 2)).body == standing
    assert (await tour.stand(cart, 0, 1)).body["total"]["amount"] == 2 * PRICE + GENERAL
    child = await tour.add(cart, 0, 1, price=1)
    assert child.body["total"]["amount"] == PRICE + CHILD + GENERAL, "the seat is at another price now"


async def test_the_first_item_starts_the_deadline_and_later_ones_do_not_move_it(tour: Tour) -> None:
    cart = new_cart()
    deadlines = [(await tour.add(cart, show, show)).body["expires_at"] for show in (0, 1, 0)]
    assert deadlines[0] is not None
    assert len(set(deadlines)) == 1
    await tour.remove(cart, 0, 0)
    assert (await tour.front.get(cart)).body["expires_at"] == deadlines[0]


async def test_an_item_that_cannot_be_had_starts_no_deadline(tour: Tour) -> None:
    await tour.take((0, 0))
    cart = new_cart()
    assert (await tour.add(cart, 0, 0)).code == "seat_taken"
    assert await tour.front.refused("GET", cart) == "not_found"
    assert await tour.front.refused("PUT", f"{cart}/book") == "not_found"
    await tour.take((0, 1), cart=cart)


async def test_two_carts_fight_for_a_seat(tour: Tour) -> None:
    carts = [new_cart() for _ in range(8)]
    answers = await asyncio.gather(*(tour.add(cart, 0, 1) for cart in carts))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    for answer in answers:
        if answer.status == 409:
            assert (answer.code, answer.body["seat_ids"]) == ("seat_taken", [tour.seats[1]])
    assert await tour.statuses(0) == "ahaa"


async def test_a_seat_that_is_removed_is_available(tour: Tour) -> None:
    cart = await tour.take((0, 0), (0, 1))
    answer = await tour.remove(cart, 0, 0)
    assert answer.status == 200
    check_cart(answer.body)
    assert [item["seat"]["seat_id"] for item in answer.body["items"]] == [tour.seats[1]]
    assert await tour.statuses(0) == "ahaa"
    assert (await tour.remove(cart, 0, 0)).code == "not_held"
    assert (await tour.remove(cart, 1, 0)).code == "not_held"
    assert (await tour.remove(cart, 0, 1)).body["items"] == []
    assert await tour.front.refused("PUT", f"{cart}/book") == "not_held"


async def test_unknown_ids_and_wrong_shapes(tour: Tour) -> None:
    event, cart = tour.events[0], new_cart()
    adult, standing = event["tickets"][0]["id"], event["tickets"][2]["id"]
    right = {"event_id": event["id"], "price_id": adult, "seat_id": tour.seats[0]}
    for wrong in (
        {"event_id": 999},
        {"price_id": 999},
        {"seat_id": 999_999},
        {"price_id": tour.events[1]["tickets"][0]["id"]},
    ):
        assert await tour.front.refused("POST", cart, right | wrong) == "not_found", wrong
    standing_body = {"event_id": event["id"], "price_id": standing}
    for body, where in (
        (right | {"quantity": 1}, "quantity"),
        ({"event_id": event["id"], "price_id": adult}, "seat_id"),
        (standing_body | {"seat_id": tour.seats[0]}, "seat_id"),
        (standing_body, "quantity"),
        (standing_body | {"quantity": -1}, "quantity"),
        (right | {"seats": 1}, "seats"),
    ):
        answer = await tour.front.call("POST", cart, body)
        assert (answer.status, answer.body["fields"][0]["path"]) == (422, where), body
    for path in (cart, "/v1/orders/carts/abc", f"{cart}0"):
        assert await tour.front.refused("GET", path) == "not_found"
        assert await tour.front.refused("PUT", f"{path}/book") == "not_found"
    assert (await tour.remove(cart, 0, 0)).code == "not_found"
    assert await tour.front.refused("DELETE", f"{cart}/events/{event['id']}/seats/999999") == "not_found"
    assert await tour.front.refused("POST", "/v1/orders/carts/abc", right) == "not_found"
    for payment in ("pay-none", "cart-none", f"cart-{uuid4()}-1"):
        assert await tour.front.refused("GET", f"/v1/payments/{payment}") == "not_found"
        for outcome in ("complete", "failed"):
            assert (await tour.end(payment, outcome)).code == "not_found"


async def test_an_expired_cart_answers_expired_and_a_new_item_restarts_it(start_api: StartApi) -> None:
    tour = await open_tour(await start_api(), (1, 900))
    cart = await tour.take((0, 0), (1, 0))

    async def ran_out() -> bool:
        return (await tour.front.get(cart)).status == 410

    await wait_until(ran_out)
    assert await tour.front.refused("GET", cart) == "expired"
    assert await tour.front.refused("PUT", f"{cart}/book") == "not_held"
    assert (await tour.remove(cart, 0, 0)).code == "expired"
    answer = await tour.add(cart, 1, 0)
    assert answer.status == 200, "its own seat of before is for sale again"
    assert len(answer.body["items"]) == 1


async def test_a_hold_that_a_cart_takes_late_ends_with_the_cart(
    start_api: StartApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time passes between the look at the cart and the hold: on a busy machine, much of it."""
    has_lost = CartItems._has_lost

    async def late(self: CartItems, cart: Cart) -> bool:
        await asyncio.sleep(0.4)
        return await has_lost(self, cart)

    tour = await open_tour(await start_api(), (1, 900))
    with monkeypatch.context() as patch:
        patch.setattr(CartItems, "_has_lost", late)
        cart = await tour.take((0, 0), (1, 0))

    async def ran_out() -> bool:
        return (await tour.front.get(cart)).status == 410

    await wait_until(ran_out)
    assert (await tour.add(cart, 1, 0)).status == 200, "its own seat of before is for sale again"


async def test_a_cart_with_one_expired_hold_answers_expired_and_gives_back_the_rest(start_api: StartApi) -> None:
    tour = await open_tour(await start_api(), (900, 1))
    cart = await tour.take((0, 0), (1, 0))

    async def ran_out() -> bool:
        return (await tour.front.get(cart)).status == 410

    await wait_until(ran_out)
    assert await tour.front.refused("PUT", f"{cart}/book") == "not_held"
    assert await tour.statuses(0) == "aaaa", "nothing is pinned, and the longer hold has ended with the shorter"
    answer = await tour.add(cart, 1, 1)
    assert [item["seat"]["seat_id"] for item in answer.body["items"]] == [tour.seats[1]]
    assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "ahaa"]


async def test_items_that_come_while_the_cart_is_booked_are_in_the_payment_or_refused(tour: Tour) -> None:
    for seat in range(4):
        cart = await tour.take((0, seat))
        added, booked = await asyncio.gather(tour.add(cart, 1, seat), tour.front.call("PUT", f"{cart}/book"))
        assert booked.status == 200
        assert (added.status, None if added.status == 200 else added.code) in [
            (200, None),
            (409, "payment_in_progress"),
        ]
        shown = (await tour.front.get(cart)).body
        assert len(shown["items"]) == (2 if added.status == 200 else 1)
        assert (await tour.statuses(1))[seat] == ("h" if added.status == 200 else "a")


async def test_a_storm_of_calls_leaves_every_cart_in_order(tour: Tour) -> None:
    chance = random.Random(20_261_121)  # noqa: S311  # the same calls every time
    carts = [new_cart() for _ in range(3)]
    seen: Counter[tuple[str, int, str]] = Counter()

    async def act() -> None:
        cart, show, seat = chance.choice(carts), chance.randrange(2), chance.randrange(4)
        what = chance.choice(("add", "add", "add", "remove", "stand", "book", "end", "read"))
        match what:
            case "add":
                answer = await tour.add(cart, show, seat)
            case "stand":
                answer = await tour.stand(cart, show, chance.randint(1, 3))
            case "remove":
                answer = await tour.remove(cart, show, seat)
            case "book":
                answer = await tour.front.call("PUT", f"{cart}/book")
            case "end":
                payment_id = (await tour.front.get(cart)).body.get("payment_id")
                answer = await tour.end(payment_id or "pay-none", "failed")
            case _:
                answer = await tour.front.get(cart)
        seen[what, answer.status, "" if answer.status < 400 else answer.code] += 1

    for _ in range(60):
        await asyncio.gather(*(act() for _ in range(8)))
    assert {status for _, status, _ in seen} <= {200, 404, 409}, seen
    assert {what for what, status, _ in seen if status == 200} == {"add", "stand", "remove", "book", "end", "read"}

    taken: Counter[tuple[int, int]] = Counter()
    for cart in carts:
        shown = (await tour.front.get(cart)).body
        check_cart(shown)
        if shown["status"] != "failed":
            taken.update((item["event"]["id"], item["seat"]["seat_id"]) for item in shown["items"] if item["seat"])
        if shown["status"] == "booked":
            payment = (await tour.front.get(f"/v1/payments/{shown['payment_id']}")).body
            assert payment["amount"] == shown["total"]["amount"]
            assert set(await tour.states(cart)) == {"paying"}
    assert set(taken.values()) <= {1}, "a seat is in two carts"
    for show in range(2):
        held = {seat for event_id, seat in taken if event_id == tour.events[show]["id"]}
        statuses = await tour.statuses(show)
        assert {seat for seat, status in zip(tour.seats, statuses, strict=True) if status == "h"} == held


async def before_the_next_add(
    tour: Tour, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Engine], Awaitable[object]]
) -> None:
    """Lets something happen after the API has looked at the cart and before the place is taken."""
    app = tour.front.client.server.app  # type: ignore[attr-defined]  # a TestServer has its app
    engine, submit = app[ENGINE], app[ENGINE].submit

    async def late(command: Add) -> object:
        monkeypatch.setattr(engine, "submit", submit)
        await happens(engine)
        return await submit(command)

    def choose(command: Any) -> Any:
        return late(command) if isinstance(command, Add) else submit(command)

    monkeypatch.setattr(engine, "submit", choose)


async def test_an_item_that_comes_after_the_booking_is_given_back(tour: Tour, monkeypatch: pytest.MonkeyPatch) -> None:
    cart = await tour.take((0, 0))
    await before_the_next_add(tour, monkeypatch, lambda _: tour.book(cart))
    assert (await tour.add(cart, 1, 0)).code == "payment_in_progress"
    assert [await tour.statuses(show) for show in (0, 1)] == ["haaa", "aaaa"]
    assert len((await tour.front.get(cart)).body["items"]) == 1


async def test_an_item_that_comes_during_the_booking_waits_for_its_end(
    tour: Tour, monkeypatch: pytest.MonkeyPatch
) -> None:
    cart = await tour.take((0, 0))
    await before_the_next_add(tour, monkeypatch, lambda engine: Carts(engine).begin(cart.rsplit("/", 1)[1]))
    async with asyncio.TaskGroup() as calls:
        adding = calls.create_task(tour.add(cart, 1, 0))

        async def is_added() -> bool:
            return (await tour.statuses(1)) == "haaa"

        await wait_until(is_added)
        assert not adding.done()
        await tour.book(cart)
    assert (adding.result().status, adding.result().body["status"]) == (200, "booked")
    assert await tour.states(cart) == ["paying", "paying"]


async def test_an_item_goes_into_the_cart_that_restarted_meanwhile(tour: Tour, monkeypatch: pytest.MonkeyPatch) -> None:
    cart = await tour.take((0, 0))

    async def fail_and_begin_again(_: Engine) -> None:
        await tour.end(await tour.book(cart), "failed")
        await tour.take((0, 1), cart=cart)

    await before_the_next_add(tour, monkeypatch, fail_and_begin_again)
    answer = await tour.add(cart, 1, 2)
    assert [item["seat"]["seat_id"] for item in answer.body["items"]] == [tour.seats[1], tour.seats[2]]
    assert [await tour.statuses(show) for show in (0, 1)] == ["ahaa", "aaha"]
