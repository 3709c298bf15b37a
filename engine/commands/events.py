"""Commands on events and their tickets."""

import msgspec

from engine.commands.command import OnEvent
from engine.results.events import BelowTaken, Counts, EventEnded, InUse, Published, UnknownPool
from engine.stock import PoolCapacity, SectionMap
from engine.terms import Terms


class PutEvent(OnEvent[Published | BelowTaken | InUse], frozen=True, tag="put_event"):
    """Publishes an event's terms of sale and its pools, also under live sales.

    `keeps_slots`: slots with more places taken than the schedule has keep those, instead of a refusal.
    """

    terms: Terms
    pools: list[PoolCapacity]
    sections: list[SectionMap] = msgspec.field(default_factory=list)
    keeps_slots: bool = False


class EndEvent(OnEvent[EventEnded | UnknownPool], frozen=True, tag="end_event"):
    """Gives a slice of the holds of a cancelled event back. `cursor`: "0", then what the last call answered."""

    cursor: str = "0"


class Drop(OnEvent[Published | InUse], frozen=True, tag="drop"):
    """Takes a ticket, or the whole event (0), off sale for good, if nothing of it was ever taken.

    `terms`: those that are left, none where the event goes. What the outbox does not tell any more is not looked at.
    """

    ticket_id: int
    terms: Terms | None = None


class Count(OnEvent[Counts | UnknownPool], frozen=True, tag="count"):
    """Reads the counters of an event's tickets; zero of those that are taken from slots."""

    reads = True
