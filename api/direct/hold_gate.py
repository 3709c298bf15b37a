"""The gate before new holds: what comes when there is no room is neither parsed nor read, until there is.

To parse a request only to refuse it costs as much as a sale, so a crowd beyond the capacity would use all of it. Here a
request for a hold waits as the bytes that came, and its connection is not read meanwhile. If there is still no room
after a while, it is refused by bytes that are nearly ready. Other requests, above all payments, do not come by here. A
turn of the event loop parses holds for some ms only, so other requests do not wait behind them.

While holds wait, those who only look wait for them, too: public pages get a small share of the time.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from engine.partition import Partition

_LINES = (b"POST /v1/reservations HTTP/1.1\r\n", b"POST /v1/reservations/ HTTP/1.1\r\n")
_TICKET = re.compile(rb'"ticket_id"\s*:\s*(\d{1,15})')
_TURN_SECONDS = 0.01
"""The time in which a turn of the event loop may parse holds; it may refuse them for as long again."""

_LOOK_SECONDS = 0.002
_PAGES_PER_LOOK = 16
"""Public pages between two looks while holds wait. One costs 25 µs with its socket: a fifth of the time at most."""

REST_SECONDS = 1.0
"""The time for which a refused client is not read: that is what Retry-After says."""


class Visitor(Protocol):
    """A connection whose request waits as bytes."""

    early: bytes

    def let_in(self) -> None:
        """Goes on with the request."""
        ...

    def refuse(self) -> bool:
        """Refuses the request; whether that was done here, so that the connection is to rest."""
        ...

    def read_on(self) -> None:
        """Reads from the client again."""
        ...


class _Waiting(NamedTuple):
    visitor: Visitor
    until: float


class _Resting(NamedTuple):
    visitor: Visitor
    until: float
    partition: Partition | None


class HoldGate:
    """Lets requests for holds in, each partition's in their order."""

    def __init__(
        self,
        partition_of_ticket: Callable[[int], Partition | None],
        has_room: Callable[[Partition], bool],
        wait_seconds: float,
    ) -> None:
        self._partition_of_ticket, self._room_of = partition_of_ticket, has_room
        self._wait = wait_seconds
        self._loop = asyncio.get_running_loop()
        self._queues: dict[Partition | None, deque[_Waiting]] = {}
        self._resting: deque[_Resting] = deque()
        self._onlookers: deque[Visitor] = deque()
        self._pages_left = _PAGES_PER_LOOK
        self._turn_ends = 0.0
        self._in_turn = False
        self._looking = False
        self.is_full_behind = False
        """True while holds wait behind the gate, because they found no room. Until then the gate looks for none."""

    def admits(self, visitor: Visitor, data: bytes) -> bool:
        """True if the data may be parsed now. If not, it is a hold that waits here from now on."""
        if not data.startswith(_LINES):
            return True
        if not self._queues and not self.is_full_behind and self._has_time():
            return True
        ticket = _TICKET.search(data)
        partition = self._partition_of_ticket(int(ticket[1])) if ticket else None
        if partition not in self._queues and self._has_room(partition) and self._has_time():
            return True
        self._queues.setdefault(partition, deque()).append(_Waiting(visitor, self._loop.time() + self._wait))
        self._look_later()
        return False

    def is_crowded(self) -> bool:
        """True while holds wait for room, or pages for holds."""
        return bool(self._queues or self._onlookers)

    def admits_page(self, visitor: Visitor) -> bool:
        """True if a crowded gate lets a public page be shown now. If not, it waits here as bytes."""
        if self._pages_left > 0 and not self._onlookers:
            self._pages_left -= 1
            return True
        self._onlookers.append(visitor)
        self._look_later()
        return False

    def _has_room(self, partition: Partition | None) -> bool:
        return partition is None or self._room_of(partition)

    def _has_time(self) -> bool:
        """True if this turn of the event loop has time to parse."""
        now = time.perf_counter()
        if not self._in_turn:
            self._in_turn = True
            self._turn_ends = now + _TURN_SECONDS
            self._loop.call_soon(self._end_turn)
        return now < self._turn_ends

    def _end_turn(self) -> None:
        self._in_turn = False

    def _look_later(self) -> None:
        if not self._looking:
            self._looking = True
            self._loop.call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """Lets in who waited longest, as far as there are room and time; refuses who waited too long."""
        self._looking = False
        for partition in list(self._queues):
            self._serve(partition, self._queues[partition])
            if not self._queues[partition]:
                del self._queues[partition]
        self._show_pages()
        self._end_rests()
        if self._queues or self._resting or self._onlookers:
            self._look_later()

    def _serve(self, partition: Partition | None, queue: deque[_Waiting]) -> None:
        now = self._loop.time()
        refusing_ends = time.perf_counter() + _TURN_SECONDS
        while queue:
            visitor, until = queue[0]
            if not visitor.early:  # its client is gone
                queue.popleft()
            elif self._has_room(partition):
                if not self._has_time():
                    return
                queue.popleft()
                visitor.let_in()
            elif until <= now and time.perf_counter() < refusing_ends:
                queue.popleft()
                if visitor.refuse():
                    self._resting.append(_Resting(visitor, now + REST_SECONDS, partition))
            else:
                return

    def _show_pages(self) -> None:
        """Shows pages to those who waited longest: few of them while holds wait, and otherwise as time allows."""
        self._pages_left = _PAGES_PER_LOOK
        ends = time.perf_counter() + _TURN_SECONDS
        while self._onlookers and (self._pages_left > 0 or (not self._queues and time.perf_counter() < ends)):
            visitor = self._onlookers.popleft()
            if visitor.early:  # its client is still there
                self._pages_left -= 1
                visitor.let_in()

    def _end_rests(self) -> None:
        """Read refused clients again after a while, or as soon as there is room and nobody waits."""
        now, ends = self._loop.time(), time.perf_counter() + _TURN_SECONDS
        while self._resting and time.perf_counter() < ends:
            visitor, until, partition = self._resting[0]
            if until > now and (partition in self._queues or not self._has_room(partition)):
                return
            self._resting.popleft()
            visitor.read_on()
