"""The operations console: a page for managers. It asks the API, with the token of the person in front of it."""

from pathlib import Path
from typing import Literal, get_args

from aiohttp import web

from api.http.problems import not_found
from api.http.static_files import PAGE_SECONDS, file_reply

ConsoleAsset = Literal[
    "affected.js",
    "amounts.js",
    "change.js",
    "changes.js",
    "codes.js",
    "console.css",
    "customers.js",
    "doors.js",
    "en.json",
    "events.js",
    "figures.js",
    "frame.js",
    "health.js",
    "history.js",
    "holds.js",
    "main.js",
    "money.js",
    "now.js",
    "open_payments.js",
    "reasons.js",
    "records.css",
    "records.js",
    "room.js",
    "runbook.json",
    "sale.js",
    "seats.js",
    "session.js",
    "sign_in.js",
    "table.js",
    "tickets.js",
    "tile.js",
    "views.js",
    "webhooks.js",
]
"""The files of the page."""

ConsoleView = Literal["now", "events", "money", "doors", "customers", "changes", "webhooks"]
"""The views that have an address of their own; `/console` leads to the first."""

_FOLDER = Path(__file__).parent / "page"
_ONLY_OURS = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy: a browser asks nobody else, whatever the page or its scripts say."""


async def read_console(_request: web.Request) -> web.StreamResponse:
    """GET /console: serves the console. The page has no data; what it shows, it asks for with a manager's token."""
    return _file("page.html")


async def read_console_view(request: web.Request) -> web.StreamResponse:
    """GET /console/{console_view}: serves the same page, which shows one of its views."""
    if request.match_info["console_view"] not in get_args(ConsoleView):
        raise not_found("such view of the console")
    return _file("page.html")


async def read_console_asset(request: web.Request) -> web.StreamResponse:
    """GET /console/assets/{console_asset}: serves a file of that page."""
    asset = request.match_info["console_asset"]
    if asset not in get_args(ConsoleAsset):
        raise not_found("such part of the page")
    return _file(asset)


def _file(name: str) -> web.FileResponse:
    return file_reply(_FOLDER / name, PAGE_SECONDS, _ONLY_OURS)
