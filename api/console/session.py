"""The manager in front of the console, as the API knows it."""

import math
from typing import Any, ClassVar, Literal

import msgspec
from aiohttp import web

from api.access.callers import OPEN, caller_of
from api.http.replies import Reply, json_reply
from api.http.times import rfc3339
from api.http.types import Timestamp


class ConsoleSession(msgspec.Struct, frozen=True):
    """A manager. `auth`: `off` where no token is needed. `events`: the ids that the token covers; null: all."""

    name: str
    auth: Literal["jwt", "off"]
    events: list[int] | None
    expires_at: Timestamp | None

    EXAMPLE: ClassVar[Any] = {"name": "boss", "auth": "jwt", "events": None, "expires_at": "2027-06-01T18:00:00Z"}


async def read_console_session(request: web.Request) -> Reply:
    """GET /v1/console/session: reads which manager the token is of, and until when.

    It asks neither Redis nor Postgres.
    """
    caller = caller_of(request)
    return json_reply(
        ConsoleSession(
            caller.sub,
            "off" if caller is OPEN else "jwt",
            None if caller.events is None else sorted(caller.events),
            None if caller.expires_at == math.inf else rfc3339(int(caller.expires_at) * 1000),
        )
    )
