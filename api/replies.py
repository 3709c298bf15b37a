"""Writing responses."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec
from aiohttp import web

_JSON = "application/json"
_ENCODER = msgspec.json.Encoder()


def json_reply(data: msgspec.Struct, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON response."""
    return web.Response(body=_ENCODER.encode(data), status=status, content_type=_JSON, headers=headers)


def cached_reply(request: web.Request, data: msgspec.Struct, *, max_age: int, tag_of: Any = None) -> web.Response:
    """A JSON response that caches may show for `max_age` seconds before they ask again; 304 if the client has it.

    The ETag is that of `tag_of`, where not everything in `data` matters, else of all of it.
    """
    body = _ENCODER.encode(data)
    return tagged_reply(request, body if tag_of is None else _ENCODER.encode(tag_of), lambda: body, max_age=max_age)


def tagged_reply(request: web.Request, tag: bytes, body: Callable[[], bytes], *, max_age: int) -> web.Response:
    """As cached_reply, with JSON that is made only for who does not have it; where `tag` is the same, so is it.

    The ETag is a weak one: what it stands for may be compressed, or tell another instant.
    """
    opaque = f'"{blake2b(tag, digest_size=12).hexdigest()}"'
    kept = f"public, max-age={max_age}" if max_age else "public, no-cache"
    headers = {"ETag": f"W/{opaque}", "Cache-Control": kept, "Vary": "Accept-Encoding"}
    known = request.headers.get("If-None-Match", "")
    if known == "*" or opaque in (known_tag.strip().removeprefix("W/") for known_tag in known.split(",")):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body(), content_type=_JSON, headers=headers)
