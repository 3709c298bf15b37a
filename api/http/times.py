"""Instants as the API writes them."""

import time
from datetime import UTC, datetime
from functools import lru_cache

_FRACTIONS = ("Z", *(f".{ms:03}Z" for ms in range(1, 1000)))
"""The text after the seconds, by ms.

Formatting it each time would take most of the time of writing an instant.
"""


@lru_cache(maxsize=4096)
def _seconds(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=4096)  # holds of a call share their instants
def rfc3339(ms: int) -> str:
    """RFC 3339 in UTC of ms since 1970; milliseconds only where there are any."""
    return _seconds(ms // 1000) + _FRACTIONS[ms % 1000]


def optional_rfc3339(instant: datetime | int | None) -> str | None:
    """RFC 3339 of an aware datetime, or of ms since 1970; None of None."""
    if instant is None:
        return None
    return rfc3339(instant if isinstance(instant, int) else milliseconds(instant))


def milliseconds(instant: datetime) -> int:
    """Ms since 1970 of an aware datetime."""
    return round(instant.timestamp() * 1000)


def wall_clock_ms() -> int:
    """Ms since 1970 by the clock of the process: good enough to show, never to decide."""
    return time.time_ns() // 1_000_000
