"""A page on which a newcomer plays a sale: all that it does it does by calls of the API, as who looks at it."""

from pathlib import Path
from typing import Literal, get_args

from aiohttp import web

from api.app_keys import SETTINGS
from api.http.problems import not_found
from api.http.requests import path_id
from api.http.static_files import PAGE_SECONDS, file_reply

DemoAsset = Literal[
    "demo.css",
    "queue.css",
    "demo.js",
    "queue.js",
    "api.js",
    "live.js",
    "order.js",
    "orders.js",
    "proof.js",
    "seats.js",
    "slots.js",
    "tickets.js",
    "waiting.js",
    "who.js",
]
"""The files of the pages."""

_FOLDER = Path(__file__).parent / "page"
_ONLY_OURS = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy: a browser asks nobody else, whatever the page or its scripts say."""


async def read_demo(request: web.Request) -> web.StreamResponse:
    """GET /demo: serves a page to try a sale, if authentication is off or the settings enable it."""
    return _file(request, "page.html")


async def read_demo_queue(request: web.Request) -> web.StreamResponse:
    """GET /demo/queue/{event_id}: serves a page on which a customer waits, on the same terms."""
    path_id(request, "event_id", "event")
    return _file(request, "queue.html")


async def read_demo_asset(request: web.Request) -> web.StreamResponse:
    """GET /demo/{demo_asset}: serves a file of these pages."""
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
