"""The pages for browsers, of which one shows the document: everything of them is ours, and is kept by browsers."""

import asyncio
import re
from pathlib import Path

import pytest

from api.docs.handlers import Asset
from api.routes import ROUTES
from tests.support.api.api_client import Front
from tests.support.api.headless import FLAGS, headless_browser

_REFERENCE = re.compile(r"""(?:src|href|action)=["']([^"']+)["']""")
_ELSEWHERE = re.compile(r"(?:https?:)?//[a-z0-9]", re.IGNORECASE)


async def test_the_page_refers_to_nothing_outside(front: Front) -> None:
    page = await front.client.get("/docs")
    text = await page.text()
    assert page.content_type == "text/html"
    assert _ELSEWHERE.search(text) is None
    references = _REFERENCE.findall(text)
    assert set(references) == {f"/docs/{asset}" for asset in Asset.__args__}  # type: ignore[attr-defined]  # a Literal
    for reference in references:
        assert (await front.client.get(reference)).status == 200
    script = await (await front.client.get("/docs/start.js")).text()
    assert '"/openapi.json"' in script
    assert _ELSEWHERE.search(script) is None
    style = await (await front.client.get("/docs/swagger-ui.css")).text()
    assert re.search(r"""(?:@import|url\()\s*["']?(?:https?:)?//""", style) is None


async def test_browsers_ask_nobody_else_whatever_the_scripts_say(front: Front) -> None:
    # The bundle has addresses in it, of standards and of a validator to which documents would be sent.
    for path in ("/docs", "/docs/swagger-ui-bundle.js"):
        policy = (await front.client.get(path)).headers["Content-Security-Policy"]
        sources = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
        assert sources["default-src"] == "'self'"
        assert not any(":" in source.replace("data:", "") or "*" in source for source in sources.values())


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/docs", "/docs/swagger-ui-bundle.js", "/shop", "/shop/assets/main.js"]
)
async def test_a_browser_does_not_get_a_cached_file_again(front: Front, path: str) -> None:
    first = await front.client.get(path)
    assert first.headers["Cache-Control"].startswith("public, max-age=")
    again = await front.client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")


async def test_only_files_of_the_page_are_served(front: Front) -> None:
    for path in ("README.md", "page.html", "..%2fapp.py", "%2e%2e%2fdocs.py", "LICENSE"):
        for page in ("docs", "shop/assets", "console/assets", "assets"):
            assert await front.refused("GET", f"/{page}/{path}") == "not_found"


async def test_a_browser_without_a_network_shows_every_operation(front: Front, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(headless_browser(), "--headless", *FLAGS, f"--user-data-dir={tmp_path}"),
        *("--proxy-server=127.0.0.1:9", "--virtual-time-budget=20000", "--dump-dom"),
        str(front.client.make_url("/docs")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(60):
        page, _ = await process.communicate()
    shown = set(re.findall(r"opblock-summary-operation-id[^>]*>([\w\u200b]+)", page.decode()))
    assert {name.replace("\u200b", "") for name in shown} == {route.operation_id for route in ROUTES}
