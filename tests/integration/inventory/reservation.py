"""A reservation of the pure model (model.py), and what a pool counts."""

from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from engine.records import Attempt, Line, Record
from engine.slots import slot_start_ms
from engine.words import AttemptState, State

_OPEN = (AttemptState.PENDING, AttemptState.REFUND_DUE)


@dataclass
class Reservation:
    """The whole life of one taking."""

    reservation_id: str
    event_id: int
    customer_id: str
    details: str
    digest: str
    created_ms: int
    deadline_ms: int
    lines: list[Line]
    state: State = State.HELD
    ended_ms: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    unsettled_since_ms: int | None = None
    visits: dict[str, int] = field(default_factory=dict)
    """Slots that were paid for and are not purged yet, by pool, and by when they are to be."""
    kept_as_sold: bool = False  # refunded without its places going back on sale

    def record(self) -> Record:
        """How it is to be stored and answered."""
        return Record(
            state=self.state,
            event_id=self.event_id,
            customer_id=self.customer_id,
            details=self.details,
            created_ms=self.created_ms,
            deadline_ms=self.deadline_ms,
            ended_ms=self.ended_ms,
            digest=self.digest,
            lines=list(self.lines),
            attempts=list(self.attempts),
        )

    def unsettled(self) -> bool:
        """True while money may come or must go back."""
        return any(attempt.state in _OPEN for attempt in self.attempts)

    def attempt(self, attempt_id: str) -> Attempt | None:
        """The attempt of that id."""
        return next((attempt for attempt in self.attempts if attempt.attempt_id == attempt_id), None)

    def settle(self, attempt: Attempt, state: AttemptState, now_ms: int | None, reason: str = "") -> None:
        """Gives an attempt its outcome, at an instant if the outcome is the gateway's."""
        settled_ms = attempt.settled_ms if now_ms is None else now_ms
        self.attempts[self.attempts.index(attempt)] = replace(
            attempt, state=state, settled_ms=settled_ms, reason=reason
        )

    def counted_places(self) -> int:
        """Places that count for its customer: those that were paid for do so until their slot is purged."""
        if self.state is not State.PAID:
            return self.places()
        return sum(line.quantity for line in self.lines if slot_start_ms(line.pool) is None or line.pool in self.visits)

    def slots(self) -> list[str]:
        """Pools of slots of which it has places."""
        return sorted({line.pool for line in self.lines if slot_start_ms(line.pool) is not None})

    def places(self, pool: str | None = None) -> int:
        """Places that it takes, of one pool or of all."""
        return sum(line.quantity for line in self.lines if pool in (None, line.pool))


class Counters(NamedTuple):
    """A pool at one instant."""

    capacity: int
    available: int
    held: int
    paying: int
    sold: int
