"""Pages of ours for browsers: files beside the code, which ask nobody else for anything."""

from pathlib import Path

from aiohttp import web

from api.http.replies import SERVER

PAGE_SECONDS = 60
ASSET_SECONDS = 86_400
"""The times for which a browser keeps a page and its files."""

_MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".png": "image/png",
}
"""By the end of a file's name; a machine's own list may say otherwise."""


def file_reply(path: Path, max_age: int, policy: str) -> web.FileResponse:
    """The file; `policy` is its Content-Security-Policy."""
    headers = {
        "Content-Type": _MEDIA[path.suffix],
        "Cache-Control": f"public, max-age={max_age}",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Server": SERVER,
    }
    return web.FileResponse(path, headers=headers)
