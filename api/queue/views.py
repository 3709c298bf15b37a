"""Waiting rooms as the API shows them."""

from api.http.times import optional_rfc3339, rfc3339
from api.queue.schemas import Expected, Queue, QueueAudit, QueuePlace
from engine.results.waiting_rooms import Placed, QueueState
from engine.words import QueueEnd, QueuePhase

_SHORTEST_POLL_MS, _LONGEST_POLL_MS = 1_000, 10_000
_WAITING_PER_POLL_MS = 10
"""That many more customers who wait make each of them ask 1 ms later."""


def queue_view(event_id: int, state: QueueState) -> Queue:
    """The document that all share."""
    drawn = state.cohort >= 0
    return Queue(
        event_id=event_id,
        phase=state.phase,
        as_of=rfc3339(state.now_ms),
        cohort=state.cohort if drawn else None,
        joined=state.joined,
        serving=state.serving,
        inside=state.inside,
        commitment=state.commitment,
        seed=state.seed if drawn else None,
        per_minute=state.per_minute,
        message=state.message or None,
        reason=QueueEnd(state.reason) if state.phase is QueuePhase.OVER else None,
        next_return_at=optional_rfc3339(state.next_return_ms or None),
        poll_after_ms=_poll_after_ms(state.joined - state.serving),
    )


def place_view(event_id: int, customer_id: str, placed: Placed) -> QueuePlace:
    """A place, at the instant of the answer."""
    drawn = placed.position >= 0
    return QueuePlace(
        event_id=event_id,
        customer_id=customer_id,
        index=placed.index,
        position=placed.position if drawn else None,
        ahead=placed.ahead if drawn else None,
        expected=Expected(
            *(rfc3339(placed.now_ms + ms) if drawn and ms >= 0 else None for ms in (placed.wait_ms, placed.longest_ms))
        ),
        pass_expires_at=optional_rfc3339(placed.until_ms or None),
    )


def audit_view(event_id: int, state: QueueState) -> QueueAudit:
    """The proof of the order."""
    drawn = state.cohort >= 0
    return QueueAudit(
        event_id=event_id,
        commitment=state.commitment,
        secret=state.secret if drawn else None,
        cohort=state.cohort if drawn else None,
        digest=state.digest if drawn else None,
        seed=state.seed if drawn else None,
    )


def _poll_after_ms(waiting: int) -> tuple[int, int]:
    """The shortest and the longest pause until a client asks again: a hundred thousand ask every ten seconds."""
    middle = min(_LONGEST_POLL_MS, _SHORTEST_POLL_MS + waiting // _WAITING_PER_POLL_MS)
    return middle * 4 // 5, middle * 6 // 5
