"""A manager at the console: opens views, fills dialogs in, and what the audit log has of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from tests.support.api.api_client import Front, Json
from tests.support.api.buyer import buying
from tests.support.waiting import wait_until


class Manager:
    """A page of the console, and a client of the same API, with which effects are checked."""

    def __init__(self, page: Page, front: Front) -> None:
        self.page, self.front = page, front
        self._began = datetime.now(UTC)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def panel(self, name: str) -> Locator:
        """A part of a view, by its heading."""
        return self.page.get_by_role("region", name=name)

    async def open_event(self, event: Json) -> None:
        await self.page.goto(f"/console/events#event={event['id']}")
        await expect(self.panel("Sale")).to_be_visible()

    async def give(self, reason: str) -> None:
        """Writes the reason into the open dialog."""
        await self.dialog.get_by_label("Reason").fill(reason)

    async def press(self, yes: str) -> None:
        """Presses the button of the dialog twice, as nervous hands do."""
        await self.dialog.get_by_role("button", name=yes, exact=True).dblclick()

    async def confirm(self, yes: str, reason: str) -> None:
        """Gives the reason, and waits until it is done."""
        await self.give(reason)
        await self.press(yes)
        await expect(self.dialog).to_have_count(0)

    async def says(self, sentence: str) -> None:
        """Waits until the page says what was done."""
        await expect(self.page.locator("#done")).to_contain_text(sentence)

    async def logged(self, reason: str, times: int = 1, *, or_more: bool = False) -> list[Json]:
        """The entries of the audit log with that reason since the manager came, once there are that many."""
        found: list[Json] = []
        since = f"{self._began:%Y-%m-%dT%H:%M:%S}Z"

        async def are_there() -> bool:
            nonlocal found
            entries = (await self.front.get("/v1/audit-log", limit="100", **{"from": since})).body["items"]
            found = [entry for entry in entries if entry["reason"] == reason]
            return len(found) >= times

        await wait_until(are_there, what=f"{times} entries with the reason {reason!r}")
        assert or_more or len(found) == times, found
        return found


@asynccontextmanager
async def managing(browser: Browser, url: str, front: Front, **options: Any) -> AsyncIterator[Manager]:
    """A manager with a page of its own."""
    async with buying(browser, url, **options) as page:
        yield Manager(page, front)
