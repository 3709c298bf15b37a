"""The commands that wait for a partition's next batch: those that settle before those that take.

The queue is bounded by time. A command that takes places is refused at once if the queue needs more than half a second
at the present pace. It is also refused if the oldest command has waited that long already. Commands that settle what
was taken (payments, cancels, sweeps, and reads) have a lane of their own, which takers cannot fill.
"""

import math
from collections import deque
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from engine.acting import packed_actor
from engine.commands.command import Command
from engine.errors import Overloaded

QUEUE_SECONDS = 0.5
"""The longest expected wait at which a command that takes places is still admitted."""

_TAKERS_SHARE = 4
"""Of this many places of a batch, takers get at least one, however many commands settle."""

_REFUSALS_AT_ONCE = 1024
_TOLERANCE = 3.0
"""By how much the queue may exceed what is let in, because the pace varies. To refuse what was parsed wastes most of
the work of a sale, so it is for a partition that has become much slower."""

_WEIGHT_OF_SHORTER, _WEIGHT_OF_LONGER = 0.5, 0.25


class Answer(Protocol):
    """Whatever is given the result of a command: a future, or something that writes it to its client at once."""

    def done(self) -> bool:
        """True if nobody waits for it any more."""
        ...

    def set_result(self, result: Any, /) -> None:
        """The command's result."""
        ...

    def set_exception(self, error: Exception, /) -> None:
        """Why there is none: a Fault or an EngineBug."""
        ...


class Waiting(NamedTuple):
    """A command with the waiter for its result, since an instant of the event loop's clock.

    `actor` is on whose behalf it runs, if that is logged (engine/acting.py).
    """

    command: Command[Any]
    answer: Answer
    since: float
    actor: str = ""


_since = attrgetter("since")


class Pace:
    """The duration of a batch, measured from the end of the batch before.

    It includes the calls of Redis and all work between them.

    A batch that has more commands takes hardly longer, because its size is bounded by what Redis can do in a few ms
    (engine/partition.py). So what waits in a queue takes a whole number of batches, and short ones show the effect of
    long ones.
    """

    def __init__(self) -> None:
        self.batch_seconds = 0.0
        self._ended = -math.inf

    def learn(self, began: float, ended: float, *, followed: bool) -> None:
        """A batch was answered. `followed`: it waited for the one before it."""
        seconds = ended - (self._ended if followed else began)
        self._ended = ended
        # Down faster than up: after a stall all is soon as before.
        weight = _WEIGHT_OF_SHORTER if seconds < self.batch_seconds else _WEIGHT_OF_LONGER
        self.batch_seconds += (seconds - self.batch_seconds) * weight

    def batches_within(self, seconds: float) -> float:
        """The number of batches answered in this time; at least one."""
        return max(1.0, seconds / self.batch_seconds) if self.batch_seconds else math.inf


class Lanes:
    """The waiting commands of a partition. `most` bounds each lane; no command waits longer than `timeout`."""

    def __init__(self, most: int, timeout: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._timeout = timeout
        self._clock = clock
        self._settling: deque[Waiting] = deque()
        self._taking: deque[Waiting] = deque()
        self._room = float(most)
        self._left_behind = self._followed = False
        self._most_in_batch = 1
        self.pace = Pace()

    def __len__(self) -> int:
        return len(self._settling) + len(self._taking)

    def has_room(self) -> bool:
        """True if a command that takes places would be served soon."""
        taking = self._taking
        return len(taking) < self._room and (not taking or self._clock() - taking[0].since < QUEUE_SECONDS)

    def check_room(self) -> None:
        """Raises Overloaded if a command that takes places would not be served soon."""
        if not self.has_room():
            raise Overloaded("the queue is full; nothing was done; try again later")

    def append(self, command: Command[Any], answer: Answer) -> None:
        """Queues a command. Raises Overloaded."""
        if command.takes:
            self.check_room()
            self._taking.append(Waiting(command, answer, self._clock(), packed_actor()))
        elif len(self._settling) < self._most:
            self._settling.append(Waiting(command, answer, self._clock(), packed_actor()))
        else:
            raise Overloaded("the queue is full; nothing was done; try again later")

    def put_back(self, again: list[Waiting]) -> None:
        """Puts commands that must be sent again at the front of their lane, in their order."""
        now = self._clock()
        for waiting in reversed(again):
            lane = self._taking if waiting.command.takes else self._settling
            lane.appendleft(waiting._replace(since=now))

    def take(self, most: int) -> tuple[list[Waiting], list[Waiting]]:
        """The next batch, and those to refuse: they waited too long, or would have to.

        Neither is a whole queue: to answer one in a single turn of the event loop would delay everybody else.
        """
        batch: list[Waiting] = []
        late: list[Waiting] = []
        takers = min(len(self._taking), max(1, most // _TAKERS_SHARE))
        self._move(self._settling, most - takers, batch, late)
        self._move(self._taking, most - len(batch) - len(late), batch, late)
        batch.sort(key=_since)  # who is in the batch is a matter of lanes; what comes first in it is not
        self._followed, self._left_behind = self._left_behind, len(self) > 0
        self._most_in_batch = most
        # What was let in before the pace was known: the newest would wait longest.
        too_many = min(_REFUSALS_AT_ONCE, int(len(self._taking) - self._room * _TOLERANCE))
        late += [self._taking.pop() for _ in range(too_many)]
        return batch, late

    def _move(self, lane: deque[Waiting], most: int, batch: list[Waiting], late: list[Waiting]) -> None:
        oldest = self._clock() - self._timeout
        for _ in range(min(most, len(lane))):
            waiting = lane.popleft()
            if waiting.answer.done():
                continue
            (late if waiting.since < oldest else batch).append(waiting)

    def learn(self, began: float, ended: float) -> None:
        """A batch was answered: how much may wait from now on follows from how long it took."""
        self.pace.learn(began, ended, followed=self._followed)
        room = self._most_in_batch * self.pace.batches_within(QUEUE_SECONDS) - len(self._settling)
        self._room = min(self._most, max(1.0, room))

    def clear(self) -> list[Waiting]:
        """Empties both lanes; what waited."""
        waiting = [*self._settling, *self._taking]
        self._settling.clear()
        self._taking.clear()
        return waiting
