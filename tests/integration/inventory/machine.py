"""Random sales: what Hypothesis plays against the world."""

from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import rule
from msgspec.structs import replace

from engine.commands import (
    Add,
    BeginPayment,
    BestSeats,
    BlockSeats,
    Cancel,
    Command,
    ConfirmPayment,
    FailPayment,
    Find,
    Hold,
    Refund,
    Remove,
    SettleRefund,
    items_text,
)
from engine.words import FailureReason, State
from tests.integration.inventory.model import ATTEMPTS_KEPT
from tests.integration.inventory.play import Play
from tests.integration.inventory.wishes import (
    EVENTS,
    NEXT,
    POOLS,
    RIGHT,
    SHORT_MS,
    additions,
    attempt_ids,
    beginnings,
    best_seats,
    blocks,
    events,
    holds,
    names,
    outcomes,
    publications,
    put_event,
    reads,
    refunds,
    removals,
    sweeps,
)

Named: TypeAlias = ConfirmPayment | FailPayment | Refund | SettleRefund


class Sales(Play):
    """Places and seats are held, changed, paid for and refunded."""

    @rule(command=holds)
    def takes(self, command: Hold) -> None:
        self.step(command)

    @rule(command=holds, others=st.lists(holds, max_size=5))
    def take_at_once(self, command: Hold, others: list[Hold]) -> None:
        self.step(command, *(replace(other, reservation_id=f"{NEXT}{n}") for n, other in enumerate(others, 1)))

    @rule(command=additions | removals)
    def changes_a_hold(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(command=additions, more=st.lists(additions | removals, max_size=4))
    def fills_a_cart(self, command: Add, more: list[Add | Remove]) -> None:
        self.step(replace(command, reservation_id=NEXT))
        for change in more:
            self.step(replace(change, reservation_id="last"))

    @rule(command=holds, wanted=st.lists(best_seats, min_size=1, max_size=3))
    def takes_the_best_seats(self, command: Hold, wanted: list[BestSeats]) -> None:
        for item in wanted:
            self.step(replace(command, reservation_id=NEXT, items=items_text([item])))

    @rule(command=blocks)
    def blocks_seats(self, command: BlockSeats) -> None:
        self.step(command)

    @rule(command=holds, attempt_id=attempt_ids, then=st.lists(outcomes | refunds, max_size=4))
    def takes_and_pays(self, command: Hold, attempt_id: str, then: list[Named]) -> None:
        self.step(command)
        self.step(BeginPayment("last", attempt_id, RIGHT, "one"))
        for more in then:
            self.step(replace(more, reservation_id="last"))

    @rule(command=reads)
    def looks(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(
        commands=st.lists(
            holds
            | additions
            | removals
            | blocks
            | st.builds(Cancel, names)
            | beginnings
            | outcomes
            | refunds
            | reads
            | publications
            | sweeps,
            min_size=2,
            max_size=6,
        )
    )
    def does_several_at_once(self, commands: list[Command[Any]]) -> None:
        self.step(*commands)

    @rule(name=names)
    def fails_often(self, name: str) -> None:
        """More attempts fail than are remembered."""
        reservation = self.world.model.reservations.get(self.named(name, EVENTS[0]))
        for number in range(ATTEMPTS_KEPT + 1):
            if reservation is None or reservation.state is not State.HELD:
                return
            attempt_id = f"pay-{number}"
            self.step(
                BeginPayment(name, attempt_id, RIGHT, "one"),
                FailPayment(name, attempt_id, FailureReason.CARD_DECLINED),
            )

    @rule(command=holds)
    def waits_and_takes(self, command: Hold) -> None:
        self.world.wait_past(SHORT_MS)
        self.step(command)

    @rule(event_id=events, left=st.integers(1, 3), command=holds, wanted=st.tuples(*[st.integers(1, 2)] * 2))
    def takes_the_last_of_a_pool_by_two_tickets(
        self, event_id: int, left: int, command: Hold, wanted: tuple[int, int]
    ) -> None:
        free = [self.taken_of(event_id, pool) + left for pool in POOLS]
        self.step(put_event(event_id, free, SHORT_MS, limit=100))
        self.step(
            replace(
                command,
                event_id=event_id,
                reservation_id=NEXT,
                items=items_text(list(zip((2, 3), wanted, strict=True))),
            )
        )

    @rule(event_id=events, crowd=st.integers(2, 5), command=holds)
    def takes_what_a_crowd_left(self, event_id: int, crowd: int, command: Hold) -> None:
        """More holds ran out than one call gives back."""
        free = [self.taken_of(event_id, pool) + crowd for pool in POOLS]
        self.step(put_event(event_id, free, SHORT_MS, limit=100))
        crowded = replace(command, event_id=event_id, digest="one", items=items_text([(1, 1)]))
        self.step(*(replace(crowded, reservation_id=f"{NEXT}{number}") for number in range(crowd)))
        self.world.wait_past(SHORT_MS)
        self.step(replace(crowded, reservation_id=NEXT, items=items_text([(1, crowd)])))

    @rule(name=names, restock=st.booleans(), attempt_id=attempt_ids)
    def refunds_what_redis_forgot(self, name: str, restock: bool, attempt_id: str) -> None:
        """The archive's time is over; Postgres has the record."""
        forgotten = self.named(name, EVENTS[0])
        record = self.world.forget(forgotten)
        self.world.step(Refund(forgotten, restock, record), Find(forgotten), ConfirmPayment(forgotten, attempt_id))

    @rule(command=holds, more=outcomes, other=holds, how=st.tuples(st.booleans(), st.booleans(), st.booleans()))
    def money_comes_late(
        self, command: Hold, more: ConfirmPayment | FailPayment, other: Hold, how: tuple[bool, bool, bool]
    ) -> None:
        pinned, cancelled, scarce = how
        self.let_money_come_late(command, pinned=pinned, cancelled=cancelled, scarce=scarce, other=other, more=more)
