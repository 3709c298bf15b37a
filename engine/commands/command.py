"""The struct of every command, and of commands on one reservation or one event.

Every command is safe to send again: the ids in it make a repeat answer as the first time.
"""

from typing import ClassVar, Generic, TypeVar

import msgspec

from engine.results.result import Result

R = TypeVar("R", bound=Result, covariant=True)


class Command(msgspec.Struct, Generic[R], gc=False, array_like=True, frozen=True, tag_field="word"):
    """One request to the engine, answered by an `R`.

    `reads`: it changes nothing. `takes`: it takes places, so it waits behind what settles those that are taken, and is
    refused first.
    """

    reads: ClassVar[bool] = False
    takes: ClassVar[bool] = False


class OnReservation(Command[R], Generic[R], frozen=True):
    """A command on one reservation, which its id names together with its event."""

    reservation_id: str


class OnEvent(Command[R], Generic[R], frozen=True):
    """A command on an event that it names."""

    event_id: int
