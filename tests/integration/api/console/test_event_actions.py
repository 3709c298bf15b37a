"""Each action on an event, done in the browser: its effect by the API, its reason in the log, and no effect twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import APIResponse, Browser, Page, Route, expect

from tests.integration.api.shop.conftest import OpenShop
from tests.support.api.api_client import Front, Json
from tests.support.api.buyer import check_accessible
from tests.support.api.manager import Manager, managing
from tests.support.api.two_event_carts import Tour, open_tour, pinned_places
from tests.support.payments.charging import refund_at_gateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

STREAM_SECONDS = 0.2  # between two looks of a stream of seats
FAR = "2027-05-01T18:00:00Z"


@pytest_asyncio.fixture(loop_scope="session")
async def manager(open_shop: OpenShop, browser: Browser) -> AsyncIterator[Manager]:
    async with managing(browser, open_shop.url, open_shop.front) as made:
        yield made


async def read(front: Front, event: Json) -> Json:
    return (await front.get(f"/v1/events/{event['id']}")).body


async def read_room(front: Front, event: Json) -> Json:
    return (await front.get(f"/v1/events/{event['id']}/queue")).body


async def test_a_sale_is_paused_and_resumed(manager: Manager) -> None:
    event = await manager.front.event(10)
    await manager.front.held((event["tickets"][0]["id"], 2))
    await manager.open_event(event)
    await manager.page.get_by_role("button", name="Pause the sale").click()
    await expect(manager.dialog).to_contain_text("1 live hold with 2 places stays, and can be paid.")
    await check_accessible(manager.page)
    await manager.press("Pause the sale")
    assert (await read(manager.front, event))["status"] == "on_sale", "without a reason nothing is done"
    await manager.confirm("Pause the sale", "Storm over the stage – für heute")
    await expect(manager.panel("Sale")).to_contain_text("Paused")
    assert (await read(manager.front, event))["status"] == "paused"
    (entry,) = await manager.logged("Storm over the stage – für heute")
    assert (entry["action"], entry["resource"]) == ("change_event", f"event/{event['id']}")
    await manager.page.get_by_role("button", name="Put on sale").click()
    await manager.confirm("Put on sale", "The storm is over")
    await expect(manager.page.get_by_role("button", name="Pause the sale")).to_be_visible()
    assert (await read(manager.front, event))["status"] == "on_sale"
    await manager.logged("The storm is over")


async def test_an_event_is_cancelled_and_everybody_refunded(manager: Manager) -> None:
    front = manager.front
    event = await front.event(10)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 1))
    good, bad = await front.paid((ticket_id, 2)), await front.paid((ticket_id, 1))
    await refund_at_gateway(front, bad["payment"]["id"], 1000)  # so that its refund cannot be made
    await manager.open_event(event)
    await manager.page.get_by_role("button", name="Cancel the event").click()
    await expect(manager.dialog).to_contain_text("2 paid reservations (€75.00) can be refunded afterwards.")
    await manager.confirm("Cancel the event", "The band is ill")
    await expect(manager.panel("Sale")).to_contain_text("Cancelled")
    assert (await front.read(held))["status"] == "cancelled"
    assert "change_event" in {entry["action"] for entry in await manager.logged("The band is ill", or_more=True)}
    await manager.page.get_by_role("button", name="Refund everybody").click()
    await expect(manager.dialog).to_contain_text("2 reservations are still to be refunded")
    await manager.confirm("Refund everybody", "The band is ill, refunds")
    await expect(manager.panel("Sale")).to_contain_text("1 of 2 reservations refunded, 1 under way")
    await expect(manager.panel("Sale").get_by_role("row", name="disputed")).to_contain_text(bad["id"])
    assert (await front.read(good))["status"] == "refunded"
    refunds = await manager.logged("The band is ill, refunds", or_more=True)
    assert [entry["resource"] for entry in refunds if "/refund" in entry["resource"]] == [f"event/{event['id']}/refund"]
    await check_accessible(manager.page)


async def test_a_price_is_changed_with_a_look_at_who_keeps_the_old_one(manager: Manager) -> None:
    event = await manager.front.event(10)
    ticket_id = event["tickets"][0]["id"]
    await manager.front.held((ticket_id, 2))
    await manager.front.paid((ticket_id, 1))
    await manager.open_event(event)
    await manager.page.get_by_role("button", name="Price: T0").click()
    await manager.dialog.get_by_label("New price in EUR").fill("30,5")
    await expect(manager.dialog).to_contain_text("From €25.00 to €30.50")
    await expect(manager.dialog).to_contain_text("1 live hold with 2 places keeps its price.")
    await expect(manager.dialog).to_contain_text("1 paid reservation with 1 places stays as it is.")
    await manager.confirm("Change the price", "Agreed with the promoter")
    await expect(manager.panel("Tickets")).to_contain_text("€30.50")
    await expect(manager.page.get_by_role("button", name="Price: T0")).to_be_focused()
    assert (await read(manager.front, event))["tickets"][0]["price"]["amount"] == 3050
    (entry,) = await manager.logged("Agreed with the promoter")
    assert [entry[when]["price"]["amount"] for when in ("before", "after")] == [2500, 3050]


async def test_a_capacity_below_what_is_taken_is_refused_in_words(manager: Manager) -> None:
    event = await manager.front.event(10)
    ticket_id = event["tickets"][0]["id"]
    await manager.front.held((ticket_id, 4))
    await manager.open_event(event)
    await manager.page.get_by_role("button", name="Capacity: T0").click()
    await manager.dialog.get_by_label("New capacity").fill("3")
    await expect(manager.dialog).to_contain_text("4 places are held, sold or kept, so the capacity cannot be lower.")
    await manager.give("Fewer chairs")
    await manager.press("Change the capacity")
    await expect(manager.dialog.get_by_role("alert")).to_contain_text("4 places are taken")
    await check_accessible(manager.page)
    await manager.dialog.get_by_label("New capacity").fill("5")
    await expect(manager.dialog).to_contain_text("1 is left for sale.")
    await manager.press("Change the capacity")
    await manager.says("T0 has a capacity of 5.")
    assert (await read(manager.front, event))["tickets"][0]["capacity"] == 5
    await manager.logged("Fewer chairs")


async def test_a_ticket_is_paused_and_resumed(manager: Manager) -> None:
    event = await manager.front.event(10, 5)
    await manager.open_event(event)
    await manager.page.get_by_role("button", name="Pause: T1").click()
    await manager.confirm("Pause the ticket", "Wrong price")
    await expect(manager.page.get_by_role("button", name="Resume: T1")).to_be_visible()
    assert [each["paused"] for each in (await read(manager.front, event))["tickets"]] == [False, True]
    await manager.page.get_by_role("button", name="Resume: T1").click()
    await manager.confirm("Resume the ticket", "Right price")
    await expect(manager.page.get_by_role("button", name="Pause: T1")).to_be_visible()
    assert [each["paused"] for each in (await read(manager.front, event))["tickets"]] == [False, False]
    assert len(await manager.logged("Wrong price") + await manager.logged("Right price")) == 2


async def test_holds_of_an_event_are_released_and_a_payment_under_way_is_left(manager: Manager) -> None:
    front = manager.front
    event = await front.event(20)
    ticket_id = event["tickets"][0]["id"]
    holds = [await front.held((ticket_id, 2)) for _ in range(3)]
    pinned, paid = await pinned_places(front, event, 1), await front.paid((ticket_id, 1))
    await manager.open_event(event)
    await manager.page.get_by_role("button", name="Release all holds").click()
    await expect(manager.dialog).to_contain_text("3 live holds of 3 customers with 6 places end.")
    await expect(manager.dialog).to_contain_text("1 payment under way is left alone.")
    await expect(manager.dialog).to_contain_text("1 paid reservation is left alone.")
    await manager.confirm("Release the holds", "Robots took them")
    await manager.says("3 holds with 6 places are released. 1 was left, because its payment is under way.")
    assert [(await front.read(each))["status"] for each in holds] == ["cancelled"] * 3
    assert [(await front.read(each))["status"] for each in (pinned, paid)] == ["paying", "paid"]
    assert {entry["action"] for entry in await manager.logged("Robots took them", times=3)} == {"release_holds"}


async def test_holds_of_one_customer_are_released(manager: Manager) -> None:
    front = manager.front
    event = await front.event(20)
    mine, other = [await front.held((event["tickets"][0]["id"], 1), customer=who) for who in ("robot-7", "8")]
    await manager.open_event(event)
    await manager.page.get_by_label("Customer's id").fill("robot-7")
    await manager.page.get_by_role("button", name="Release this customer's holds").click()
    await manager.confirm("Release the holds", "One robot")
    await manager.says("1 hold with 1 places is released.")
    assert [(await front.read(each))["status"] for each in (mine, other)] == ["cancelled", "held"]
    await manager.logged("One robot")


async def test_after_a_lost_answer_a_second_try_does_nothing_twice(manager: Manager) -> None:
    front = manager.front
    event = await front.event(20)
    ticket_id = event["tickets"][0]["id"]
    hold = await front.held((ticket_id, 2))
    await manager.open_event(event)
    await manager.page.get_by_role("button", name="Release all holds").click()

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await manager.page.route("**/holds/release", lose)
    await manager.give("Lost on the way")
    await manager.press("Release the holds")
    await expect(manager.dialog.get_by_role("alert")).to_contain_text("It is not known whether it was done. Try again")
    await expect(manager.dialog.get_by_label("Reason")).to_be_disabled()
    await expect(manager.dialog.get_by_role("button", name="Release the holds")).to_be_focused()
    assert (await front.read(hold))["status"] == "cancelled"
    later = await front.held((ticket_id, 1))
    await manager.page.unroute("**/holds/release")
    await manager.press("Release the holds")
    await manager.says("1 hold with 2 places is released.")
    assert (await front.read(later))["status"] == "held", "what came after the first try is not touched"
    await manager.logged("Lost on the way")


async def answer_as_at_first(page: Page, path: str) -> None:
    """Answers later requests for `path` like the first, and after what the stream told: a copy shared for a moment."""
    first: APIResponse | None = None

    async def answer(route: Route) -> None:
        nonlocal first
        if first is None:
            first = await route.fetch()
        else:
            await asyncio.sleep(5 * STREAM_SECONDS)
        await route.fulfill(response=first)

    await page.route(path, answer)


async def states(tour: Tour) -> str:
    return await tour.statuses(0)


async def test_seats_are_blocked_and_put_back_on_sale(manager: Manager) -> None:
    tour = await open_tour(manager.front)
    await answer_as_at_first(manager.page, "**/seats?format=compact")
    await manager.open_event(tour.events[0])
    seats = manager.panel("Seats")
    await seats.get_by_label("To seat").fill("2")
    await seats.get_by_role("button", name="Choose these seats").click()
    await expect(seats).to_contain_text("2 seats are chosen: 2 free.")
    await seats.get_by_role("button", name="Block free seats").click()
    await manager.confirm("Block free seats", "Cameras stand there")
    await manager.says("2 seats are blocked.")
    assert await states(tour) == "bbaa"
    await manager.logged("Cameras stand there")
    # On the map, by the keyboard.
    await expect(seats.get_by_label("Map of Stalls")).to_be_focused()
    for key in ("Home", "Home", "ArrowRight", "Enter"):
        await manager.page.keyboard.press(key)
    await expect(seats).to_contain_text("1 seat is chosen: 1 blocked.")
    await seats.get_by_role("button", name="Put blocked seats on sale").click()
    await manager.confirm("Put blocked seats on sale", "One camera is gone")
    await manager.says("1 seat is on sale.")
    assert await states(tour) == "baaa"
    await manager.logged("One camera is gone")
    await check_accessible(manager.page)


async def test_a_seat_taken_meanwhile_is_reported_and_its_hold_can_be_released(manager: Manager) -> None:
    tour = await open_tour(manager.front)
    await manager.open_event(tour.events[0])
    seats = manager.panel("Seats")
    await seats.get_by_label("To seat").fill("1")
    await seats.get_by_role("button", name="Choose these seats").click()
    await seats.get_by_role("button", name="Block free seats").click()
    await tour.take((0, 0))
    await manager.give("Too late")
    await manager.press("Block free seats")
    await expect(manager.dialog.get_by_role("alert")).to_contain_text("1 of these seats is taken")
    await manager.dialog.get_by_role("button", name="Do nothing").click()
    await expect(seats).to_contain_text("1 seat is chosen: 1 held.")
    await seats.get_by_role("button", name="Release the hold").click()
    await expect(manager.dialog).to_contain_text("row A, seat 1")
    await manager.confirm("Release the holds", "The seat is broken")
    await manager.says("1 hold with 1 places is released.")
    assert await states(tour) == "aaaa"
    await manager.logged("The seat is broken")


async def test_a_waiting_room_is_opened_steered_and_given_a_message(manager: Manager) -> None:
    event = await manager.front.event(10, sale_opens_at=FAR, waiting_room={"opens_at": FAR, "per_minute": 300})
    await manager.open_event(event)
    room = manager.panel("Waiting room")
    await expect(room).to_contain_text("Closed: customers can join from")
    await room.get_by_role("button", name="Open now").click()
    await manager.confirm("Open now", "They stand in the rain")
    await expect(room).to_contain_text("Customers gather")
    assert (await read_room(manager.front, event))["phase"] == "gathering"
    await room.get_by_role("button", name="Faster").click()
    await expect(manager.dialog.get_by_label("Customers a minute")).to_have_value("450")
    await manager.confirm("Set the pace", "It is calm")
    await manager.says("At most 450 a minute are let in.")
    await room.get_by_role("button", name="Slower").click()
    await manager.dialog.get_by_label("Customers a minute").fill("60")
    await manager.confirm("Set the pace", "The gateway is slow")
    assert (await read_room(manager.front, event))["per_minute"] == 60
    await room.get_by_role("button", name="Message").click()
    await manager.dialog.get_by_label("Message", exact=True).fill("We open at eight")
    await manager.confirm("Tell them", "Many asked")
    await expect(room).to_contain_text("All are told: We open at eight")
    now = await read_room(manager.front, event)
    assert (now["phase"], now["message"]) == ("gathering", "We open at eight")
    for reason in ("They stand in the rain", "It is calm", "The gateway is slow", "Many asked"):
        await manager.logged(reason)


async def test_an_event_gets_a_waiting_room_which_is_paused_and_resumed(manager: Manager) -> None:
    event = await manager.front.event(10)
    await manager.open_event(event)
    room = manager.panel("Waiting room")
    await room.get_by_role("button", name="Open now").click()
    await expect(manager.dialog).to_contain_text("only be taken by customers whose turn it is")
    await manager.confirm("Open now", "Too many at once")
    await manager.says("The waiting room is open.")
    assert (await read(manager.front, event))["waiting_room"]["places_per_pass"] == 4
    await room.get_by_role("button", name="Pause").click()
    await manager.confirm("Pause", "The gateway is away")
    await expect(room).to_contain_text("Paused: nobody is let in.")
    assert (await read_room(manager.front, event))["phase"] == "paused"
    await room.get_by_role("button", name="Resume").click()
    await manager.confirm("Resume", "The gateway is back")
    await expect(room).to_contain_text("Customers are let in.")
    assert (await read_room(manager.front, event))["phase"] == "serving"
    for reason in ("Too many at once", "The gateway is away", "The gateway is back"):
        await manager.logged(reason)


async def test_codes_are_created_listed_and_withdrawn(manager: Manager) -> None:
    event = await manager.front.event(10)
    path = f"/v1/events/{event['id']}/codes"
    await manager.open_event(event)
    codes = manager.panel("Codes")
    await codes.get_by_role("button", name="Create codes").click()
    await manager.dialog.get_by_label("Kind").select_option("discount")
    await manager.dialog.get_by_label("Codes by name").fill("FAN27 FAN28")
    await manager.dialog.get_by_label("Percent off").fill("20")
    await manager.dialog.get_by_label("Most uses of each").fill("3")
    await expect(manager.dialog).to_contain_text("2 codes that make each place 20 % cheaper.")
    await check_accessible(manager.page)
    await manager.confirm("Create codes", "For the fan club")
    await manager.says("2 codes are made, the first: FAN27, FAN28")
    await expect(codes.get_by_role("row", name="FAN27")).to_contain_text("discount: 20 % off")
    made = (await manager.front.get(f"{path}/FAN27")).body
    assert (made["kind"], made["percent"], made["max_uses"]) == ("discount", 20, 3)
    await manager.logged("For the fan club")
    await codes.get_by_role("row", name="FAN28").get_by_role("button").click()
    await manager.confirm("Withdraw", "It leaked")
    await manager.says("The code FAN28 is withdrawn.")
    await expect(codes.get_by_role("row", name="FAN28")).to_have_count(0)
    assert await manager.front.refused("GET", f"{path}/FAN28") == "code_unknown"
    await manager.logged("It leaked")


async def test_the_view_follows_the_event_that_is_chosen(manager: Manager) -> None:
    first, second = (
        await manager.front.event(10, name="First night"),
        await manager.front.event(20, name="Second night"),
    )
    await manager.open_event(first)
    await manager.page.get_by_label("Event", exact=True).select_option(str(second["id"]))
    await expect(manager.panel("Tickets").get_by_role("table")).to_have_accessible_name("Tickets of Second night")
    await manager.page.reload()
    await expect(manager.panel("Tickets").get_by_role("table")).to_have_accessible_name("Tickets of Second night")
