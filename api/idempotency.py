"""Idempotency-Key: a key names what it took, so a repeat finds it. There is no table of keys."""

import re

import msgspec
from aiohttp import web

from api.problems import invalid
from engine.ids import request_digest

REPLAYED = {"Idempotency-Replayed": "true"}
"""Goes with an answer whose effect an earlier request had."""

_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_ENCODER = msgspec.json.Encoder(order="deterministic")


def idempotency_key(request: web.Request) -> str | None:
    """The request's key. Raises Problem invalid for one that is not 1..255 visible ASCII characters."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise invalid("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return key


def body_digest(body: msgspec.Struct) -> str:
    """A digest of what a body says; the same for the same values, however they were written."""
    return request_digest(_ENCODER.encode(body).decode())
