"""The events that idempotency keys were first used for.

Ids are made of the key and the event, so nothing is taken twice for another event: this tells a client of its mistake.
Whoever asks while a call is under way goes with the next one, because a call of its own would cost more than its hold.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from engine.errors import EngineBug, Fault, OutcomeUnknown, OutOfMemory, Overloaded, Unready
from engine.lanes import Answer
from engine.settings import Settings

Call = Callable[[str, Sequence[str], Sequence[Any]], Awaitable[Any]]
"""A function of the library, its keys and its arguments."""

_MOST_TOGETHER = 256
_APART_SECONDS = 0.1
"""So long a request waits for a node that has nothing but its key."""

_OUT_OF_MEMORY = b"out_of_memory"


class _Asked(NamedTuple):
    key: str
    event_id: int
    answer: Answer
    since: float


class _Once:
    """An answer that is told once. A hold (api/direct/holds.py) is not done when it is told of its key."""

    __slots__ = ("_answer", "_told")

    def __init__(self, answer: Answer) -> None:
        self._answer, self._told = answer, False

    def done(self) -> bool:
        return self._told or self._answer.done()

    def set_result(self, event_id: int, /) -> None:
        self._told = True
        self._answer.set_result(event_id)

    def set_exception(self, error: Exception, /) -> None:
        self._told = True
        self._answer.set_exception(error)


class KeyEvents:
    """Asks for events of keys, and remembers them, many at once. `run` has to run meanwhile.

    `node_of`: in a cluster, the node that has a key, or a Fault. There each key may be on another node than its event,
    so each has a call, and waits for no other. A node that is away or slow stops nobody: the key then counts as new.
    """

    def __init__(self, settings: Settings, call: Call) -> None:
        self.node_of: Callable[[str], object] | None = None
        self._late: Counter[object] = Counter()
        """By node, the calls under way that nobody waits for any more."""
        self._call, self._most = call, settings.queue_commands
        self._percent = settings.memory_percent
        self._patience = settings.command_timeout_ms / 1000
        self._claim_ms, self._keep_ms = claim_ms_of(settings), settings.answer_seconds * 1000
        self._loop = asyncio.get_running_loop()
        self._asked: deque[_Asked] = deque()
        self._kept: deque[str] = deque()
        self._wake = asyncio.Event()

    def has_room(self) -> bool:
        """True if one that asks now goes with the next call."""
        return len(self._asked) < _MOST_TOGETHER

    def ask(self, name: str, event_id: int, answer: Answer) -> None:
        """Gives `answer` the event that the key of that name was first used for: this one, if there was none.

        It is forgotten soon unless `keep` follows. The answer gets a Fault if it is not known, OutOfMemory if Redis is
        full. Raises Overloaded if too many ask already.
        """
        if len(self._asked) >= self._most:
            raise Overloaded("too many keys wait; nothing was done; try again later")
        self._asked.append(_Asked(_key(name), event_id, answer, self._loop.time()))
        self._wake.set()

    async def first_event(self, name: str, event_id: int) -> int:
        """The event that `ask` tells. Raises Fault."""
        answer: asyncio.Future[int] = self._loop.create_future()
        self.ask(name, event_id, answer)
        return await answer

    def keep(self, name: str) -> None:
        """Remembers the event of a key for `answer_seconds`, because something was taken. Best effort."""
        if len(self._kept) < self._most:
            self._kept.append(_key(name))
            self._wake.set()

    async def run(self) -> None:
        """Asks forever."""
        async with asyncio.TaskGroup() as apart:
            while True:
                await self._wake.wait()
                if not self._asked and not self._kept:
                    self._wake.clear()
                    continue
                asked = self._next_asked()
                kept = [self._kept.popleft() for _ in range(min(len(self._kept), _MOST_TOGETHER))]
                if self.node_of is not None:
                    for one in asked:
                        apart.create_task(self._ask_apart(one, self.node_of))
                    for name in kept:
                        apart.create_task(self._exchange([], [name]))
                elif asked or kept:
                    await self._exchange(asked, kept)

    def refuse_all(self) -> None:
        """Tells everybody who waits that nothing will come."""
        while self._asked:
            _fail(self._asked.popleft(), _stopping())

    def _next_asked(self) -> list[_Asked]:
        oldest = self._loop.time() - self._patience
        taken: list[_Asked] = []
        while self._asked and len(taken) < _MOST_TOGETHER:
            one = self._asked.popleft()
            if one.since < oldest:
                _fail(one, Overloaded("the key waited too long; nothing was done; try again later"))
            elif not one.answer.done():
                taken.append(one)
        return taken

    async def _ask_apart(self, one: _Asked, node_of: Callable[[str], object]) -> None:
        """Asks the node of a key, and waits for a moment only: then this key counts as new, and all others of the node.

        They are asked for again as soon as the call has ended.
        """
        try:
            node = node_of(one.key)
        except Fault:
            node = None
        if node is None or self._late[node]:
            _tell(one, one.event_id)
            return
        one, is_late = one._replace(answer=_Once(one.answer)), False

        def give_up() -> None:
            nonlocal is_late
            is_late = True
            self._late[node] += 1
            _tell(one, one.event_id)

        timer = self._loop.call_later(_APART_SECONDS, give_up)
        try:
            await self._exchange([one], [])
        finally:
            timer.cancel()
            self._late[node] -= is_late

    async def _exchange(self, asked: list[_Asked], kept: list[str]) -> None:
        arguments = (len(asked), self._claim_ms, self._keep_ms, self._percent, *(one.event_id for one in asked))
        try:
            found = await self._call("onsale_key_events", [*(one.key for one in asked), *kept], arguments)
        except asyncio.CancelledError:
            for one in asked:
                _fail(one, _stopping())
            raise
        except Exception as error:  # whoever waits gets it
            for one in asked:
                if self.node_of is not None and isinstance(error, OutcomeUnknown | Unready):
                    _tell(one, one.event_id)
                else:
                    _fail(one, error if isinstance(error, Fault | EngineBug) else EngineBug(str(error)))
            return
        for one, event in zip(asked, found, strict=True):
            if event == _OUT_OF_MEMORY:
                _fail(one, OutOfMemory())
            else:
                _tell(one, int(event) if event else one.event_id)


def claim_ms_of(settings: Settings) -> int:
    """The time for which a key is claimed: no request that is answered at all takes longer.

    That is a call of the gateway between two calls of Redis.
    """
    return settings.gateway_timeout_ms + 2 * settings.command_timeout_ms


def _key(name: str) -> str:
    return f"answer:{{{name}}}"


def _stopping() -> Overloaded:
    return Overloaded("the server is stopping; nothing was done; try again")


def _tell(asked: _Asked, event_id: int) -> None:
    if not asked.answer.done():
        asked.answer.set_result(event_id)


def _fail(asked: _Asked, error: Exception) -> None:
    if not asked.answer.done():
        asked.answer.set_exception(error)
