"""Access to the console, and the answers to everybody else."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from api.access.callers import Role
from cli.tokens import mint_token, sign_in_link
from engine.settings import Settings
from tests.integration.api.access.test_access import SHARED
from tests.integration.api.shop.conftest import OpenShop
from tests.support.api.buyer import buying, check_accessible

pytestmark = pytest.mark.asyncio(loop_scope="session")

ISSUER = Settings(jwt_secret=SHARED)


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(guarded: OpenShop, browser: Browser) -> AsyncIterator[Page]:
    """A page of somebody without a token."""
    async with buying(browser, guarded.url) as page:
        yield page


def token(role: Role = Role.MANAGER, sub: str = "boss", ttl_seconds: int = 600, events: list[int] | None = None) -> str:
    return mint_token(ISSUER, role, sub, ttl_seconds, events)


async def paste(page: Page, text: str) -> None:
    await page.get_by_label("Token of a manager").fill(text)
    await page.get_by_role("button", name="Sign in").click()


async def test_a_manager_pastes_a_token_and_signs_out(visitor: Page) -> None:
    await visitor.goto("/console")
    await expect(visitor.get_by_role("heading", name="Sign in")).to_be_focused()
    await expect(visitor.get_by_role("alert")).to_have_count(0)
    await check_accessible(visitor)
    await paste(visitor, f"  Bearer {token()}\n")
    await expect(visitor.get_by_role("heading", name="Now")).to_be_visible()
    await expect(visitor.locator("#signed-in")).to_contain_text("boss, until ")
    await visitor.reload()
    await expect(visitor.get_by_role("heading", name="Now")).to_be_visible()
    other = await visitor.context.new_page()
    await other.goto("/console")
    await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    await visitor.get_by_role("link", name="Now").click()
    assert visitor.url.endswith("/console/now")
    await visitor.get_by_role("button", name="Sign out").click()
    await expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()
    assert await visitor.evaluate("sessionStorage.length") == 0
    await visitor.go_back()
    await expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("is_open", [False, True])
async def test_a_link_signs_in_and_leaves_no_token_behind(guarded: OpenShop, visitor: Page, is_open: bool) -> None:
    asked: list[str] = []
    visitor.on("request", lambda request: asked.append(request.url + str(request.headers.get("referer"))))
    if is_open:
        await visitor.goto("/console")
        await expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()
    manager = token()
    await visitor.goto(sign_in_link(guarded.url, manager))
    await expect(visitor.get_by_role("heading", name="Now")).to_be_visible()
    assert "#" not in visitor.url
    assert not any("token" in each for each in asked)
    await expect(visitor.locator("body")).not_to_contain_text(manager)
    stored = await visitor.evaluate("[...Object.values(localStorage), document.cookie].join()")
    assert manager not in stored


# Each gets another sentence than the one before it.
_WRONG = {
    "nonsense": "This is no token: a token has three parts with dots between them.",
    "a.b.c": "The token is not valid; get a new one.",
    "ä.ö.ü": "This is no token: a token has three parts with dots between them.",
    token(ttl_seconds=-60): "The token has expired; get a new one.",
    mint_token(Settings(jwt_secret="s" * 32), Role.MANAGER, "boss", 600): "not signed with a key of this shop",
    token(Role.CUSTOMER, "22"): "manager",
}


async def test_a_wrong_token_gets_a_sentence(visitor: Page) -> None:
    await visitor.goto("/console")
    for text, sentence in _WRONG.items():
        await paste(visitor, text)
        await expect(visitor.get_by_role("alert")).to_contain_text(sentence)
        await expect(visitor.get_by_label("Token of a manager")).to_be_focused()
        await expect(visitor.get_by_role("navigation", name="Views")).to_be_hidden()
        assert await visitor.evaluate("sessionStorage.length") == 0
    await check_accessible(visitor)
    await visitor.reload()
    await paste(visitor, token(Role.GATE, "north"))
    await expect(visitor.get_by_role("alert")).to_contain_text("manager")
    assert await visitor.evaluate("sessionStorage.length") == 0
    await paste(visitor, token())
    await expect(visitor.get_by_role("heading", name="Now")).to_be_visible()


async def test_a_link_with_a_wrong_token_gets_a_sentence(visitor: Page) -> None:
    await visitor.goto("/console/now#token=half-a-token")
    await expect(visitor.get_by_role("alert")).to_contain_text("This is no token")
    assert "#" not in visitor.url


async def test_a_token_that_ends_while_the_console_is_open_leads_to_the_form(guarded: OpenShop, visitor: Page) -> None:
    ending = token()
    await visitor.goto(sign_in_link(guarded.url, ending))
    await expect(visitor.get_by_role("heading", name="Now")).to_be_visible()
    expired = token(ttl_seconds=-60)
    await visitor.evaluate(f"sessionStorage.setItem('onsale:token', JSON.stringify('{expired}'))")
    await expect(visitor.get_by_role("alert")).to_contain_text("The token has expired; get a new one.")
    await expect(visitor.get_by_role("navigation", name="Views")).to_be_hidden()
    await check_accessible(visitor)
    await paste(visitor, token())
    await expect(visitor.get_by_role("heading", name="Now")).to_be_visible()


async def test_without_authentication_nobody_signs_in(open_shop: OpenShop, browser: Browser) -> None:
    async with buying(browser, open_shop.url) as page:
        await page.goto("/console")
        await expect(page.get_by_role("heading", name="Now")).to_be_visible()
        await expect(page.locator("#signed-in")).to_have_text("Everybody is a manager here: authentication is off.")
        await expect(page.get_by_role("button", name=re.compile("Sign"))).to_have_count(0)
