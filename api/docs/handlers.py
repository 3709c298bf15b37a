"""The contract for programs and for people: the OpenAPI document, and a page that shows it and needs no network."""

from pathlib import Path
from typing import Literal, get_args

from aiohttp import web

from api.app_keys import SETTINGS
from api.http.cached_pages import CachedPage
from api.http.problems import not_found
from api.http.replies import Reply
from api.http.static_files import ASSET_SECONDS, PAGE_SECONDS, file_reply

Asset = Literal["swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"]
"""The files of the page."""

_FOLDER = Path(__file__).parent / "swagger_ui"
_ONLY_OURS = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy: a browser asks nobody else, whatever the page or its scripts say."""


async def read_openapi(request: web.Request) -> Reply:
    """GET /openapi.json: serves this document."""
    return await request.app[DOCUMENT].reply(request, request.app[SETTINGS].compress_bytes)


async def read_docs(_request: web.Request) -> web.StreamResponse:
    """GET /docs: a page that shows this document and lets one try the API."""
    return file_reply(_FOLDER / "page.html", PAGE_SECONDS, _ONLY_OURS)


async def read_asset(request: web.Request) -> web.StreamResponse:
    """GET /docs/{asset}: serves a file of that page."""
    asset = request.match_info["asset"]
    if asset not in get_args(Asset):
        raise not_found("such part of the page")
    return file_reply(_FOLDER / asset, ASSET_SECONDS, _ONLY_OURS)


DOCUMENT = web.AppKey("document", CachedPage)
