"""Lists in pages: `limit` and `cursor` in, `items` and `next_cursor` out."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Annotated, Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.http.problems import Problem, invalid
from api.http.types import Page

T = TypeVar("T")
V = TypeVar("V")


NumberInList = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A cursor that is the number of an item."""


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list is wanted."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: str | None = None


def decode_cursor(path: str, cursor: str | None, shape: type[T]) -> T | None:
    """The position that `encode_cursor` was given for the list of this path; None at the beginning.

    Raises Problem invalid for any other text, also for a cursor of another list: its places mean something else.
    """
    if cursor is None:
        return None
    mark = list_mark(path)
    if not cursor.startswith(mark):
        raise not_a_cursor()
    try:
        place = msgspec.json.decode(urlsafe_b64decode(cursor.removeprefix(mark).encode()), type=shape)
    except (ValueError, msgspec.DecodeError) as error:
        raise not_a_cursor() from error
    if not all(map(_is_stored, place if isinstance(place, tuple) else (place,))):
        raise not_a_cursor()
    return place


def list_mark(path: str) -> str:
    """The beginning of each cursor of the list that has this path."""
    return blake2b(path.rstrip("/").encode(errors="replace"), digest_size=3).hexdigest() + "-"


def _is_stored(value: object) -> bool:
    """True for a value that Postgres can have: a cursor may be forged."""
    return -(2**63) <= value < 2**63 if isinstance(value, int) else "\0" not in str(value)


def not_a_cursor() -> Problem:
    """The problem of a cursor that no page has given."""
    return invalid("cursor", "not a cursor of this list; pass next_cursor of its previous page unchanged")


def encode_cursor(path: str, place: Any) -> str:
    """An opaque text for the place after which the next page of the list of this path begins."""
    return list_mark(path) + urlsafe_b64encode(msgspec.json.encode(place)).decode()


def next_cursor(path: str, found: Sequence[T], limit: int, place: Callable[[T], Any]) -> str | None:
    """The cursor after the first `limit` of what was found; None if there is no more.

    `place` names where an item stands in the list.
    """
    return encode_cursor(path, place(found[limit - 1])) if len(found) > limit else None


def page(
    request: web.Request, found: Sequence[T], limit: int, place: Callable[[T], Any], view: Callable[[T], V]
) -> Page[V]:
    """The first `limit` of what was found, as `view` shows each. Look for one more than `limit`."""
    return Page([view(item) for item in found[:limit]], next_cursor(request.path, found, limit, place))
