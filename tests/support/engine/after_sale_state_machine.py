"""Random changes after a sale: exchanges, refunds in part, restocks; and the event is paused, cancelled or repriced.

Sales (state_machine.py) plays the same commands among all others, where what must come together rarely does.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from msgspec.structs import replace

from engine.commands.command import Command
from engine.commands.events import EndEvent
from engine.commands.holds import Hold
from engine.commands.items import ANY_TOTAL, Item, NamedSeats, items_text
from engine.commands.refunds import Refund, RefundSome, Restock, SettleRefund
from engine.words import EventStatus
from tests.support.engine.model_play import Play
from tests.support.engine.strategies import (
    LAST_ATTEMPT,
    LONG_MS,
    NEXT,
    POOLS,
    begun_ids,
    exchanges,
    holds,
    outcomes,
    put_event,
    some_refunds,
)

_PLACES: list[tuple[int, int]] = [(1, 2), (2, 1)]
had: st.SearchStrategy[list[tuple[int, int] | Item]] = st.sampled_from(
    [_PLACES, _PLACES, [*_PLACES, NamedSeats(4, 2, "s1", [1, 2])]]
)

statuses = st.sampled_from([EventStatus.ON_SALE, EventStatus.ON_SALE, EventStatus.PAUSED, EventStatus.CANCELLED])
other_places: st.SearchStrategy[list[tuple[int, int]]] = st.sampled_from(
    [[(1, 1)], [(1, 3)], [(2, 2)], [(1, 2), (3, 1)]]
)
shown_exchanges = st.builds(
    lambda exchange, places, shown: replace(
        exchange, reservation_id="last", items=items_text(places), expected_minor=shown
    ),
    exchanges,
    other_places,
    st.sampled_from([ANY_TOTAL, ANY_TOTAL, 100, 200]),
)
refunds_in_part = st.builds(
    lambda refund, places, amount: replace(refund, reservation_id="last", items=places, amount_minor=amount),
    some_refunds,
    st.sampled_from([[(1, 1)], [(1, 2)], [(2, 1)], [(1, 1), (2, 1)], [(1, 2), (2, 1)], [], [(1, 3)]]),
    st.sampled_from([ANY_TOTAL, ANY_TOTAL, ANY_TOTAL, 30, 10_000]),
)
settlements = st.builds(SettleRefund, st.just("last"), begun_ids, st.just("the last"))
changes = st.one_of(
    refunds_in_part,
    refunds_in_part,
    shown_exchanges,
    (some_refunds | exchanges).map(lambda change: replace(change, reservation_id="last")),
    st.builds(Restock, st.just("last")),
    st.builds(Refund, st.just("last"), st.booleans()),
    settlements,
    outcomes.map(lambda outcome: replace(outcome, reservation_id="last")),
)


class AfterSale(Play):
    """Purchases are changed in every way, while their event changes too."""

    STEPS = 8

    # Rules that Sales has too: here they would only take the steps that this play is for.
    cancels = begins_payment = ends_payment = owes_or_gives_money_back = None  # type: ignore[assignment]
    gives_back_what_is_due = waits_past_deadlines = None  # type: ignore[assignment]

    @rule(
        command=holds,
        had=had,
        status=statuses,
        price=st.sampled_from([100, 100, 250, 60]),
        wishes=st.lists(changes, min_size=1, max_size=4),
        at_once=st.booleans(),
    )
    def changes_what_was_bought(
        self,
        command: Hold,
        had: list[tuple[int, int] | Item],
        status: EventStatus,
        price: int,
        wishes: list[Command[Any]],
        *,
        at_once: bool,
    ) -> None:
        event_id = command.event_id
        free = [self.taken_of(event_id, pool) + 6 for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=6))
        other = replace(command, reservation_id=NEXT, items=items_text([(1, 1)]), expected_minor=ANY_TOTAL)
        self.step(other)
        if not self.buys(replace(command, items=items_text(had), over_limit=True)):
            return
        self.step(put_event(event_id, free, LONG_MS, limit=6, price=price, status=status))
        for batch in [wishes] if at_once else [[wish] for wish in wishes]:
            self.step(*batch)
        for wish in wishes:  # the same again
            self.step(wish)
        self.step(Refund("last", True))
        self.step(other)
        self.step(EndEvent(event_id))

    @rule(
        command=holds,
        fee=st.sampled_from([30, 0]),
        then=st.lists(refunds_in_part | settlements | st.builds(Restock, st.just("last")), min_size=1, max_size=4),
        restock=st.booleans(),
    )
    def keeps_a_fee_and_gives_it_back(
        self, command: Hold, fee: int, then: list[Command[Any]], *, restock: bool
    ) -> None:
        """All places go back for less than their price; the rest of the money goes back later, or some of it."""
        event_id = command.event_id
        self.step(put_event(event_id, [self.taken_of(event_id, pool) + 6 for pool in POOLS], LONG_MS, limit=6))
        if not self.buys(replace(command, items=items_text(_PLACES), over_limit=True)):
            return
        returned = RefundSome("last", "refund-fee", restock, [*_PLACES], fee)
        self.step(returned)
        for wish in [*then, returned]:
            self.step(wish)
        self.step(SettleRefund("last", LAST_ATTEMPT, "the last"), RefundSome("last", "refund-more", True, [], 10))
        self.step(Refund("last", restock))
        self.step(SettleRefund("last", LAST_ATTEMPT, "the last"), Refund("last", restock))
