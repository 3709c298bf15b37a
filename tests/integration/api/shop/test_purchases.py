"""Purchases in the storefront, as people make them: with the mouse, by keyboard, on a phone; and the API is asked."""

import re

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.integration.api.shop.conftest import OpenShop
from tests.support.api.api_client import Json, ticket
from tests.support.api.buyer import PHONE, buying, check_accessible
from tests.support.api.timed_event import open_museum
from tests.support.api.two_event_carts import open_tour
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def seats_of(shop: OpenShop, event: Json) -> list[str]:
    """The rows of the event's first section, a letter for each seat."""
    (section, *_) = (await shop.front.get(f"/v1/events/{event['id']}/sections")).body["items"]
    path = f"/v1/events/{event['id']}/sections/{section['section_id']}/seats"
    return [row["seats"] for row in (await shop.front.get(path, format="compact")).body["rows"]]


async def pay(page: Page, card: str = "A card that pays") -> None:
    """Pays on the gateway's page."""
    await page.get_by_label(card).check()
    await page.get_by_role("button", name=re.compile("^Pay ")).click()


async def say_pending(route: Route) -> None:
    """Answers as while the bank has not answered."""
    answer = await route.fetch()
    await route.fulfill(response=answer, json=(await answer.json()) | {"status": "pending"})


async def test_places_are_bought_with_the_mouse(open_shop: OpenShop, browser: Browser) -> None:
    event = await open_shop.front.event(10, name="Evening of songs", description="An evening.")
    await open_shop.front.event(10, name="Other night", starts_at="2027-07-01T18:00:00Z")
    async with buying(browser, open_shop.url) as page:
        await page.goto("/")
        await expect(page).to_have_url(f"{open_shop.url}/shop")
        await check_accessible(page)
        await page.get_by_label("Search").fill("songs")
        await expect(page.get_by_role("link", name="Other night")).to_have_count(0)
        await page.get_by_role("link", name="Evening of songs").click()
        await expect(page.get_by_role("heading", level=1, name="Evening of songs")).to_be_focused()
        await page.get_by_role("button", name="Put into the basket").click()
        await expect(page.get_by_role("alert")).to_contain_text("Say how many tickets you want.")
        for _ in range(2):
            await page.get_by_role("button", name="More: How many T0").click()
        await page.get_by_role("button", name="Put into the basket").click()
        await expect(page.get_by_role("heading", name="Basket")).to_be_focused()
        await expect(page.locator("#basket")).to_contain_text("€50.00")
        await expect(page.locator("#basket")).to_contain_text(re.compile(r"Held for you for 1[45]:\d\d"))
        await expect(page.locator("#said")).to_contain_text("2 places are held for you.")
        await expect(page.locator(".ticket")).to_contain_text("8 left")
        await check_accessible(page)

        await page.get_by_role("button", name="Pay").click()
        await page.wait_for_url("**/pay?*")
        await check_accessible(page)
        await pay(page, "A card that is declined")
        await expect(page.get_by_role("alert")).to_contain_text("declined")
        await pay(page)
        await expect(page.get_by_role("heading", level=1, name="You’re going!")).to_be_focused()
        await expect(page.get_by_role("img", name=re.compile("Code of e-ticket"))).to_have_count(2)
        assert await open_shop.front.counts(event["tickets"][0]["id"]) == (8, 0, 2)
        drawn = "[...document.images].every((each) => each.naturalWidth)"
        await wait_until(lambda: page.evaluate(drawn), what="the codes of the e-tickets")
        await check_accessible(page)
        async with page.expect_download() as saved:
            await page.get_by_role("link", name="Add to the calendar").click()
        calendar = (await (await saved.value).path()).read_text(encoding="utf-8")
        assert "DTSTART:20270601T180000Z" in calendar
        assert "SUMMARY:Evening of songs" in calendar

        await page.reload()
        await expect(page.get_by_role("heading", name="You’re going!")).to_be_visible()
        await page.get_by_role("link", name="All events").click()
        await page.get_by_role("link", name="Order 1").click()
        await expect(page.get_by_role("heading", name="You’re going!")).to_be_visible()


async def test_seats_are_bought_with_the_keyboard_alone(open_shop: OpenShop, browser: Browser) -> None:
    tour = await open_tour(open_shop.front)
    event = tour.events[0]
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{event['id']}")
        canvas = page.get_by_role("application", name="Seats of Stalls")
        while not await canvas.evaluate("(canvas) => canvas === document.activeElement"):
            await page.keyboard.press("Tab")
        for key in ("ArrowRight", "ArrowRight", "Enter"):
            await page.keyboard.press(key)
        await expect(page.locator("#basket")).to_contain_text("row A, seat 2")
        await expect(page.locator("#said")).to_contain_text("Held for you: Row A, seat 2")
        await expect(canvas).to_be_focused()
        for key in ("ArrowRight", "Enter"):
            await page.keyboard.press(key)
        await expect(page.locator("#basket")).to_contain_text("row A, seat 3")
        assert await seats_of(open_shop, event) == ["ahha"]

        while not await page.get_by_role("button", name="Pay", exact=True).evaluate(
            "(b) => b === document.activeElement"
        ):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/pay?*")
        while not await page.locator("button.pay").evaluate("(b) => b === document.activeElement"):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="You’re going!")).to_be_focused()
        assert await seats_of(open_shop, event) == ["assa"]


async def test_the_best_seats_are_bought_on_a_phone(open_shop: OpenShop, browser: Browser) -> None:
    tour = await open_tour(open_shop.front)
    event = tour.events[0]
    phone = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "reduced_motion": "reduce", "locale": "de-DE"}
    async with buying(browser, open_shop.url, **phone) as page:
        await page.goto("/shop")
        await page.get_by_role("link", name=event["name"]).first.click()
        await page.get_by_label("Wie viele der besten Plätze Child", exact=True).fill("2")
        await page.get_by_role("button", name="In den Warenkorb").tap()
        await expect(page.locator("#basket-bar")).to_contain_text("2 Plätze · 30,00")
        await page.set_viewport_size({"width": 320, "height": 640})
        await check_accessible(page)
        await page.get_by_role("link", name="Zum Warenkorb").tap()
        await page.get_by_role("button", name="Bezahlen").tap()
        await page.wait_for_url("**/pay?*")
        await check_accessible(page)
        await page.get_by_role("button", name="Bezahlen").tap()
        await expect(page.get_by_role("heading", name="Sie sind dabei!")).to_be_visible()
        await check_accessible(page)


async def test_a_slow_bank_is_waited_for_and_a_cancelled_payment_gives_the_places_back(
    open_shop: OpenShop, browser: Browser
) -> None:
    event = await open_shop.front.event(10)
    async with buying(browser, open_shop.url, color_scheme="dark") as page:
        for number, (card, heading) in enumerate((("Cancel", "Not paid"), ("A bank that takes", "You’re going!"))):
            await page.goto(f"/shop/events/{event['id']}")
            await page.get_by_label("How many T0", exact=True).fill(str(number + 1))
            await page.get_by_role("button", name="Put into the basket").click()
            await page.get_by_role("button", name="Pay", exact=True).click()
            if card == "Cancel":
                await page.get_by_role("button", name="Cancel and go back").click()
            else:
                await page.route("**/v1/payments/*", say_pending)
                await pay(page, card)
                await expect(page.get_by_role("heading", name="Waiting for the payment")).to_be_visible()
                await check_accessible(page)
                await page.unroute_all(behavior="wait")
            await expect(page.get_by_role("heading", name=heading)).to_be_visible()
            await check_accessible(page)
    assert await open_shop.front.counts(event["tickets"][0]["id"]) == (8, 0, 2)


async def test_a_time_is_chosen_and_paid_for_with_the_rest(open_shop: OpenShop, browser: Browser) -> None:
    entry = {"ticket_type": "Entry", "price": {"amount": 1200, "currency": "EUR"}}
    museum = await open_museum(open_shop.front, tickets=[entry], name="Museum")
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{museum.event['id']}")
        await page.get_by_label("Day").fill("2027-09-12")
        await page.get_by_text("13:30", exact=True).click()
        await page.get_by_label("How many Entry", exact=True).fill("2")
        await check_accessible(page)
        await page.get_by_role("button", name="Put into the basket").click()
        await expect(page.locator("#basket")).to_contain_text("2 × Entry, 12 Sept 2027, 13:30")
        await expect(page.locator(".slots")).to_contain_text("18 left")
        await page.get_by_role("button", name="Take out 2 × Entry").click()
        await expect(page.locator("#basket")).to_contain_text("Nothing in it yet")
        assert await museum.taken() == 0


async def test_a_free_place_is_booked_moved_and_given_back(open_shop: OpenShop, browser: Browser) -> None:
    museum = await open_museum(open_shop.front, name="Free museum")
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{museum.event['id']}")
        await page.get_by_label("Day").fill("2027-09-12")
        await page.get_by_text("13:30", exact=True).click()
        await page.get_by_label("First name").fill("Milind")
        await page.get_by_label("Last name").fill("Rao")
        await page.get_by_label("Phone").fill("9334556789")
        await page.get_by_role("button", name="Book a free place").click()
        await expect(page.locator(".bookings")).to_contain_text("Booked for 12 Sept 2027, 13:30")
        await check_accessible(page)
        await page.locator(".bookings").get_by_label("Time").select_option("08:00")
        await page.get_by_role("button", name="Change").click()
        await expect(page.locator(".bookings")).to_contain_text("08:00")
        assert await museum.taken("08:00") == 1
        await page.get_by_role("button", name="Give back").click()
        await expect(page.locator(".bookings li")).to_have_count(0)
        assert await museum.taken("08:00") == 0


async def test_a_place_that_returns_is_offered_to_the_first_in_line(open_shop: OpenShop, browser: Browser) -> None:
    event = await open_shop.front.event(1, waiting_list={}, name="Tiny room")
    held = await open_shop.front.held((event["tickets"][0]["id"], 1), customer="early")
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{event['id']}")
        await expect(page.locator(".sale-state")).to_contain_text("Sold out")
        await page.get_by_label("E-mail for T0").fill("me@example.com")
        await page.get_by_role("button", name="Tell me when a place returns").click()
        await expect(page.locator(".waiting")).to_contain_text("You are number 1 in line.")
        await check_accessible(page)
        assert (await open_shop.front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204
        await page.locator(".waiting").get_by_role("link", name="Pay for it now").click()
        await expect(page.get_by_role("heading", level=1, name="Held for you")).to_be_focused()
        await check_accessible(page)
        await page.get_by_role("button", name="Continue to the payment").click()
        await pay(page)
        await expect(page.get_by_role("heading", name="You’re going!")).to_be_visible()
    assert await open_shop.front.counts(event["tickets"][0]["id"]) == (0, 0, 1)


async def test_a_code_makes_tickets_cheaper_and_opens_others(open_shop: OpenShop, browser: Browser) -> None:
    event = await open_shop.front.event(tickets=[ticket("Regular", 10, 5000), ticket("Fans", 5, 4000)])
    regular, fans = (each["id"] for each in event["tickets"])
    await open_shop.front.call("PATCH", f"/v1/tickets/{fans}", {"hidden": True})
    codes = f"/v1/events/{event['id']}/codes"
    await open_shop.front.call(
        "POST", codes, {"codes": ["HALF"], "kind": "discount", "percent": 50, "ticket_ids": [regular]}
    )
    await open_shop.front.call("POST", codes, {"codes": ["FAN27"], "kind": "access", "ticket_ids": [fans]})
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{event['id']}")
        await expect(page.locator(".ticket")).to_have_count(1)
        await page.get_by_text("I have a code").click()
        await page.get_by_label("Code").fill("NONSENSE")
        await page.get_by_role("button", name="Use it").click()
        await expect(page.get_by_role("alert")).to_contain_text("This code is not valid.")
        await page.get_by_label("Code").fill("FAN27")
        await page.get_by_role("button", name="Use it").click()
        await expect(page.locator(".ticket")).to_have_count(2)
        await page.get_by_label("Code").fill("HALF")
        await page.get_by_role("button", name="Use it").click()
        await expect(page.locator(".ticket", has_text="Regular")).to_contain_text("€25.00")
        await check_accessible(page)
        await page.get_by_label("How many Regular", exact=True).fill("2")
        await page.get_by_role("button", name="Put into the basket").click()
        await expect(page.locator("#basket .total")).to_contain_text("€50.00")
