"""The map of sixty thousand seats: how soon it is drawn, how it moves on a slow machine, and its memory."""

import asyncio
import json
import logging
import time

import psutil
import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.integration.api.shop.conftest import OpenShop
from tests.support.api.api_client import Json
from tests.support.api.buyer import buying
from tests.support.api.two_event_carts import new_cart, open_tour
from tests.support.timing import least_of_tries

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

ROWS, SEATS = 200, 300
FIRST_DRAW_MS, FRAMES_A_SECOND, MEMORY_BYTES = 1500, 50, 150_000_000

WHEN_MARKED = """(mark) => new Promise((resolve) => {
  const look = () => {
    const [found] = performance.getEntriesByName(mark);
    if (found) resolve(found.startTime);
    else setTimeout(look, 5);
  };
  look();
})"""

PAN = """async (canvas) => {
  const at = (x, y, type) =>
    canvas.dispatchEvent(new PointerEvent(type, {pointerId: 1, clientX: x, clientY: y, bubbles: true}));
  canvas.setPointerCapture = () => {};
  const {left, top, width, height} = canvas.getBoundingClientRect();
  at(left + width / 2, top + height / 2, "pointerdown");
  const began = performance.now();
  let frames = 0;
  while (performance.now() - began < 2000) {
    await new Promise(requestAnimationFrame);
    const turn = (performance.now() - began) / 300;
    at(left + width * (0.5 + 0.4 * Math.cos(turn)), top + height * (0.5 + 0.4 * Math.sin(turn)), "pointermove");
    frames++;
  }
  const seconds = (performance.now() - began) / 1000;
  at(left, top, "pointerup");
  return frames / seconds;
}"""


async def hall(shop: OpenShop, sections: int, rows: int, seats: int) -> Json:
    """An event in a venue with that many sections that are alike."""
    row = [{"name": str(number + 1), "seats": seats} for number in range(rows)]
    manifest = {
        "name": "Stadium",
        "sections": [{"name": f"Block {number + 1}", "rows": row} for number in range(sections)],
    }
    venue = (await shop.front.call("POST", "/v1/venues", manifest)).body
    ids = [section["id"] for section in venue["sections"]]
    ticket = {"ticket_type": "Seat", "price": {"amount": 4000, "currency": "EUR"}, "section_ids": ids}
    return await shop.front.event(venue_id=venue["id"], tickets=[ticket])


async def show_sixty_thousand(page: Page, event: Json) -> None:
    """Answers as if the one section of the event, which may have 20,000 seats, had 60,000, a third of them taken."""
    row = "ahaasaaaah" * (SEATS // 10)
    rows = [{"name": f"R{number}", "first_seat_id": 1 + number * SEATS, "seats": row} for number in range(ROWS)]
    price = [{"ticket_id": event["tickets"][0]["id"], "name": "Seat", "price": {"amount": 4000, "currency": "EUR"}}]
    compact = json.dumps({"section_id": 1, "as_of": "2027-01-01T00:00:00Z", "rows": rows})
    status = {"id": 0, "name": "available"}
    full = json.dumps(
        {
            "items": [
                {
                    "seat_id": 1 + number,
                    "row": "R",
                    "number": 1,
                    "label": str(number % SEATS + 1),
                    "status": status,
                    "prices": price,
                }
                for number in range(ROWS * SEATS)
            ],
            "next_cursor": None,
        }
    )

    async def serve(route: Route) -> None:
        body = compact if "compact" in route.request.url else full
        await route.fulfill(body=body, content_type="application/json")

    await page.route("**/seats", serve)
    await page.route("**/seats?format=compact", serve)
    await page.route("**/seats/stream", lambda route: route.abort())


async def drawn_ms(page: Page, mark: str) -> float:
    """The time from the beginning of the navigation to a mark."""
    return float(await page.evaluate(WHEN_MARKED, mark))


async def test_a_section_of_sixty_thousand_seats(open_shop: OpenShop, browser: Browser) -> None:
    event = await hall(open_shop, 1, 2, 10)
    async with buying(browser, open_shop.url) as page:
        await show_sixty_thousand(page, event)

        async def first_draw() -> float:
            await page.goto(f"/shop/events/{event['id']}")
            return await drawn_ms(page, "seats-drawn")

        first_ms = await first_draw()
        await expect(page.locator(".prices")).to_contain_text("€40.00")  # labels and prices are there
        memory = await renderer_bytes()
        first_ms = min(first_ms, await least_of_tries(first_draw, FIRST_DRAW_MS, tries=2))
        await expect(page.locator(".prices")).to_contain_text("€40.00")
        protocol = await page.context.new_cdp_session(page)
        await protocol.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        frames = []
        for _ in range(4):  # from afar to near
            frames.append(-await least_of_tries(lambda: slowness(page), -FRAMES_A_SECOND, tries=1, patience_seconds=10))
            await page.get_by_role("button", name="Zoom in").click()
            await page.get_by_role("button", name="Zoom in").click()
        await protocol.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        told = (
            f"first draw {first_ms:.0f} ms; {[round(each) for each in frames]} frames a second; {memory / 1e6:.0f} MB"
        )
        log.info(told)
        assert first_ms <= FIRST_DRAW_MS, told
        assert min(frames) >= FRAMES_A_SECOND, told
        assert memory <= MEMORY_BYTES, told


async def slowness(page: Page) -> float:
    """The frames a second while the map is dragged; less is better, so they are negative."""
    return -float(await page.get_by_role("application").evaluate(PAN))


async def renderer_bytes() -> int:
    """The memory that the largest process of a page has for itself."""
    await asyncio.sleep(1)  # garbage is collected when a page is idle
    children = psutil.Process().children(recursive=True)
    renderers = [each for each in children if "--type=renderer" in " ".join(each.cmdline())]
    return max(int(each.memory_full_info().uss) for each in renderers)


async def test_a_hundred_sections(open_shop: OpenShop, browser: Browser) -> None:
    event = await hall(open_shop, 100, 20, 30)
    async with buying(browser, open_shop.url) as page:

        async def first_draw() -> float:
            await page.goto(f"/shop/events/{event['id']}")
            return await drawn_ms(page, "sections-shown")

        first_ms = await least_of_tries(first_draw, FIRST_DRAW_MS, tries=3)
        await expect(page.locator(".tile")).to_have_count(100)
        await page.get_by_role("button", name="Block 57").click()
        await drawn_ms(page, "seats-drawn")
        log.info("sections after %.0f ms", first_ms)
        assert first_ms <= FIRST_DRAW_MS


async def test_a_seat_that_another_takes_is_grey_within_a_second(open_shop: OpenShop, browser: Browser) -> None:
    tour = await open_tour(open_shop.front)
    async with buying(browser, open_shop.url) as page:
        await page.goto(f"/shop/events/{tour.events[0]['id']}")
        await page.get_by_role("button", name="List").click()
        row = page.locator(".seat-row summary")
        await expect(row).to_have_text("Row A: 1 to 4 free")
        carts = [new_cart()]

        async def seconds() -> float:
            await tour.take((0, 1), cart=carts[-1])
            began = time.monotonic()
            await expect(row).to_have_text("Row A: 1, 3 to 4 free")
            took = time.monotonic() - began
            await tour.remove(carts[-1], 0, 1)
            await expect(row).to_have_text("Row A: 1 to 4 free")
            carts.append(new_cart())
            return took

        took = await least_of_tries(seconds, 1, tries=3)
        log.info("grey after %.2f s", took)
        assert took <= 1
