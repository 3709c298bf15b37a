"""Who asks. While authentication is off, everybody is the same caller and may do everything."""

from enum import StrEnum

from aiohttp import web


class Role(StrEnum):
    """What a caller's token says it is."""

    CUSTOMER = "customer"
    SERVICE = "service"
    MANAGER = "manager"


OPEN = "open"
"""The caller of every request while authentication is off (only on loopback)."""


def caller_of(_request: web.Request) -> str:
    """The scope of the request's idempotency keys: who made the key up."""
    return OPEN
