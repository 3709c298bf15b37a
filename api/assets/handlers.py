"""Scripts and styles that the storefront and the console share: calls of the API, texts, elements, clock, notices."""

from pathlib import Path
from typing import Literal, get_args

from aiohttp import web

from api.http.problems import not_found
from api.http.static_files import PAGE_SECONDS, file_reply

SharedAsset = Literal[
    "announce.js",
    "api.js",
    "base.css",
    "clock.js",
    "dialog.js",
    "dom.js",
    "format.js",
    "live.js",
    "notices.js",
    "pages.js",
    "polling.js",
    "router.js",
    "sale_state.js",
    "seat_data.js",
    "seat_map.js",
    "seats.css",
    "service.js",
    "store.js",
    "words.js",
]
"""The files. Those of one page alone are in its folder."""

_FOLDER = Path(__file__).parent / "files"
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy: none of them is a page."""


async def read_shared_asset(request: web.Request) -> web.StreamResponse:
    """GET /assets/{shared_asset}: serves a file that several pages are made of."""
    asset = request.match_info["shared_asset"]
    if asset not in get_args(SharedAsset):
        raise not_found("such part of a page")
    return file_reply(_FOLDER / asset, PAGE_SECONDS, _NOTHING)
