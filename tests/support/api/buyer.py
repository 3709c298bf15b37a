"""A buyer in a browser: Playwright on the Chromium of the system, and axe, which judges whether all can use a page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support.api.headless import FLAGS, headless_browser

PATIENCE_MS = 30_000
PHONE = {"width": 390, "height": 844}
expect.set_options(timeout=PATIENCE_MS)
_AXE = Path(__file__).parents[1] / "axe" / "axe.min.js"
_OF_THE_NETWORK = "Failed to load resource"
"""A browser logs each refusal; pages are to handle them."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser, for pages of any number of buyers. It has no way but to loopback."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=headless_browser(),
            args=FLAGS,
            proxy={"server": "http://127.0.0.1:9", "bypass": "127.0.0.1"},
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def buying(browser: Browser, url: str, **options: Any) -> AsyncIterator[Page]:
    """A page of a buyer of its own. Fails the test for errors of its scripts, and for what its policy blocks."""
    context = await browser.new_context(base_url=url, **({"locale": "en-GB"} | options))
    context.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    page = await context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if said.type == "error" and _OF_THE_NETWORK not in said.text else None,
    )
    try:
        yield page
        assert faults == [], faults
    finally:
        await context.close()


@cache
def _axe() -> str:
    return _AXE.read_text(encoding="utf-8")


async def check_accessible(page: Page) -> None:
    """Fails for what keeps people from using the page as it is now, and for a page that is wider than the window."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())
    found = await page.evaluate("axe.run({resultTypes: ['violations']}).then(found => found.violations)")
    told = [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found]
    assert told == [], told
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
