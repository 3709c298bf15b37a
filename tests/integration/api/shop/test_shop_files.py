"""The files of the storefront: all are served, none refers to anything outside, and all texts are there."""

from pathlib import Path
from typing import get_args

import pytest

import api.shop.handlers
from api.access.callers import Role
from api.http.problems import Code
from api.shop.handlers import ShopAsset
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.access.test_access import SHARED
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front
from tests.support.api.browser import browsing
from tests.support.api.page_files import addresses_in, check_imports, check_texts, sources_of, texts_of

FOLDER = Path(api.shop.handlers.__file__).with_name("page")
PAGES = {"page.html", "waiting_room.html"}


async def test_all_that_it_is_made_of_is_served_and_refers_to_nothing_outside(front: Front) -> None:
    assets = {file.name for file in FOLDER.iterdir()} - PAGES
    assert assets == set(get_args(ShopAsset))
    paths = ("/shop", "/shop/events/1", "/shop/orders/1", "/shop/queue/1")
    for path in (*paths, *(f"/shop/assets/{asset}" for asset in assets)):
        answer = await front.client.get(path)
        assert answer.status == 200, path
        assert addresses_in(await answer.text()) == [], path
        sources = dict(
            part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";")
        )
        assert sources.pop("img-src") == "'self' https: blob:", "pictures of events may be anywhere"
        assert not any(word in source for source in sources.values() for word in ("unsafe", ":", "*"))


async def test_the_root_leads_to_the_shop_where_there_is_one(start_api: StartApi) -> None:
    secret = {"auth": "jwt", "jwt_secret": SHARED}
    closed, opened = await start_api(**secret), await start_api(**secret, shop=True)
    for path in ("/", "/shop", "/shop/settings", "/shop/assets/main.js"):
        assert await closed.refused("GET", path) == "not_found"
        assert (await opened.client.get(path, allow_redirects=False)).status == (302 if path == "/" else 200)
    assert (await opened.get("/shop/settings")).body == {"payment_page": None, "auth": "jwt"}


async def test_a_token_that_is_pasted_says_who_buys(start_api: StartApi, tmp_path: Path) -> None:
    event = await (await start_api()).event(10)
    front = await start_api(auth="jwt", jwt_secret=SHARED, shop=True)
    async with browsing(str(front.client.make_url(f"/shop/events/{event['id']}")), tmp_path / "browser") as page:
        await page.fill(".ticket input", "1")
        await page.click("Put into the basket")
        await page.reads("#notice", "Please sign in first")
        await page.fill("#token", mint_token(Settings(jwt_secret=SHARED), Role.CUSTOMER, "22", 600))
        await page.click("Use these")
        await page.reads("#buyer", "whom the token names")
        await page.click("Put into the basket")
        await page.reads("#basket", "Held for you")
    assert await front.counts(event["tickets"][0]["id"]) == (9, 1, 0)


def test_every_module_that_is_imported_is_there() -> None:
    check_imports(FOLDER)


def test_every_refusal_has_a_sentence_for_buyers() -> None:
    words = texts_of(FOLDER, "en")
    assert [code for code in Code if f"refusal.{code}" not in words] == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_text_of_the_pages_is_there_in_both_languages(language: str) -> None:
    check_texts(FOLDER, language, sources_of(FOLDER))
