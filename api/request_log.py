"""Requests that were slow, refused because of their caller, or could not be served: counted, and logged once a second.

A line for each would be the end of a server that refuses thousands a second.
"""

import asyncio
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)

SLOW_SECONDS = 1.0
_EVERY_SECONDS = 1.0


class _Key(NamedTuple):
    method: str
    route: str
    status: int


class _Tally:
    """The number of requests, the slowest of them, and the id of one."""

    __slots__ = ("count", "request_id", "slowest")

    def __init__(self, request_id: str) -> None:
        self.count, self.slowest, self.request_id = 0, 0.0, request_id


class Refused(NamedTuple):
    """A request that was answered 401, 403 or 429: why, and who asked, as far as that is known."""

    route: str
    status: int
    reason: str


class Asker(NamedTuple):
    """The sender of a refused request, and the answer."""

    address: str
    sub: str
    detail: str
    request_id: str


class RequestLog:
    """Counts what is worth a line, by method, route and status; so there are never more keys than routes' answers."""

    def __init__(self) -> None:
        self._tallies: dict[_Key, _Tally] = {}
        self._refused: dict[Refused, tuple[int, Asker]] = {}

    def note_refused(self, refused: Refused, asker: Asker) -> None:
        """Counts a refused request. The last one of a second is logged as an example."""
        count, _ = self._refused.get(refused, (0, asker))
        self._refused[refused] = count + 1, asker

    def note(self, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
        """One more that failed by a fault of ours (status 500 and above), or took longer than `SLOW_SECONDS`."""
        key = _Key(method, route, status)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally(request_id)
        tally.count += 1
        if seconds > tally.slowest:
            tally.slowest, tally.request_id = seconds, request_id

    def tell(self) -> None:
        """A line for each kind that there was since the last time. `request_id` is that of the slowest."""
        tallies, self._tallies = self._tallies, {}
        for key, tally in tallies.items():
            log.warning(
                "requests",
                method=key.method,
                route=key.route,
                status=key.status,
                count=tally.count,
                slowest_seconds=round(tally.slowest, 4),
                request_id=tally.request_id,
            )
        refusals, self._refused = self._refused, {}
        for refused, (count, asker) in refusals.items():
            log.warning("requests_refused", count=count, **refused._asdict(), **asker._asdict())

    async def tell_every_second(self) -> None:
        """Logs forever; once more when it is cancelled."""
        try:
            while True:
                await asyncio.sleep(_EVERY_SECONDS)
                self.tell()
        finally:
            self.tell()
