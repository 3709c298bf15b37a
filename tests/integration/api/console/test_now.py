"""The view Now: managers watch sales on it, whatever else goes wrong meanwhile."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.integration.api.shop.conftest import OpenShop
from tests.support.api.api_client import Front, Json
from tests.support.api.buyer import buying, check_accessible

pytestmark = pytest.mark.asyncio(loop_scope="session")

LATER = "2037-01-01T00:00:00Z"
PHONE = {"width": 320, "height": 700}
HALF_A_DESK = {"width": 640, "height": 400}
"""The size of a desk's window at 200 %."""

SYNC_LATE = {"name": "SyncLate", "severity": "warn", "summary": "Postgres is late.", "since": LATER, "partition": None}


def tile_of(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def figure(where: Locator, name: str) -> Locator:
    return (
        where.locator("dl > div").filter(has=where.page.locator("dt", has_text=re.compile(f"^{name}$"))).locator("dd")
    )


async def change(front: Front, event: Json, **fields: Any) -> None:
    answer = await front.call("PATCH", f"/v1/events/{event['id']}", fields)
    assert answer.status == 200, answer


async def test_a_whole_drop_is_watched(open_shop: OpenShop, browser: Browser) -> None:
    front = open_shop.front
    name = f"The drop {uuid4().hex[:6]}"  # a second try finds that of the first
    event = await front.event(20, name=name, sale_opens_at=LATER, starts_at="2037-06-01T18:00:00Z")
    ticket_id = event["tickets"][0]["id"]
    async with buying(browser, open_shop.url) as page:
        await page.goto("/console")
        drop = tile_of(page, name)
        state = drop.locator(".state")
        await expect(state).to_contain_text("On sale from 1 Jan 2037")
        await expect(figure(drop, "Sold")).to_have_text("0%: 0 of 20")
        await expect(figure(drop, "Sell-out")).to_have_text("Not on sale now")
        await expect(figure(drop, "Revenue")).to_have_text("€0.00")
        await check_accessible(page)

        await change(front, event, sale_opens_at=None)
        await expect(state).to_have_text("● On sale")
        await expect(page.locator("#said")).to_have_text(f"{name}: On sale")
        await front.held((ticket_id, 2))
        await expect(figure(drop, "Held")).to_have_text("2, 18 left")
        for _ in range(3):
            await front.paid((ticket_id, 2))
        await expect(figure(drop, "Sold")).to_have_text("30%: 6 of 20")
        await expect(figure(drop, "Revenue")).to_have_text("€150.00")
        await expect(figure(drop, "Sales per minute")).to_have_text(re.compile(r"^[1-9][\d.,]* \(over "))
        await expect(figure(drop, "Sell-out")).to_have_text(re.compile(r"^In .+, at "))
        installation = page.get_by_role("region", name="This installation")
        await expect(figure(installation, "Holds, 99 of 100")).to_have_text(re.compile(r"ms|sec"))
        await expect(figure(installation, "Redis")).to_have_text("Sells")
        await expect(installation).to_contain_text("No alert.")
        await check_accessible(page)

        await change(front, event, status="paused")
        await expect(state).to_have_text("‖ Sale paused")
        assert await front.refused("POST", "/v1/reservations", _order(ticket_id)) == "sale_paused"
        await expect(figure(drop, "Refused")).to_have_text(re.compile("^sale_paused 1 over .+; 1 in all$"))
        await check_accessible(page)
        await change(front, event, status="on_sale")

        held = [await front.held((ticket_id, 4)) for _ in range(3)]
        await expect(state).to_have_text("◧ All taken, not all paid")
        assert await front.refused("POST", "/v1/reservations", _order(ticket_id)) == "sold_out"
        await expect(figure(drop, "Refused")).to_contain_text("sold_out 1")
        for reservation in held:
            assert (await front.pay(reservation)).status == 200
        await expect(figure(drop, "Sold")).to_have_text("90%: 18 of 20")
        await expect(figure(drop, "Sell-out")).to_have_text("When 2 held are paid")
        (first,) = (await front.get("/v1/reservations", event_id=event["id"], status="held")).body["items"]
        assert (await front.pay(first)).status == 200
        await expect(state).to_have_text("■ Sold out")
        await expect(page.locator("#said")).to_have_text(f"{name}: Sold out")
        await expect(figure(drop, "Sold")).to_have_text("100%: 20 of 20")
        await expect(figure(drop, "Sell-out")).to_have_text("Sold out")
        await expect(figure(drop, "Revenue")).to_have_text("€500.00")
        await expect(figure(drop, "Postgres behind")).to_have_text("Not at all")
        await check_accessible(page)

        await change(front, event, status="closed")
        await expect(state).to_have_text("□ Sale ended")
        await check_accessible(page)


def _order(ticket_id: int) -> Json:
    return {"items": [{"ticket_id": ticket_id, "quantity": 1}], "customer": {"id": "late"}}


async def test_events_are_found_by_name_and_status(open_shop: OpenShop, browser: Browser) -> None:
    for name, status in (("Zoë live", "on_sale"), ("Adele", "draft"), ("Beck", "on_sale")):
        await open_shop.front.event(5, name=name, status=status, currency="PLN")
    yesterday = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    await open_shop.front.event(5, name="Over", starts_at=yesterday)
    async with buying(browser, open_shop.url) as page:
        await page.goto("/console/now")
        await expect(tile_of(page, "Adele").locator(".state")).to_have_text("✎ Draft, not shown to buyers")
        names = await page.locator(".tile h2").all_text_contents()
        assert names == sorted(names, key=str.casefold)
        assert "Over" not in names
        revenue = figure(page.get_by_role("region", name="This installation"), "Revenue of all")
        await expect(revenue).to_have_text(re.compile(r"^€\S+ · PLN.0\.00$"))
        await page.get_by_label("Name").fill("zoe")
        await expect(page.locator(".tile h2")).to_have_text(["Zoë live"])
        await expect(page.get_by_role("status").filter(has_text="One event.")).to_be_visible()
        await page.get_by_label("Name").fill("")
        await page.get_by_label("Status").select_option("Draft")
        await expect(page.locator(".tile h2")).to_have_text(["Adele"])
        await page.get_by_label("Name").fill("nobody")
        await expect(page.get_by_role("status").filter(has_text="0 events.")).to_be_visible()
        await check_accessible(page)


async def test_a_server_that_goes_away_is_reported_and_comes_back(open_shop: OpenShop, browser: Browser) -> None:
    event = await open_shop.front.event(10, name="Far away")
    async with buying(browser, open_shop.url) as page:
        await page.goto("/console")
        tile = tile_of(page, "Far away")
        await expect(page.locator(".fresh")).to_contain_text("Live, as of ")
        for pattern in ("**/v1/console/now", "**/readyz"):
            await page.route(pattern, lambda route: route.abort())
        await expect(page.locator("#banner")).to_contain_text("The server does not answer.")
        await expect(page.locator(".fresh")).to_contain_text("Not live: this is from ")
        await expect(tile).to_be_visible()
        await expect(page.get_by_role("alert")).to_be_hidden()
        await check_accessible(page)
        await open_shop.front.paid((event["tickets"][0]["id"], 5))
        for pattern in ("**/v1/console/now", "**/readyz"):
            await page.unroute(pattern)
        await expect(page.locator("#banner")).to_be_hidden()
        await expect(page.locator(".fresh")).to_contain_text("Live, as of ")
        await expect(figure(tile, "Sold")).to_have_text("50%: 5 of 10")

        for pattern in ("**/v1/console/*", "**/readyz"):
            await page.route(pattern, lambda route: route.abort())
        await page.reload()
        await expect(page.get_by_role("heading", level=1)).to_have_text("This cannot be shown now")
        await check_accessible(page)
        for pattern in ("**/v1/console/*", "**/readyz"):
            await page.unroute(pattern)
        await expect(tile).to_be_visible()


@pytest.mark.parametrize(("window", "colours"), [(PHONE, "dark"), (HALF_A_DESK, "light")], ids=["phone", "zoomed"])
async def test_alerts_bring_their_paragraph_of_the_runbook(
    open_shop: OpenShop, browser: Browser, window: dict[str, int], colours: str
) -> None:
    """All parts of the installation are away in this answer; what a real one says is in test_console_now.py."""
    event = await open_shop.front.event(10, name=f"A name that is too long for one line on {window['width']} pixels")
    alerts: list[Json] = []

    async def answer(route: Route) -> None:
        real = await route.fetch()
        now = await real.json()
        for each in now["events"]:
            each |= {"places": None, "stored": None, "lag_ms": None}
        now["health"] |= {"redis": "away", "postgres": "away", "lag_ms": None, "alerts": alerts}
        await route.fulfill(response=real, json=now)

    async with buying(browser, open_shop.url, viewport=window, color_scheme=colours, reduced_motion="reduce") as page:
        await page.route("**/v1/console/now", answer)
        await page.goto("/console")
        tile = tile_of(page, event["name"])
        installation = page.get_by_role("region", name="This installation")
        await expect(installation).to_contain_text("No alert.")
        for name in ("Sold", "Held", "Sales per minute", "Sell-out", "Postgres behind"):
            await expect(figure(tile, name)).to_have_text("Unknown: Redis does not answer")
        await expect(figure(tile, "Revenue")).to_have_text("Unknown: Postgres does not answer")
        await check_accessible(page)

        page_now = {"name": "ShardAway", "severity": "page", "partition": event["id"] % 3, "since": None}
        alerts += [SYNC_LATE]
        await expect(page.locator("#said")).to_have_text("New alert: SyncLate")
        alerts.insert(0, page_now | {"summary": "The server of this partition is away."})
        await expect(installation.get_by_role("heading", level=3)).to_have_text(
            ["Act now ShardAway", "Look soon SyncLate"]
        )
        await expect(page.locator("#said")).to_have_text("New alert: ShardAway")
        await expect(tile).to_contain_text("⚠ ShardAway")
        more = installation.get_by_text("What to do SyncLate")
        await more.focus()
        await page.keyboard.press("Enter")
        await expect(installation).to_contain_text("Reports, lists and statistics are behind by the time in the alert.")
        await check_accessible(page)
        looks = await _looks(page)
        assert await more.evaluate("(summary) => summary.parentElement.open"), "new figures closed it"
        assert looks >= 2
        alerts.clear()
        await expect(installation).to_contain_text("No alert.")
        assert await page.evaluate("getComputedStyle(document.querySelector('.bar i')).transitionDuration") == "0s"


async def _looks(page: Page) -> int:
    """Waits for two more answers."""
    for _ in range(2):
        async with page.expect_response("**/v1/console/now"):
            pass
    return 2


async def test_it_is_used_by_the_keyboard_alone(open_shop: OpenShop, browser: Browser) -> None:
    await open_shop.front.event(10, name="Keys")
    async with buying(browser, open_shop.url) as page:
        await page.goto("/console")
        await expect(tile_of(page, "Keys")).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Now")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Now")).to_be_focused()
        await expect(page.get_by_role("link", name="Now")).to_have_attribute("aria-current", "page")
        assert page.url.endswith("/console/now")
        await page.keyboard.press("Tab")
        await page.keyboard.type("key")
        await expect(page.locator(".tile h2")).to_have_text(["Keys"])
        await expect(page.get_by_label("Name")).to_be_focused()
