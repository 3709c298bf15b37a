"""Lists in pages: `limit` and `cursor` in, `items` and `next_cursor` out."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from api.problems import Problem, invalid

T = TypeVar("T")


class PageQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list is wanted."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: str | None = None


def decode_cursor(cursor: str | None, shape: type[T]) -> T | None:
    """What `encode_cursor` was given; None at the beginning. Raises Problem invalid for any other text."""
    if cursor is None:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor.encode()), type=shape)
    except (ValueError, msgspec.DecodeError) as error:
        raise not_a_cursor() from error


def not_a_cursor() -> Problem:
    """The problem of a cursor that no page has given."""
    return invalid("cursor", "not a cursor; pass next_cursor of the page before as it is")


def encode_cursor(place: Any) -> str:
    """An opaque text for the place after which the next page begins."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode()
