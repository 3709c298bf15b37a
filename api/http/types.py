"""Shared types of responses, from which the OpenAPI document is made too."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")

Timestamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, in UTC."""

Number = Annotated[int, Meta(ge=0)]
"""A count, or an amount in minor units."""

CURRENCY_CODE = "^[A-Z]{3}$"

Currency = Annotated[str, Meta(pattern=CURRENCY_CODE)]
"""A code of ISO 4217."""

LocalDate = Annotated[str, Meta(extra_json_schema={"format": "date"})]
"""A day in the time zone of the event."""

Weekday = Annotated[int, Meta(ge=1, le=7)]
"""1 (Monday) to 7."""

LocalTime = Annotated[str, Meta(pattern=r"^\d\d:\d\d(:\d\d)?$")]
"""A time of day in the time zone of the event; with seconds only where there are any."""


Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
"""A UUID as a text."""

OpaqueId = Annotated[str, Meta(min_length=1)]
"""An id; only we interpret its parts."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None


class Money(msgspec.Struct, gc=False, frozen=True):
    """An amount in minor units, with its currency."""

    amount: Number
    currency: Currency

    EXAMPLE: ClassVar[Any] = {"amount": 30_000, "currency": "EUR"}


Instant = Annotated[datetime, Meta(tz=True)]
