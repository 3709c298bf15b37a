"""Remaining stock of events for all readers. Redis is asked ten times a second, however many read.

What is shown of an event is at most `availability_age_ms` old, and has all that this process changed before it was
asked for. Only where a crowd waits for that already, the next request is shown what is known.

A partition counts its changes, and sends the count with every answer. While that count stays, all known figures of its
events are up to date. So of many events without sales, one is asked for.
"""

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from aiohttp import web

from api.catalogue.views import EventCounts
from engine.catalogue import EventSnapshot
from engine.commands.events import Count
from engine.commands.seats import CountSections, ReadSeatMap
from engine.engine import Engine
from engine.errors import Fault, OutcomeUnknown
from engine.redis_keys import partition_of
from engine.results.events import Counts
from engine.results.seats import SeatMap, SectionsCounted
from engine.seats import section_pool
from engine.settings import Settings
from engine.stock import PoolCounts

CROWD = 64
"""That many may wait for a partition to be asked again for what this process changed itself."""

_PAUSE = 10
"""A partition is not asked again for this multiple of the time that it took to answer. The pause ends early enough for
the next answer to come before this one is too old."""

_SECTIONS = -1
"""Stands for all sections of an event; a section's own id for its map, and 0 for the counts of the tickets."""

T = TypeVar("T")

STOCK: web.AppKey["Stock"] = web.AppKey("stock")


class Known(Generic[T]):
    """The known state of one thing: the counts of an event, or the map of one of its sections.

    `number` grows when it changes, over all that is known; so the greatest of several shows whether one has changed.
    """

    __slots__ = (
        *("asked_at", "event", "kept", "made", "mark", "now_ms", "number", "position", "section_id", "shelf", "value"),
    )

    def __init__(self, shelf: "_Shelf", event: EventSnapshot, section_id: int) -> None:
        self.shelf, self.event, self.section_id = shelf, event, section_id
        self.value: T | None = None
        self.number = 0
        self.made: object = None  # what the code that shows it has made of it
        self.kept: dict[int, tuple[object, str]] = {}  # the same, of parts of it that may be of use when it has changed
        self.now_ms = 0
        self.position = ""
        self.asked_at, self.mark = -math.inf, -1


class _Shelf:
    """The things of one partition, and what the partition was asked last."""

    __slots__ = (
        *("asked_at", "mark", "moves", "next", "now_ms", "number", "position", "task", "things", "waiting", "wanted"),
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.things: dict[tuple[int, int], Known[Any]] = {}
        self.position, self.now_ms = "", 0
        self.moves = True  # whether something happened between the last two times that it was asked
        self.asked_at, self.mark = -math.inf, -1
        self.wanted: dict[tuple[int, int], Known[Any]] = {}
        self.next: asyncio.Future[None] | None = None
        self.task: asyncio.Task[None] | None = None
        self.waiting = 0

    def is_still_at(self, position: str) -> bool:
        """True if nothing happened in the partition between that position and the last look."""
        return position == self.position != ""


class Stock:
    """Knows counts and maps. An async context manager: it asks in tasks of its own."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._max_age_seconds = settings.availability_age_ms / 1000
        self._shelves = [_Shelf(number) for number in range(settings.partitions)]
        self._number = 0
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for shelf in self._shelves:
            if shelf.task is not None:
                shelf.task.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def exact(self, event_id: int) -> EventCounts:
        """The counts as they are now. Of an event that is not published: none. Raises Fault."""
        result = await self._engine.submit(Count(event_id))
        return EventCounts.of(result) if isinstance(result, Counts) else EventCounts(0, {})

    def counts_of(self, event: EventSnapshot) -> Known[EventCounts]:
        """The known counts of an event, as of no instant; `look` at them before showing them."""
        return self._known(event, 0)  # section 0 is none

    def map_of(self, event: EventSnapshot, section_id: int) -> Known[str]:
        """The known seats of a section; `look` at them before showing them. None: the section is not offered."""
        return self._known(event, section_id)

    def sections_of(self, event: EventSnapshot) -> Known[tuple[PoolCounts, ...]]:
        """The known counts of the sections that the event offers; `look` at them before showing them."""
        return self._known(event, _SECTIONS)

    def _known(self, event: EventSnapshot, section_id: int) -> Known[Any]:
        shelf = self._shelves[partition_of(event.event_id, len(self._shelves))]
        key = (event.event_id, section_id)
        known = shelf.things.get(key)
        if known is None or known.event is not event:
            # Another description: counts for the one before must no longer be shown.
            known = shelf.things[key] = Known(shelf, event, section_id)
        return known

    def is_good(self, watch: "Watch", *, own: bool = True) -> bool:
        """True if everything watched may be shown now.

        Without `own`, changes that this process made meanwhile are ignored.
        """
        oldest, changes = time.monotonic() - self._max_age_seconds, self._engine.changes
        for group in watch.groups:
            shelf = group.shelf
            own_counts = own and shelf.waiting < CROWD
            if shelf.position == group.position != "":
                if shelf.asked_at <= oldest or (own_counts and shelf.mark != changes[shelf.number]):
                    return False
                continue
            still = True
            for known in group.things:
                told: Known[Any] | _Shelf = known
                if shelf.is_still_at(known.position):
                    told = shelf
                else:
                    still = False
                if told.asked_at <= oldest or (own_counts and told.mark != changes[shelf.number]):
                    return False
            group.number = max([known.number for known in group.things])
            group.position = shelf.position if still else ""
        return True

    async def look(self, watch: "Watch", *, own: bool = True) -> None:
        """Waits until all that is watched may be shown. Raises Fault."""
        if self.is_good(watch, own=own):
            return
        for group in watch.groups:
            part = Watch([])
            part.groups = [group]
            if self.is_good(part, own=own):
                continue
            shelf = group.shelf
            await self._ask(shelf, group.things if shelf.moves else group.things[:1])
            group.number, group.position = max([known.number for known in group.things]), ""
            if not self.is_good(part, own=own):
                moved = [known for known in group.things if not shelf.is_still_at(known.position)]
                if moved and len(group.things) > 1:
                    await self._ask(shelf, moved)
                group.number = max([known.number for known in group.things])

    async def _ask(self, shelf: _Shelf, things: Sequence[Known[Any]]) -> None:
        """Has the partition asked for these, together with what others want."""
        if shelf.next is None:
            shelf.next = asyncio.get_running_loop().create_future()
        for known in things:
            shelf.wanted[known.event.event_id, known.section_id] = known
        if shelf.task is None or shelf.task.done():
            shelf.task = self._tasks.create_task(self._serve(shelf), name=f"stock-{shelf.number:02}")
        shelf.waiting += 1
        try:
            await asyncio.shield(shelf.next)
        finally:
            shelf.waiting -= 1

    async def _serve(self, shelf: _Shelf) -> None:
        """Asks a partition for what is wanted, as long as anything is."""
        answer: asyncio.Future[None] | None = None
        try:
            while shelf.next is not None:
                answer, shelf.next = shelf.next, None
                wanted, shelf.wanted = list(shelf.wanted.values()), {}
                began = time.monotonic()
                try:
                    await self._count(shelf, wanted)
                except Exception as error:  # waiting callers get it
                    answer.set_exception(error)
                    answer.exception()  # nobody has to
                else:
                    answer.set_result(None)
                await asyncio.sleep(self._pause_after(time.monotonic() - began))
        finally:
            for future in (answer, shelf.next):
                if future is not None and not future.done():
                    future.set_exception(OutcomeUnknown("the server is stopping; try again"))
                    future.exception()

    def _pause_after(self, took: float) -> float:
        return max(0.0, min(_PAUSE * took, self._max_age_seconds / 2, self._max_age_seconds - 2 * took))

    async def _count(self, shelf: _Shelf, wanted: list[Known[Any]]) -> None:
        asked_at, mark = time.monotonic(), self._engine.changes[shelf.number]
        submit = self._engine.submit
        # An event's counts go before its maps: the position that they tell is then none that the maps do not have.
        events = {known.event.event_id for known in wanted}
        maps = [known for known in wanted if known.section_id > 0]
        overviews = [known for known in wanted if known.section_id == _SECTIONS]
        results = await asyncio.gather(
            *(submit(Count(event_id)) for event_id in events),
            *(submit(ReadSeatMap(known.event.event_id, section_pool(known.section_id))) for known in maps),
            *(submit(CountSections(known.event.event_id)) for known in overviews),
            return_exceptions=True,
        )
        broken = [result for result in results if isinstance(result, BaseException)]
        if broken:
            raise next((error for error in broken if isinstance(error, Fault)), broken[0])
        counted = dict(zip(events, results, strict=False))
        for known in wanted:
            counts = counted[known.event.event_id]
            if not known.section_id:
                value = EventCounts.of(counts) if isinstance(counts, Counts) else EventCounts(0, {})
                self._learn(known, value._replace(now_ms=0), counts, asked_at, mark)
        of_overviews = len(events) + len(maps)
        for known, sections in zip(overviews, results[of_overviews:], strict=True):
            told_sections = tuple(sections.sections) if isinstance(sections, SectionsCounted) else ()
            self._learn(known, told_sections, counted[known.event.event_id], asked_at, mark)
        for known, seats in zip(maps, results[len(events) : of_overviews], strict=True):
            text = seats.text if isinstance(seats, SeatMap) else None
            self._learn(known, text, counted[known.event.event_id], asked_at, mark)
        told = [counts for counts in counted.values() if isinstance(counts, Counts)]
        if told:
            # All of one batch or of several: the first has the position that none of them has not.
            shelf.moves = not shelf.is_still_at(told[0].position)
            shelf.position, shelf.now_ms = told[0].position, told[0].now_ms
            shelf.asked_at, shelf.mark = asked_at, mark

    def _learn(self, known: Known[Any], value: object, counts: object, asked_at: float, mark: int) -> None:
        if known.number == 0 or known.value != value:
            self._number += 1
            known.value, known.number, known.made = value, self._number, None
        known.position, known.now_ms = (counts.position, counts.now_ms) if isinstance(counts, Counts) else ("", 0)
        known.asked_at, known.mark = asked_at, mark


class _Group:
    """Watched things of one partition; `position`: where it was when none of them had changed, empty if one has."""

    __slots__ = ("number", "position", "shelf", "things")

    def __init__(self, shelf: _Shelf) -> None:
        self.shelf, self.number, self.position = shelf, 0, ""
        self.things: list[Known[Any]] = []


class Watch:
    """Things that are shown together. `number` is the same as long as none of them changed."""

    __slots__ = ("groups",)

    def __init__(self, things: Iterable[Known[Any]]) -> None:
        groups: dict[int, _Group] = {}
        for known in things:
            groups.setdefault(known.shelf.number, _Group(known.shelf)).things.append(known)
        self.groups = list(groups.values())

    @property
    def number(self) -> int:
        """As it was when `is_good` or `look` ended."""
        return max([group.number for group in self.groups], default=0)


def told_ms(known: Known[Any]) -> int:
    """The instant of Redis' clock at which the thing was so."""
    return known.shelf.now_ms if known.shelf.is_still_at(known.position) else known.now_ms


def told_counts(known: Known[EventCounts]) -> EventCounts:
    """The counts of an event, as of the instant at which they were so."""
    return (known.value or EventCounts(0, {}))._replace(now_ms=told_ms(known))
