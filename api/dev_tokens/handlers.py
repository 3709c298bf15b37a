"""Tokens of any role for everybody: for front ends under development, on loopback."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import LIMITED, Role
from api.access.minting import minted
from api.app_keys import SETTINGS
from api.http.problems import invalid
from api.http.replies import Reply, json_reply
from api.http.requests import DatabaseId, read_body
from api.http.text import CustomerId
from api.http.times import rfc3339
from api.http.types import Timestamp

_DAY_SECONDS = 86_400


class TokenWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /dev/tokens. `events`: those that a manager's or a gate's token is good for; null: all."""

    role: Role
    sub: CustomerId = "22"
    events: Annotated[list[DatabaseId], Meta(max_length=100)] | None = None
    ttl_seconds: Annotated[int, Meta(ge=1, le=31_536_000)] = _DAY_SECONDS

    EXAMPLE: ClassVar[Any] = {"role": "customer", "sub": "22"}


class DevToken(msgspec.Struct, frozen=True):
    """A token, and the end of its life."""

    token: str
    role: Role
    sub: str
    expires_at: Timestamp

    EXAMPLE: ClassVar[Any] = {
        "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
        "role": "customer",
        "sub": "22",
        "expires_at": "2027-06-02T18:00:00Z",
    }


_WISH = msgspec.json.Decoder(TokenWish)


async def create_dev_token(request: web.Request) -> Reply:
    """POST /dev/tokens: makes a token of any role. Only `onsale dev --auth jwt` has this."""
    wish = await read_body(request, _WISH)
    if wish.events is not None and wish.role not in LIMITED:
        raise invalid("events", "only tokens of managers and gates are limited to events")
    ends = datetime.now(UTC) + timedelta(seconds=wish.ttl_seconds)
    token = minted(request.app[SETTINGS], wish.role, wish.sub, wish.ttl_seconds, wish.events)
    return json_reply(DevToken(token, wish.role, wish.sub, rfc3339(int(ends.timestamp() * 1000))))
