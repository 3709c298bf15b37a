"""The events that idempotency keys were first used for, in a cluster.

Ids are made of the key and the event, so nothing is taken twice for another event: this tells a client of its mistake.
On a single server the command itself checks the event of its key (lua/28_key_events.lua). In a cluster the key may be
on another node. Requests that come while a call is under way go with the next one. A call of their own would cost more
than a hold.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from zlib import crc32

from engine.errors import EngineBug, Fault, OutcomeUnknown, OutOfMemory, Overloaded, Unready
from engine.lanes import Answer
from engine.settings import Settings

Call = Callable[[str, Sequence[str], Sequence[Any]], Awaitable[Any]]
"""A function of the library, its keys and its arguments."""

_MOST_TOGETHER = 256
_LATE_SECONDS, _LATE_TIMES = 0.025, 3
"""So long requests wait for a node that has nothing but their keys: that long, or so many times what is usual."""

_TOGETHER_SECONDS, _TOGETHER_TIMES = 0.005, 2
"""Requests whose keys were asked for together wait for one another: the same."""

_MOST_USUAL_SECONDS, _LEARNS = 0.025, 0.125
"""The usual time counts for no more than that; the weight of the last time in it."""

_TURNS = 5
"""Turns of the event loop that an answer may need to its callers. It may have come while this process was busy."""

_REST_SECONDS = 0.1
"""A node that was away is left alone for that long."""

_KEEP_SECONDS = 0.1
"""The time for which a key to keep waits for a call that goes anyway."""

_OUT_OF_MEMORY = b"out_of_memory"


class _Asked(NamedTuple):
    key: str
    event_id: int
    answer: Answer
    since: float


class _Group:
    """Keys that one call can name: those with one tag.

    `late`: the last call took long or failed, so nobody waits for the next one, which goes after `rests_until`.
    """

    __slots__ = ("asked", "call", "calling", "kept", "late", "rests_until", "tag")

    def __init__(self, call: Call, tag: str) -> None:
        self.call, self.tag = call, tag
        self.asked: deque[_Asked] = deque()
        self.kept: deque[str] = deque()
        self.calling = self.late = False
        self.rests_until = 0.0

    def key(self, name: str) -> str:
        return f"answer:{{{self.tag}}}:{name}"


class _Part:
    """The keys of a group that go with one call. `asked`: those whose callers have no answer yet."""

    __slots__ = ("asked", "group", "kept")

    def __init__(self, group: _Group, asked: list[_Asked], kept: list[str]) -> None:
        self.group, self.asked, self.kept = group, asked, kept

    def take_asked(self) -> list[_Asked]:
        """The keys that somebody waits for: from now on nobody does."""
        taken, self.asked = self.asked, []
        return taken


class KeyEvents:
    """Asks for events of keys, and remembers them, many at once. `run` has to run meanwhile.

    `tags`: with a call for each. A key has one of them by its name, so it may be on another node than its event. All
    are asked together, and callers are answered together if their nodes are about as fast: their holds then share the
    batches of their partitions. A node that is away or slow stops nobody: its keys then count as new.
    """

    def __init__(self, settings: Settings, calls: Sequence[Call], tags: Sequence[str]) -> None:
        self._most = settings.queue_commands
        self._percent = settings.memory_percent
        self._patience = settings.command_timeout_ms / 1000
        self._claim_ms, self._keep_ms = claim_ms_of(settings), settings.answer_seconds * 1000
        self._loop = asyncio.get_running_loop()
        self._groups = [_Group(call, tag) for call, tag in zip(calls, tags, strict=True)]
        self._waiting = 0
        self._usual_seconds = 0.0
        self._wake = asyncio.Event()
        self._keeping: asyncio.TimerHandle | None = None

    def has_room(self) -> bool:
        """True if one that asks now goes with the next call."""
        return self._waiting < _MOST_TOGETHER

    def ask(self, name: str, event_id: int, answer: Answer) -> None:
        """Gives `answer` the event that the key of that name was first used for: this one, if there was none.

        It is forgotten soon unless `keep` follows. The answer gets a Fault if it is not known, OutOfMemory if Redis is
        full. Raises Overloaded if too many ask already.
        """
        if self._waiting >= self._most:
            raise Overloaded("too many keys wait; nothing was done; try again later")
        group = self._group_of(name)
        asked = _Asked(group.key(name), event_id, answer, self._loop.time())
        if group.late:
            _tell(asked, event_id)
            if group.calling or group.asked or self._loop.time() < group.rests_until:
                return
            asked = asked._replace(answer=_Nobody())  # somebody has to find out whether the node is back
        self._waiting += 1
        group.asked.append(asked)
        self._wake.set()

    async def first_event(self, name: str, event_id: int) -> int:
        """The event that `ask` tells. Raises Fault."""
        answer: asyncio.Future[int] = self._loop.create_future()
        self.ask(name, event_id, answer)
        return await answer

    def keep(self, name: str) -> None:
        """Remembers the event of a key for `answer_seconds`, because something was taken. Best effort, and not at once.

        Until then it is claimed, for longer than that takes.
        """
        group = self._group_of(name)
        if len(group.kept) < self._most:
            group.kept.append(group.key(name))
            if self._keeping is None:
                self._keeping = self._loop.call_later(_KEEP_SECONDS, self._keep_now)

    async def run(self) -> None:
        """Asks forever."""
        async with asyncio.TaskGroup() as calling:
            while True:
                await self._wake.wait()
                self._wake.clear()
                parts = [part for group in self._groups if (part := self._next_part(group)) is not None]
                if parts:
                    await self._ask_together(calling, parts)
                if any(
                    (group.asked or len(group.kept) > _MOST_TOGETHER) and not group.calling for group in self._groups
                ):
                    self._wake.set()

    def refuse_all(self) -> None:
        """Notifies all waiting callers that nothing will come."""
        if self._keeping is not None:
            self._keeping.cancel()
        for group in self._groups:
            while group.asked:
                _fail(group.asked.popleft(), _stopping())

    def _group_of(self, name: str) -> _Group:
        return self._groups[crc32(name.encode()) % len(self._groups)]

    def _keep_now(self) -> None:
        self._keeping = None
        self._wake.set()

    def _next_part(self, group: _Group) -> _Part | None:
        if group.calling or not (group.asked or group.kept):
            return None
        kept = [group.kept.popleft() for _ in range(min(len(group.kept), _MOST_TOGETHER))]
        asked = self._next_asked(group)
        return _Part(group, asked, kept) if asked or kept else None

    def _next_asked(self, group: _Group) -> list[_Asked]:
        oldest = self._loop.time() - self._patience
        taken: list[_Asked] = []
        while group.asked and len(taken) < _MOST_TOGETHER:
            one = group.asked.popleft()
            self._waiting -= 1
            if one.since < oldest:
                _fail(one, Overloaded("the key waited too long; nothing was done; try again later"))
            elif not one.answer.done():
                taken.append(one)
        return taken

    async def _ask_together(self, calling: asyncio.TaskGroup, parts: list[_Part]) -> None:
        """Calls for all parts at once, and answers all callers together, but for those with keys on a slow node."""
        for part in parts:
            part.group.calling = True
        late_at = self._loop.time() + max(_LATE_SECONDS, _LATE_TIMES * self._usual_seconds)
        calls = {calling.create_task(self._call(part)): part for part in parts}
        expected = [call for call, part in calls.items() if not part.group.late]
        try:
            if expected:
                await self._wait_together(expected)
        finally:
            for call, part in calls.items():
                self._tell_when_done(call, part, late_at)

    async def _wait_together(self, calls: Sequence[asyncio.Task[Any]]) -> None:
        """Waits for calls, unless one takes much longer than all of them usually do."""
        began = self._loop.time()
        patience = max(_TOGETHER_SECONDS, _TOGETHER_TIMES * self._usual_seconds)
        await asyncio.wait(calls, timeout=patience)
        took = min(self._loop.time() - began, patience, _MOST_USUAL_SECONDS)
        self._usual_seconds += _LEARNS * (took - self._usual_seconds)

    def _tell_when_done(self, call: asyncio.Task[Sequence[bytes] | Exception], part: _Part, late_at: float) -> None:
        """Answers the callers of a part: now if its call is done, otherwise then, or when it is late."""
        if call.done():
            self._tell_result(part, call)
        else:
            call.add_done_callback(partial(self._tell_result, part))
            self._loop.call_at(late_at, self._give_up, part, call, _TURNS)

    def _tell_result(self, part: _Part, call: asyncio.Task[Sequence[bytes] | Exception]) -> None:
        if call.cancelled():
            for one in part.take_asked():
                _fail(one, _stopping())
        else:
            self._tell_found(part, call.result())

    def _give_up(self, part: _Part, call: asyncio.Task[Sequence[bytes] | Exception], turns: int) -> None:
        """Lets the keys of a part count as new, and those that wait for the next call, unless it is done by now."""
        if call.done():
            return
        if turns:
            self._loop.call_soon(self._give_up, part, call, turns - 1)
            return
        part.group.late = True
        self._count_as_new(part)

    async def _call(self, part: _Part) -> Sequence[bytes] | Exception:
        """Asks for a part. Its group gets another call only after that."""
        group = part.group
        found = await self._found(part)
        group.calling, group.late = False, _is_away(found)
        if group.late:
            group.rests_until = self._loop.time() + _REST_SECONDS
            self._count_as_new(part)
        if group.asked or (group.kept and self._keeping is None):
            self._wake.set()
        return found

    async def _found(self, part: _Part) -> Sequence[bytes] | Exception:
        """The events of a part's keys, or the reason why they are not known."""
        asked, kept = part.asked, part.kept
        arguments = (len(asked), self._claim_ms, self._keep_ms, self._percent, *(one.event_id for one in asked))
        try:
            found: Sequence[bytes] = await part.group.call(
                "onsale_key_events", [*(one.key for one in asked), *kept], arguments
            )
        except Exception as error:  # waiting callers get it
            return error if isinstance(error, Fault | EngineBug) else EngineBug(str(error))
        return found

    def _tell_found(self, part: _Part, found: Sequence[bytes] | Exception) -> None:
        if isinstance(found, Exception):
            for one in part.take_asked():
                _fail(one, found)
            return
        # Nobody waits any more where a call took long, and its answer has as many events as keys were asked for.
        for one, event in zip(part.take_asked(), found, strict=False):
            if event == _OUT_OF_MEMORY:
                _fail(one, OutOfMemory())
            else:
                _tell(one, int(event) if event else one.event_id)

    def _count_as_new(self, part: _Part) -> None:
        """Lets keys count as new because the node that has them is slow or away, those that wait as well.

        Each is notified once: a hold (api/direct/holds.py) is not done when it knows the event of its key.
        """
        waiting = [*part.take_asked(), *part.group.asked]
        self._waiting -= len(part.group.asked)
        part.group.asked.clear()
        for one in waiting:
            _tell(one, one.event_id)


class _Nobody:
    """Stands for an answer that nobody waits for."""

    def done(self) -> bool:
        """False: the key must be asked for."""
        return False

    def set_result(self, result: Any, /) -> None:
        """Nothing to do."""

    def set_exception(self, error: Exception, /) -> None:
        """As above."""


def key_of_event(name: str) -> str:
    """The key of Redis with the event of an idempotency key of that name, on a single server. A command brings it."""
    return f"answer:{{{name}}}"


def claim_ms_of(settings: Settings) -> int:
    """The time for which a key is claimed: no request that is answered at all takes longer.

    That is a call of the gateway between two calls of Redis.
    """
    return settings.gateway_timeout_ms + 2 * settings.command_timeout_ms


def _stopping() -> Overloaded:
    return Overloaded("the server is stopping; nothing was done; try again")


def _tell(asked: _Asked, event_id: int) -> None:
    if not asked.answer.done():
        asked.answer.set_result(event_id)


def _fail(asked: _Asked, error: Exception) -> None:
    if not asked.answer.done():
        asked.answer.set_exception(error)


def _is_away(found: object) -> bool:
    return isinstance(found, OutcomeUnknown | Unready)
