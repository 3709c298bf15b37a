"""A page on which a newcomer plays a sale: all that it does it does by calls of the API, as who looks at it."""

from pathlib import Path
from typing import Literal, get_args

from aiohttp import web

from api.files import PAGE_SECONDS, file_reply
from api.keys import SETTINGS
from api.problems import not_found

DemoAsset = Literal["demo.css", "demo.js", "api.js", "orders.js", "seats.js", "slots.js", "tickets.js"]
"""What the page is made of."""

_FOLDER = Path(__file__).parent / "demo"
_ONLY_OURS = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy: a browser asks nobody else, whatever the page or its scripts say."""


async def read_demo(request: web.Request) -> web.StreamResponse:
    """GET /demo: a page to play a sale on, where authentication is off or the settings want it."""
    return _file(request, "page.html")


async def read_demo_asset(request: web.Request) -> web.StreamResponse:
    """GET /demo/{demo_asset}: what that page is made of."""
    asset = request.match_info["demo_asset"]
    if asset not in get_args(DemoAsset):
        raise not_found("such part of the page")
    return _file(request, asset)


def _file(request: web.Request, name: str) -> web.FileResponse:
    """Its parts belong together, so they are kept no longer than the page. Raises Problem not_found."""
    settings = request.app[SETTINGS]
    if settings.auth != "off" and not settings.demo_page:
        raise not_found("demo page; ONSALE_DEMO_PAGE=true shows it")
    return file_reply(_FOLDER / name, PAGE_SECONDS, _ONLY_OURS)
