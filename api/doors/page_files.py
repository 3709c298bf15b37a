"""The page of a gate, which works without network: files beside the code, which ask nobody else for anything."""

from pathlib import Path
from typing import Literal, get_args

from aiohttp import web

from api.http.problems import not_found
from api.http.requests import path_id
from api.http.static_files import PAGE_SECONDS, file_reply

DoorsAsset = Literal["camera.js", "code.js", "doors.css", "doors.js", "offline.js", "sound.js", "store.js"]
"""The files of the page."""

_FOLDER = Path(__file__).parent / "page"
_ONLY_OURS = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy: a browser asks nobody else, whatever the page or its scripts say."""


async def read_doors_page(request: web.Request) -> web.StreamResponse:
    """GET /doors/{event_id}: serves the page of a gate, which asks the API with the token of its staff."""
    path_id(request, "event_id", "event")
    return _file("page.html")


async def read_doors_worker(_request: web.Request) -> web.StreamResponse:
    """GET /doors/worker.js: serves the script that keeps that page in a browser without network."""
    return _file("worker.js")


async def read_doors_asset(request: web.Request) -> web.StreamResponse:
    """GET /doors/assets/{doors_asset}: serves a file of that page."""
    asset = request.match_info["doors_asset"]
    if asset not in get_args(DoorsAsset):
        raise not_found("such part of the page")
    return _file(asset)


def _file(name: str) -> web.FileResponse:
    return file_reply(_FOLDER / name, PAGE_SECONDS, _ONLY_OURS)
