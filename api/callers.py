"""Who asks. While authentication is off, everybody is the same caller and may do everything."""

from aiohttp import web

OPEN = "open"
"""The caller of every request while authentication is off (only on loopback)."""


def caller_of(_request: web.Request) -> str:
    """The scope of the request's idempotency keys: who made the key up."""
    return OPEN
