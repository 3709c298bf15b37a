"""The last outbox position that this process was told of, and whether the server still has it.

A failover may lose what was answered, where too few replicas are waited for. Or the replica that confirmed was cut off
together with its primary (docs/scaling.md). The reader of the outbox does not see that if it had not read so far.
Those who were answered do: a server that has less than they were told has lost it.
"""

from collections.abc import Callable, Sequence

import structlog

from engine.outbox import BEGINNING, Position

log = structlog.get_logger(__name__)

REMEMBERED_ENDS = 16
"""That many ends of epochs a partition remembers (lua/70_write.lua)."""


def last_kept(acknowledged: Position, now: Position, ends: Sequence[Position]) -> Position | None:
    """The last position that a server has of what was acknowledged, if it lacks some of that; else None.

    `now` is where its outbox is, `ends` are the last entries of its earlier epochs, latest first. If those do not go
    back far enough to tell, None.
    """
    kept = next((end for end in (now, *ends) if end.epoch <= acknowledged.epoch), None)
    if kept is None:
        return None if len(ends) >= REMEMBERED_ENDS else BEGINNING
    return kept if kept < acknowledged else None


class Acknowledged:
    """The last acknowledged position of one partition. `tell_lost` is called for each loss that is found."""

    def __init__(self, partition: int, tell_lost: Callable[[], None]) -> None:
        self._partition, self._tell_lost = partition, tell_lost
        self.epoch = ""
        """The known epoch, as a call tells it; empty before the first answer."""

        self._epoch = self._sequence = 0
        self._last = BEGINNING

    def learn(self, told: int | str) -> None:
        """A call was answered, and this is what it told of the outbox (unit_told_position in lua/70_write.lua)."""
        if type(told) is int:
            self._sequence = told
            return
        now, *ends = (Position.parse(position.encode()) for position in str(told).split())
        if self._sequence:
            self._last = Position(self._epoch, self._sequence)
        kept = last_kept(self._last, now, ends) if self._last.sequence else None
        if kept is not None:
            log.error(
                "acknowledged_lost",
                partition=self._partition,
                acknowledged=str(self._last),
                kept=str(kept),
                consequence="what was answered between the two is lost: customers may have paid for it",
                remedy="see AcknowledgedLost in docs/runbook.md",
            )
            self._tell_lost()
            self._last = kept
        self._epoch, self._sequence = now
        self.epoch = str(now.epoch)
