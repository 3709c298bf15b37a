"""A reservation of the pure model (reference_model.py), and what a pool counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from msgspec.structs import replace

from engine.records import Attempt, CodeUse, Exchange, Line, Record, RefundPart
from engine.slots import slot_of_pool
from engine.words import AttemptState, State

Places: TypeAlias = Sequence[tuple[int, int]]
"""Tickets, and how many places of each."""


def places_by_ticket(lines: Sequence[Line], most: int) -> Places:
    """That many places of lines, the first ones, by ticket."""
    tickets = [line.ticket_id for line in lines for _ in range(line.quantity)][:most]
    return list(Counter(tickets).items())


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
    currency: str
    state: State = State.HELD
    ended_ms: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    unsettled_since_ms: int | None = None
    visits: dict[str, int] = field(default_factory=dict)
    """Slots that were paid for and are not purged yet, by pool, and by when they will be."""
    kept: list[Line] = field(default_factory=list)
    """The places that were refunded and are not back on sale."""

    code: CodeUse | None = None

    def record(self) -> Record:
        """The form in which it is stored and returned."""
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
            kept=list(self.kept),
            code=self.code,
            currency=self.currency,
        )

    def unsettled(self) -> bool:
        """True while money may come or must go back."""
        return any(attempt.state is AttemptState.PENDING or attempt.due_refunds for attempt in self.attempts)

    def attempt(self, attempt_id: str) -> Attempt | None:
        """The attempt of that id."""
        return next((attempt for attempt in self.attempts if attempt.attempt_id == attempt_id), None)

    def settle(self, attempt: Attempt, state: AttemptState, now_ms: int | None, reason: str = "") -> None:
        """Gives an attempt its outcome, at an instant if the outcome is the gateway's."""
        settled_ms = attempt.settled_ms if now_ms is None else now_ms
        self.attempts[self.attempts.index(attempt)] = replace(
            attempt, state=state, settled_ms=settled_ms, reason=reason
        )

    def change(self, attempt: Attempt, **changes: Any) -> None:
        """Replaces an attempt by one with these changes."""
        self.attempts[self.attempts.index(attempt)] = replace(attempt, **changes)

    def owe(
        self, attempt: Attempt, refund_id: str, amount_minor: int, now_ms: int, gone: Places = (), worth_minor: int = 0
    ) -> None:
        """Money of an attempt is to go back."""
        part = RefundPart(refund_id, amount_minor, now_ms, 0, list(gone), worth_minor)
        self.change(attempt, refunds=[*attempt.refunds, part])

    def _payments(self) -> list[Attempt]:
        """The attempts whose money bought its places, also if it has ended."""
        unpaid = (AttemptState.PENDING, AttemptState.FAILED)
        return [attempt for attempt in self.attempts if attempt.state not in unpaid and attempt.reason != "late"]

    def left_minor(self) -> int:
        """The rest of the money that bought its places."""
        return sum(attempt.amount_minor - attempt.refunded_minor for attempt in self._payments())

    def give_back_money(self, refund_id: str, amount_minor: int, now_ms: int, gone: Places, worth_minor: int) -> None:
        """That much of it must be refunded, the newest money first; the first part names the places."""
        paid, parts = self._payments()[::-1], []
        for attempt in paid:
            part = min(amount_minor, attempt.amount_minor - attempt.refunded_minor)
            amount_minor -= part
            parts += [(attempt, part)] if part else []
        for number, (attempt, part) in enumerate(parts or [(paid[0], 0)]):
            self.owe(attempt, refund_id, part, now_ms, *((gone, worth_minor) if number == 0 else ((), 0)))

    def end_payments(self, refund_id: str, now_ms: int) -> None:
        """Its last place is gone: of each payment something is to go back, be it nothing."""
        for number, attempt in enumerate(self.attempts):
            if attempt.state is AttemptState.COMPLETED:
                if not attempt.due_refunds:
                    self.owe(attempt, refund_id, 0, now_ms)
                self.change(self.attempts[number], state=AttemptState.REFUND_DUE)

    def forget_attempt(self) -> bool:
        """Drops the oldest attempt that has no money, but not the only payment; returns whether there was any."""
        payments = self._payments()
        for attempt in self.attempts:
            if _is_worthless(attempt) and payments != [attempt]:
                self.attempts.remove(attempt)
                return True
        return False

    def pending_exchange(self) -> Exchange | None:
        """The exchange that waits for its money."""
        return next((a.exchange[0] for a in self.attempts if a.exchange and a.state is AttemptState.PENDING), None)

    def pinned(self) -> list[tuple[str, int, list[int]]]:
        """Places that a pending exchange has beyond those that it had: pool, places, seats."""
        exchange = self.pending_exchange()
        if exchange is None:
            return []
        pools = sorted({line.pool for line in exchange.after})
        return [(pool, *_more_of(pool, exchange)) for pool in pools]

    def counted_places(self) -> int:
        """Places that count for its customer: those that were paid for do so until their slot is purged."""
        if self.state is not State.PAID:
            return self.places()
        exchange, more = self.pending_exchange(), 0
        if exchange is not None:
            had, wants = (sum(line.quantity for line in lines) for lines in (exchange.before, exchange.after))
            more = max(0, wants - had)
        return more + sum(
            line.quantity for line in self.lines if slot_of_pool(line.pool) is None or line.pool in self.visits
        )

    def slots(self) -> list[str]:
        """Pools of slots of which it has places."""
        return sorted({line.pool for line in self.lines if slot_of_pool(line.pool) is not None})

    def places(self, pool: str | None = None) -> int:
        """Places that it takes, of one pool or of all."""
        return sum(line.quantity for line in self.lines if pool in (None, line.pool))


def _more_of(pool: str, exchange: Exchange) -> tuple[int, list[int]]:
    """Places of a pool that an exchange gains, and which seats they are."""
    had, wants = (
        {seat for line in lines if line.pool == pool for seat in line.seats}
        for lines in (exchange.before, exchange.after)
    )
    if had or wants:
        return len(wants - had), sorted(wants - had)
    before, after = (
        sum(line.quantity for line in lines if line.pool == pool) for lines in (exchange.before, exchange.after)
    )
    return max(0, after - before), []


def _is_worthless(attempt: Attempt) -> bool:
    """True if an attempt has no money, and none is to go back."""
    if attempt.state in (AttemptState.FAILED, AttemptState.REFUNDED):
        return True
    return attempt.state is AttemptState.COMPLETED and attempt.amount_minor == 0 and not attempt.refunds


class Counters(NamedTuple):
    """A pool at one instant."""

    capacity: int
    available: int
    held: int
    paying: int
    sold: int
    kept: int
