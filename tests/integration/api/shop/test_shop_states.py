"""The storefront when things change, fail, or happen elsewhere at the same time."""

import asyncio

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.integration.api.shop.conftest import OpenShop
from tests.support.api.buyer import PHONE, buying, check_accessible
from tests.support.api.two_event_carts import open_tour
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def make_patience_short(page: Page) -> None:
    """Lets a test say how long the page waits for answers, by `globalThis.patience`."""
    patience = "{ valueOf: () => globalThis.patience ?? 8000 }"

    async def serve(route: Route) -> None:
        answer = await route.fetch()
        text = await answer.text()
        assert "PATIENCE_MS = 8000;" in text
        await route.fulfill(response=answer, body=text.replace("PATIENCE_MS = 8000;", f"PATIENCE_MS = {patience};"))

    await page.route("**/assets/api.js", serve)


async def test_two_buyers_want_one_seat(open_shop: OpenShop, browser: Browser) -> None:
    tour = await open_tour(open_shop.front)
    event = tour.events[0]
    async with buying(browser, open_shop.url) as winner, buying(browser, open_shop.url) as loser:
        for page in (winner, loser):
            await page.goto(f"/shop/events/{event['id']}")
            await page.get_by_role("button", name="List").click()
            await page.get_by_text("Row A: 1 to 4 free").click()
        # The loser's page hears of nothing for now, and clicks on what it still sees.
        blocked = asyncio.Event()

        async def hold_back(route: Route) -> None:
            await blocked.wait()
            await route.continue_()

        await loser.route("**/orders/carts/*", hold_back)
        await loser.get_by_role("button", name="Row A, seat 2").click()
        await winner.get_by_role("button", name="Row A, seat 2").click()
        await expect(winner.locator("#basket")).to_contain_text("row A, seat 2")
        blocked.set()
        await expect(loser.get_by_role("alert")).to_contain_text("Somebody else was faster: this seat is taken.")
        await expect(loser.get_by_role("button", name="Row A, seat 2")).to_have_count(0)
        await expect(loser.get_by_text("Row A: 1, 3 to 4 free")).to_be_visible()
        await check_accessible(loser)
        # Without a click it is heard of by the stream.
        await winner.get_by_role("button", name="Row A, seat 3").click()
        await expect(loser.get_by_text("Row A: 1, 4 free")).to_be_visible()


async def test_the_latest_click_counts(open_shop: OpenShop, browser: Browser) -> None:
    tour = await open_tour(open_shop.front)
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{tour.events[0]['id']}")
        await page.get_by_role("button", name="List").click()
        await page.get_by_text("Row A: 1 to 4 free").click()
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method) if "/orders/carts/" in request.url else None)
        clicks = "(button) => { for (let i = 0; i < 6; i++) button.click(); }"
        await page.get_by_role("button", name="Row A, seat 2").evaluate(clicks)
        await page.get_by_role("button", name="Row A, seat 3").click()
        await expect(page.locator("#basket .items li")).to_have_count(1)
        await expect(page.locator("#basket")).to_contain_text("seat 3")
        assert await tour.statuses(0) == "aaha"
        assert sent == ["POST", "DELETE", "POST"], "six clicks are one seat taken and given back"


async def test_a_seat_that_the_shop_gives_back_is_reported(open_shop: OpenShop, browser: Browser) -> None:
    tour = await open_tour(open_shop.front)
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{tour.events[0]['id']}")
        await page.get_by_role("button", name="List").click()
        await page.get_by_text("Row A: 1 to 4 free").click()
        for seat in (2, 3):
            await page.get_by_role("button", name=f"Row A, seat {seat}").click()
        await expect(page.locator("#basket .items li")).to_have_count(2)
        await expect(page.get_by_text("Row A: 1, 4 free")).to_be_visible()  # the stream has told of both
        cart = await page.evaluate("JSON.parse(localStorage.getItem('onsale:cart'))")
        assert (await tour.remove(f"/v1/orders/carts/{cart}", 0, 1)).status == 200
        await expect(page.get_by_role("alert")).to_contain_text("A place was taken out of your basket")
        await expect(page.locator("#basket .items li")).to_have_count(1)


async def test_all_tabs_have_one_basket(open_shop: OpenShop, browser: Browser) -> None:
    event = await open_shop.front.event(10)
    async with buying(browser, open_shop.url) as page:
        other = await page.context.new_page()
        for each in (page, other):
            await each.goto(f"/shop/events/{event['id']}")
        await page.get_by_label("How many T0", exact=True).fill("3")
        await page.get_by_role("button", name="Put into the basket").click()
        await expect(other.locator("#basket")).to_contain_text("3 × T0")
        await other.get_by_role("button", name="Give everything back").click()
        await expect(page.locator("#basket")).to_contain_text("Nothing in it yet")
        await expect(page.get_by_role("alert")).to_be_hidden()
        assert await page.locator("#buyer").text_content() == await other.locator("#buyer").text_content()


async def test_a_buyer_is_asked_about_another_price(open_shop: OpenShop, browser: Browser) -> None:
    event = await open_shop.front.event(10)
    ticket_id = event["tickets"][0]["id"]
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{event['id']}")
        await page.get_by_label("How many T0", exact=True).fill("2")
        await page.route("**/availability/stream", lambda route: route.abort())
        dearer = {"price": {"amount": 3000, "currency": "EUR"}}

        async def change_first(route: Route) -> None:
            await open_shop.front.call("PATCH", f"/v1/tickets/{ticket_id}", dearer)
            await page.unroute("**/orders/carts/*")
            await route.continue_()

        await page.route("**/orders/carts/*", change_first)
        await page.get_by_role("button", name="Put into the basket").click()
        dialog = page.get_by_role("dialog", name="The price has changed")
        await expect(dialog).to_contain_text("It was €50.00 and is now €60.00.")
        await check_accessible(page)
        await dialog.get_by_role("button", name="Take it at the new price").click()
        await expect(page.locator("#basket .total")).to_contain_text("€60.00")


async def test_a_proxy_and_a_server_that_hangs_give_a_sentence_that_goes_again(
    open_shop: OpenShop, browser: Browser
) -> None:
    event = await open_shop.front.event(10)
    async with buying(browser, open_shop.url) as page:
        await make_patience_short(page)
        await page.goto(f"/shop/events/{event['id']}")
        hung: list[Route] = []

        async def answer_as_a_proxy(route: Route) -> None:
            await route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")

        async def hang(route: Route) -> None:
            hung.append(route)

        for answer in (answer_as_a_proxy, hang):
            await page.route("**/orders/carts/*", answer)
            await page.route("**/readyz", lambda route: route.abort())
            await page.get_by_label("How many T0", exact=True).fill("1")
            await page.evaluate("globalThis.patience = 300")
            await page.get_by_role("button", name="Put into the basket").click()
            await expect(page.get_by_role("alert")).to_contain_text("The shop did not answer in time.")
            await expect(page.locator("#banner")).to_contain_text("does not answer at the moment")
            await check_accessible(page)
            await page.evaluate("globalThis.patience = 8000")
            for pattern in ("**/orders/carts/*", "**/readyz"):
                await page.unroute(pattern)
            await expect(page.locator("#banner")).to_be_hidden()
            await expect(page.get_by_role("alert")).to_be_hidden()
        for route in hung:
            await route.abort()


async def test_offline_and_back(open_shop: OpenShop, browser: Browser) -> None:
    event = await open_shop.front.event(10, name="Away")
    async with buying(browser, open_shop.url) as page:
        await page.goto("/shop")
        await expect(page.get_by_role("link", name="Away")).to_be_visible()
        await page.context.set_offline(True)
        await expect(page.locator("#banner")).to_contain_text("You are offline.")
        await page.get_by_role("link", name="Away").click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("cannot be shown now")
        await check_accessible(page)
        await page.context.set_offline(False)
        await expect(page.get_by_role("heading", level=1, name="Away")).to_be_visible()
        await expect(page.locator("#banner")).to_be_hidden()
        await page.go_back()
        await expect(page.get_by_role("heading", level=1, name="What’s on")).to_be_focused()
        await page.go_forward()
        await page.reload()
        await expect(page.get_by_role("heading", level=1, name="Away")).to_be_visible()
        assert page.url.endswith(f"/shop/events/{event['id']}")
        await page.goto("/shop/events/999999")
        await expect(page.get_by_role("heading", level=1, name="There is nothing here")).to_be_visible()
        await check_accessible(page)


async def test_time_is_over(open_shop: OpenShop, browser: Browser) -> None:
    last_minute, soon_over = [await open_shop.front.event(10, hold_seconds=seconds) for seconds in (59, 1)]
    async with buying(browser, open_shop.url, viewport=PHONE) as page:
        for event in (last_minute, soon_over):
            await page.goto(f"/shop/events/{event['id']}")
            await page.get_by_label("How many T0", exact=True).fill("1")
            await page.get_by_role("button", name="Put into the basket").click()
            if event is last_minute:
                await expect(page.locator("#said-now")).to_contain_text("One minute is left")
                await page.get_by_role("button", name="Give everything back").click()
                await expect(page.locator("#basket")).to_contain_text("Nothing in it yet")
        await expect(page.locator("#basket")).to_contain_text("The time ran out, and your places were given back.")
        await expect(page.locator("#said-now")).to_contain_text("The time ran out")
        await expect(page.locator("#basket-bar")).to_be_hidden()
        await check_accessible(page)
    assert await open_shop.front.counts(soon_over["tickets"][0]["id"]) == (10, 0, 0)


async def test_a_sale_is_counted_down_to_and_then_open(open_shop: OpenShop, browser: Browser) -> None:
    later = "2037-01-01T00:00:00Z"
    event = await open_shop.front.event(10, sale_opens_at=later, starts_at="2037-06-01T00:00:00Z", name="Later")
    path = f"/v1/events/{event['id']}"
    async with buying(browser, open_shop.url) as page:
        await page.goto("/shop")
        await expect(page.get_by_role("link", name="Later")).to_contain_text("On sale from 1 Jan 2037")
        await page.get_by_role("link", name="Later").click()
        await expect(page.locator(".sale-state")).to_contain_text("days")
        await page.get_by_label("How many T0", exact=True).fill("1")
        await page.get_by_role("button", name="Put into the basket").click()
        await expect(page.get_by_role("alert")).to_contain_text("The sale has not begun yet.")
        await check_accessible(page)
        for change, text in (
            ({"sale_opens_at": None}, ""),
            ({"status": "paused"}, "paused"),
            ({"status": "cancelled"}, "Cancelled"),
        ):
            await open_shop.front.call("PATCH", path, change)
            await expect(page.locator(".sale-state")).to_have_text(text) if not text else await expect(
                page.locator(".sale-state")
            ).to_contain_text(text)
        await check_accessible(page)


async def test_sections_are_chosen_from_their_overview(open_shop: OpenShop, browser: Browser) -> None:
    rows = [{"name": "A", "seats": 10}, {"name": "B", "seats": 10}]
    hall = {"name": "Arena", "sections": [{"name": f"Block {number}", "rows": rows} for number in range(1, 13)]}
    venue = (await open_shop.front.call("POST", "/v1/venues", hall)).body
    sections = [section["id"] for section in venue["sections"]]
    price = {"amount": 4000, "currency": "EUR"}
    tickets = [{"ticket_type": "Seat", "price": price, "section_ids": sections}]
    event = await open_shop.front.event(venue_id=venue["id"], tickets=tickets, max_per_customer=100)
    path = f"/v1/events/{event['id']}/sections/{sections[0]}/seats"
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{event['id']}")
        await check_accessible(page)
        seats = (await open_shop.front.get(path)).body["items"]
        taken = {"ticket_id": event["tickets"][0]["id"], "seat_ids": [seat["seat_id"] for seat in seats[:19]]}
        await open_shop.front.call("POST", "/v1/reservations", {"items": [taken], "customer": {"id": "many"}})
        tile = page.get_by_role("button", name="Block 1", exact=False).first
        await expect(tile).to_contain_text("only 1 left")
        await tile.click()
        await expect(page.get_by_role("heading", level=2, name="Block 1")).to_be_focused()
        await expect(page.get_by_role("application", name="Seats of Block 1")).to_be_visible()
        await check_accessible(page)
        await page.reload()
        await expect(page.get_by_role("heading", level=2, name="Block 1")).to_be_visible()
        await page.get_by_role("button", name="List").click()
        await expect(page.get_by_text("Row A: nothing free")).to_be_visible()
        await page.get_by_text("Row B: 10 free").click()
        await page.get_by_role("button", name="Row B, seat 10").click()
        await expect(page.locator("#basket")).to_contain_text("Block 1, row B, seat 10")
        await check_accessible(page)
        await page.go_back()
        await expect(page.get_by_role("button", name="Block 2")).to_be_visible()
        await expect(tile).to_contain_text("sold out")

        async def is_held() -> bool:
            rows = (await open_shop.front.get(path, format="compact")).body["rows"]
            return bool(rows[1]["seats"][9] == "h")

        await wait_until(is_held)


async def test_a_waiting_room_is_passed_on_the_way_to_the_places(open_shop: OpenShop, browser: Browser) -> None:
    long_ago, later = "2020-01-01T00:00:00Z", "2037-01-01T00:00:00Z"
    room = {"opens_at": long_ago, "places_per_pass": 2}
    starts_at = "2037-06-01T00:00:00Z"
    event = await open_shop.front.event(10, waiting_room=room, sale_opens_at=later, starts_at=starts_at, name="Crowded")
    path = f"/v1/events/{event['id']}"
    async with buying(browser, open_shop.url, viewport={"width": 320, "height": 700}) as page:
        await page.goto(f"/shop/events/{event['id']}")
        await check_accessible(page)
        await page.get_by_role("link", name="To the waiting room").click()
        await page.get_by_role("button", name="Join the waiting room").click()
        await expect(page.get_by_role("status").filter(has_text="You are in.")).to_be_visible()
        await check_accessible(page)
        await open_shop.front.call("PATCH", path, {"sale_opens_at": long_ago})
        await page.get_by_role("button", name="Enter").wait_for()
        await check_accessible(page)

        other = await page.context.new_page()
        await other.goto(f"/shop/events/{event['id']}")
        await other.get_by_label("How many T0", exact=True).fill("1")
        await other.get_by_role("button", name="Put into the basket").click()
        refused = other.get_by_role("alert")
        await expect(refused.get_by_role("link", name="To the waiting room")).to_be_visible()

        await page.get_by_role("button", name="Enter").click()
        await expect(page.locator("#clock")).to_contain_text("Time to choose:")
        await check_accessible(page)
        await page.get_by_role("link", name="Choose your places").click()
        await page.get_by_label("How many T0", exact=True).fill("1")
        await page.get_by_role("button", name="Put into the basket").click()
        await expect(page.locator("#basket")).to_contain_text("1 × T0")
