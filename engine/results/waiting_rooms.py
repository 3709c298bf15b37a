"""Results about waiting rooms."""

from engine.results.result import Result
from engine.words import QueuePhase


class NoQueue(Result, frozen=True, tag="no_queue"):
    """The event has no waiting room."""


class QueueState(Result, frozen=True, tag="queue"):
    """A waiting room at one instant.

    `cohort` is -1, and `secret`, `digest` and `seed` are empty, before the draw. `reason` is a `QueueEnd` once it is
    over, else empty. `idle` customers of those inside hold and have bought nothing with their pass. `per_minute` may be
    let in; `no_show` is the share of absentees, in thousandths. `max_inside` 0: no limit. `position` is as in Counts.
    """

    now_ms: int
    phase: QueuePhase
    reason: str
    joined: int
    cohort: int
    serving: int
    inside: int
    idle: int
    commitment: str
    secret: str
    digest: str
    seed: str
    per_minute: int
    max_inside: int
    message: str
    next_return_ms: int
    no_show: int
    position: str


class Placed(Result, frozen=True, tag="placed"):
    """A customer's place in a waiting room; `now_ms` and `replayed` as in OnRecord.

    `position` and `ahead` are -1 before the draw; `until_ms` is the end of the pass, 0 without one. Its turn comes in
    `wait_ms` in one case of two, in `longest_ms` in nine of ten; both are -1 while nobody is let in.
    """

    now_ms: int
    replayed: bool
    index: int
    position: int
    ahead: int
    until_ms: int
    wait_ms: int
    longest_ms: int


class Left(Result, frozen=True, tag="left"):
    """The customer has no place in the waiting room."""


class QueueClosed(Result, frozen=True, tag="queue_closed"):
    """The waiting room does not open yet (an empty reason), or is over: a `QueueEnd`."""

    reason: str


class QueueRequired(Result, frozen=True, tag="queue_required"):
    """The event has a waiting room, in which the customer has no place."""


class NotYourTurn(Result, frozen=True, tag="not_your_turn"):
    """That many customers are before this one, or it has not entered. -1: the order is not drawn yet."""

    ahead: int


class PassExpired(Result, frozen=True, tag="pass_expired"):
    """The customer's pass has ended; it may enter again."""


class InsideFull(Result, frozen=True, tag="inside_full"):
    """It is the customer's turn, but nobody can be let in at the moment."""
