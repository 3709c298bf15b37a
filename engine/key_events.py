"""The events that idempotency keys were first used for.

Ids are made of the key and the event, so nothing is taken twice for another event: this tells a client of its mistake.
Requests that come while a call is under way go with the next one. A call of their own would cost more than a hold.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from engine.errors import EngineBug, Fault, OutcomeUnknown, OutOfMemory, Overloaded, Unready
from engine.lanes import Answer
from engine.settings import Settings

Call = Callable[[str, Sequence[str], Sequence[Any]], Awaitable[Any]]
"""A function of the library, its keys and its arguments."""

_MOST_TOGETHER = 256
_LATE_SECONDS = 0.1
"""So long a request waits for a node that has nothing but its key."""

_OUT_OF_MEMORY = b"out_of_memory"


class _Asked(NamedTuple):
    key: str
    event_id: int
    answer: Answer
    since: float


class _Group:
    """Keys that one call can name: all, or in a cluster those with one tag. `late`: a call takes long."""

    __slots__ = ("asked", "call", "kept", "late", "tag", "wake")

    def __init__(self, call: Call, tag: str) -> None:
        self.call, self.tag = call, tag
        self.asked: deque[_Asked] = deque()
        self.kept: deque[str] = deque()
        self.late = False
        self.wake = asyncio.Event()

    def key(self, name: str) -> str:
        return f"answer:{{{self.tag}}}:{name}" if self.tag else f"answer:{{{name}}}"


class KeyEvents:
    """Asks for events of keys, and remembers them, many at once. `run` has to run meanwhile.

    `tags`: in a cluster, those of some partitions, with a call for each. A key has one of them by its name, so it may
    be on another node than its event. A node that is away or slow stops nobody: its keys then count as new.
    """

    def __init__(self, settings: Settings, calls: Sequence[Call], tags: Sequence[str] = ("",)) -> None:
        self._most = settings.queue_commands
        self._percent = settings.memory_percent
        self._patience = settings.command_timeout_ms / 1000
        self._claim_ms, self._keep_ms = claim_ms_of(settings), settings.answer_seconds * 1000
        self._loop = asyncio.get_running_loop()
        self._groups = [_Group(call, tag) for call, tag in zip(calls, tags, strict=True)]
        self._waiting = 0

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
            return
        self._waiting += 1
        group.asked.append(asked)
        group.wake.set()

    async def first_event(self, name: str, event_id: int) -> int:
        """The event that `ask` tells. Raises Fault."""
        answer: asyncio.Future[int] = self._loop.create_future()
        self.ask(name, event_id, answer)
        return await answer

    def keep(self, name: str) -> None:
        """Remembers the event of a key for `answer_seconds`, because something was taken. Best effort."""
        group = self._group_of(name)
        if len(group.kept) < self._most:
            group.kept.append(group.key(name))
            group.wake.set()

    async def run(self) -> None:
        """Asks forever."""
        async with asyncio.TaskGroup() as serving:
            for group in self._groups:
                serving.create_task(self._serve(group))

    def refuse_all(self) -> None:
        """Notifies all waiting callers that nothing will come."""
        for group in self._groups:
            while group.asked:
                _fail(group.asked.popleft(), _stopping())

    def _group_of(self, name: str) -> _Group:
        groups = self._groups
        return groups[0] if len(groups) == 1 else groups[crc32(name.encode()) % len(groups)]

    async def _serve(self, group: _Group) -> None:
        while True:
            await group.wake.wait()
            if not group.asked and not group.kept:
                group.wake.clear()
                continue
            asked = self._next_asked(group)
            kept = [group.kept.popleft() for _ in range(min(len(group.kept), _MOST_TOGETHER))]
            if not asked and not kept:
                continue
            late = self._loop.call_later(_LATE_SECONDS, self._give_up, group, asked) if group.tag else None
            try:
                await self._exchange(group, asked, kept)
            finally:
                group.late = False
                if late is not None:
                    late.cancel()

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

    def _give_up(self, group: _Group, asked: list[_Asked]) -> None:
        """Lets keys count as new while the node that has them is slow, those to come as well.

        Each is notified once: a hold (api/direct/holds.py) is not done when it knows the event of its key.
        """
        group.late = True
        waiting = [*asked, *group.asked]
        self._waiting -= len(group.asked)
        asked.clear()
        group.asked.clear()
        for one in waiting:
            _tell(one, one.event_id)

    async def _exchange(self, group: _Group, asked: list[_Asked], kept: list[str]) -> None:
        """`asked` is emptied if it takes too long."""
        arguments = (len(asked), self._claim_ms, self._keep_ms, self._percent, *(one.event_id for one in asked))
        try:
            found = await group.call("onsale_key_events", [*(one.key for one in asked), *kept], arguments)
        except asyncio.CancelledError:
            for one in asked:
                _fail(one, _stopping())
            raise
        except Exception as error:  # waiting callers get it
            for one in asked:
                if group.tag and isinstance(error, OutcomeUnknown | Unready):
                    _tell(one, one.event_id)
                else:
                    _fail(one, error if isinstance(error, Fault | EngineBug) else EngineBug(str(error)))
            return
        for one, event in zip(asked, found, strict=not group.late):
            if event == _OUT_OF_MEMORY:
                _fail(one, OutOfMemory())
            else:
                _tell(one, int(event) if event else one.event_id)


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
