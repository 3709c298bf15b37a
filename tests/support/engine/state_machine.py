"""Random sales: what Hypothesis plays against the world."""

from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import rule
from msgspec.structs import replace

from engine.commands.command import Command, OnReservation
from engine.commands.events import EndEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Add, Cancel, Hold, Remove, Replace
from engine.commands.items import ANY_TOTAL, BestSeats, Item, NamedSeats, Places, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, DisputePayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock, SettleRefund
from engine.commands.reservations import Erase, Find
from engine.commands.seats import BlockSeats
from engine.stock import SectionSeats
from engine.words import EventStatus, FailureReason, State
from tests.support.engine.model_play import Play
from tests.support.engine.reference_exchanges import ATTEMPTS_KEPT
from tests.support.engine.strategies import (
    EVENTS,
    ITS_OWN,
    LONG_MS,
    NEXT,
    POOLS,
    RIGHT,
    SHORT_MS,
    additions,
    attempt_ids,
    beginnings,
    best_seats,
    blocks,
    capacities,
    ends_of_events,
    events,
    exchanges,
    holds,
    named_seats,
    names,
    outcomes,
    publications,
    put_event,
    reads,
    refunds,
    removals,
    replacements,
    seats,
    some_refunds,
    sweeps,
)

Named: TypeAlias = ConfirmPayment | FailPayment | Refund | SettleRefund | RefundSome | Restock | DisputePayment | Erase


class Sales(Play):
    """Places and seats are held, changed, paid for and refunded."""

    @rule(command=holds)
    def takes(self, command: Hold) -> None:
        self.step(command)

    @rule(command=holds, others=st.lists(holds, max_size=5))
    def take_at_once(self, command: Hold, others: list[Hold]) -> None:
        self.step(command, *(replace(other, reservation_id=f"{NEXT}{n}") for n, other in enumerate(others, 1)))

    @rule(
        command=holds,
        wish=st.sampled_from([Places(1, 1), Places(1, 2), Places(2, 1)]),
        others=st.lists(holds, min_size=1, max_size=5),
        one_customer=st.booleans(),
        asked_ms=st.sampled_from([0, 0, LONG_MS // 2]),
    )
    def ask_for_the_same_at_once(
        self, command: Hold, wish: Places, others: list[Hold], one_customer: bool, asked_ms: int
    ) -> None:
        """The second may ask for another time; the fifth repeats the first, or misuses its id."""
        same = [
            replace(hold, reservation_id=f"{NEXT}{n % 4}", event_id=command.event_id, items=items_text([wish]))
            for n, hold in enumerate([command, *others])
        ]
        if one_customer:
            same = [replace(hold, customer_id=command.customer_id) for hold in same]
        same[1] = replace(same[1], hold_ms=asked_ms)
        self.step(*same)

    @rule(command=holds, attempt_id=attempt_ids)
    def gives_up_when_a_payment_fails(self, command: Hold, attempt_id: str) -> None:
        self.step(replace(command, reservation_id=NEXT, expected_minor=ANY_TOTAL))
        self.step(BeginPayment("last", attempt_id, RIGHT, "one"))
        self.step(FailPayment("last", attempt_id, FailureReason.PAYMENT_FAILED, give_back=True))

    @rule(command=additions | removals)
    def changes_a_hold(self, command: Command[Any]) -> None:
        self.step(command)

    @rule(command=replacements)
    def replaces_places(self, command: Replace) -> None:
        self.step(command)

    @rule(event_id=events, command=holds, had=st.integers(1, 2), more=st.sampled_from([[], [(2, 1)], [(3, 1), (2, 1)]]))
    def changes_its_mind(self, event_id: int, command: Hold, had: int, more: list[tuple[int, int]]) -> None:
        """Its own places are free for the choice, and keep their price, which is another by then."""
        free = [self.taken_of(event_id, pool) + 3 for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=100))
        hold = replace(command, reservation_id=NEXT, event_id=event_id, expected_minor=ANY_TOTAL)
        self.step(replace(hold, items=items_text([(1, had)])))
        self.step(put_event(event_id, free, LONG_MS, limit=100, price=250))
        self.step(Replace("last", event_id, ITS_OWN, items_text([(1, 3 - had), *more])))

    @rule(command=additions, more=st.lists(additions | removals, max_size=4))
    def fills_a_cart(self, command: Add, more: list[Add | Remove]) -> None:
        self.step(replace(command, reservation_id=NEXT))
        for change in more:
            self.step(replace(change, reservation_id="last"))

    @rule(command=holds, wanted=st.lists(best_seats, min_size=1, max_size=3))
    def takes_the_best_seats(self, command: Hold, wanted: list[BestSeats]) -> None:
        for item in wanted:
            self.step(replace(command, reservation_id=NEXT, items=items_text([item])))

    @rule(
        command=holds, section=seats, then=st.lists(outcomes | refunds | replacements | exchanges | blocks, max_size=4)
    )
    def sells_what_is_blocked(self, command: Hold, section: SectionSeats, then: list[Command[Any]]) -> None:
        """Blocked seats are sold by who may; given back they are blocked again."""
        event_id = command.event_id
        self.step(put_event(event_id, [self.taken_of(event_id, pool) + 3 for pool in POOLS], LONG_MS, limit=2))
        self.step(BlockSeats(event_id, [section], True))
        items: list[tuple[int, int] | Item] = [named_seats(4, section), BestSeats(4, 1, True)]
        wish = replace(command, reservation_id=NEXT, over_limit=True, from_blocked=True, items=items_text(items))
        self.step(replace(wish, expected_minor=ANY_TOTAL))
        self.step(BeginPayment("last", "pay-blocked", RIGHT, "one"))
        for more in then:
            self.step(replace(more, reservation_id="last") if isinstance(more, OnReservation) else more)
        self.step(Cancel("last"))

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
            | replacements
            | removals
            | blocks
            | st.builds(Cancel, names)
            | beginnings
            | outcomes
            | refunds
            | exchanges
            | reads
            | publications
            | ends_of_events
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
        """More holds expired than one call gives back."""
        free = [self.taken_of(event_id, pool) + crowd for pool in POOLS]
        self.step(put_event(event_id, free, SHORT_MS, limit=100))
        crowded = replace(command, event_id=event_id, digest="one", items=items_text([(1, 1)]))
        self.step(*(replace(crowded, reservation_id=f"{NEXT}{number}") for number in range(crowd)))
        self.world.wait_past(SHORT_MS)
        self.step(replace(crowded, reservation_id=NEXT, items=items_text([(1, crowd)])))

    @rule(command=holds, other=holds)
    def asks_for_something_else_by_the_same_id(self, command: Hold, other: Hold) -> None:
        self.step(replace(command, reservation_id=NEXT, digest="one", expected_minor=ANY_TOTAL))
        self.step(replace(other, reservation_id="last", event_id=command.event_id, digest="other"))

    @rule(name=names, restock=st.booleans(), leaves_kept=st.booleans(), attempt_id=attempt_ids)
    def refunds_what_redis_forgot(self, name: str, restock: bool, leaves_kept: bool, attempt_id: str) -> None:
        """The archive's time is over; Postgres has the record."""
        forgotten = self.named(name, EVENTS[0])
        record = self.world.forget(forgotten)
        refund = Refund(forgotten, restock, record, leaves_kept)
        self.world.step(refund, Find(forgotten), ConfirmPayment(forgotten, attempt_id))

    @rule(name=names, command=some_refunds, restocks=st.booleans())
    def changes_what_redis_forgot(self, name: str, command: RefundSome, restocks: bool) -> None:
        forgotten = self.named(name, EVENTS[0])
        record = self.world.forget(forgotten)
        restock = Restock(forgotten, record)
        self.world.step(restock if restocks else replace(command, reservation_id=forgotten, archived=record))

    @rule(command=holds, seats=seats, attempt_id=attempt_ids, refunds=st.lists(some_refunds, min_size=1, max_size=3))
    def refunds_some_of_what_was_bought(
        self, command: Hold, seats: SectionSeats, attempt_id: str, refunds: list[RefundSome]
    ) -> None:
        items: list[tuple[int, int] | Item] = [(1, 2), (2, 1), named_seats(4, seats)]
        self.step(replace(command, reservation_id=NEXT, items=items_text(items), expected_minor=ANY_TOTAL))
        self.step(BeginPayment("last", attempt_id, RIGHT, "one"), ConfirmPayment("last", attempt_id))
        for refund in refunds:
            self.step(replace(refund, reservation_id="last"))
        self.step(Restock("last"), Restock("last"))

    @rule(event_id=events, command=holds, currency=st.sampled_from(["JPY", "KWD"]))
    def changes_the_currency(self, event_id: int, command: Hold, currency: str) -> None:
        """Possible until something was taken."""
        free = [self.taken_of(event_id, pool) + 3 for pool in POOLS]
        self.step(put_event(event_id, free, SHORT_MS, currency=currency))
        self.step(replace(command, reservation_id=NEXT, event_id=event_id, expected_minor=ANY_TOTAL))
        self.step(put_event(event_id, free, SHORT_MS, currency="USD"))

    @rule(command=exchanges)
    def exchanges_places(self, command: Exchange) -> None:
        self.step(command)

    @rule(
        command=holds,
        had=st.sampled_from([[(1, 1)], [(1, 2), (2, 1)], [(3, 2)], [NamedSeats(4, 2, "s1", [1, 2])]]),
        wishes=st.lists(exchanges, min_size=1, max_size=3),
        prices=st.lists(st.sampled_from([100, 100, 250, 60]), min_size=3, max_size=3),
        then=st.lists(outcomes | refunds | exchanges, max_size=4),
    )
    def exchanges_what_was_bought(
        self,
        command: Hold,
        had: list[tuple[int, int] | Item],
        wishes: list[Exchange],
        prices: list[int],
        then: list[Command[Any]],
    ) -> None:
        """One exchange after the other, at prices that change, each paid, refused or left alone."""
        event_id = command.event_id
        free = [self.taken_of(event_id, pool) + 4 for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=10))
        if not self.buys(replace(command, items=items_text(had))):
            return
        for wish, price in zip(wishes, prices, strict=False):
            self.step(put_event(event_id, free, LONG_MS, limit=10, price=price))
            self.step(replace(wish, reservation_id="last", expected_minor=ANY_TOTAL, digest="one"))
            for more in then:
                self.step(replace(more, reservation_id="last"))

    @rule(
        command=holds, quantity=st.integers(2, 3), fewer=st.integers(1, 2), confirms=st.booleans(), late=st.booleans()
    )
    def exchanges_for_more(self, command: Hold, quantity: int, fewer: int, *, confirms: bool, late: bool) -> None:
        """The new places are nobody else's while their money comes; the customer has as many as the larger of both."""
        event_id = command.event_id
        free = [self.taken_of(event_id, pool) + quantity for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=100))
        if not self.buys(replace(command, event_id=event_id, items=items_text([(1, 1)]))):
            return
        self.step(put_event(event_id, free, LONG_MS, limit=quantity + 1))
        self.step(Exchange("last", "exchange", items_text([(2, quantity)]), ANY_TOTAL, True, True, "one"))
        rest = replace(command, reservation_id=f"{NEXT}1", event_id=event_id, expected_minor=ANY_TOTAL)
        self.step(
            replace(rest, items=items_text([(2, 1)])),
            replace(rest, reservation_id=f"{NEXT}2", items=items_text([(1, 1)])),
        )
        newest_first = reversed(self.world.model.reservations.items())
        bought = next((i for i, each in newest_first if each.attempt("exchange")), None)
        if bought is None:  # refused: its places are set aside for a code
            return
        if late:
            self.step(put_event(event_id, free, LONG_MS, status=EventStatus.CANCELLED))
        fail = FailPayment(bought, "exchange", FailureReason.PAYMENT_FAILED)
        self.world.step(ConfirmPayment(bought, "exchange") if confirms else fail)
        self.world.step(fail, ConfirmPayment(bought, "exchange"))
        self.world.step(Exchange(bought, "back", items_text([(1, fewer)]), ANY_TOTAL, False, False, "one"))
        self.world.step(RefundSome(bought, "refund-back", True, [(1, 1)]), Refund(bought, True))

    @rule(event_id=events, capacity=capacities, command=holds)
    def cancels_an_event(self, event_id: int, capacity: int, command: Hold) -> None:
        self.step(replace(command, reservation_id=NEXT, event_id=event_id))
        free = [self.taken_of(event_id, pool) + capacity for pool in POOLS]
        self.step(put_event(event_id, free, SHORT_MS, status=EventStatus.CANCELLED))
        self.step(EndEvent(event_id))
        self.step(put_event(event_id, free, LONG_MS))

    @rule(command=holds, more=outcomes, other=holds, how=st.tuples(st.booleans(), st.booleans(), st.booleans()))
    def money_comes_late(
        self, command: Hold, more: ConfirmPayment | FailPayment, other: Hold, how: tuple[bool, bool, bool]
    ) -> None:
        pinned, cancelled, scarce = how
        self.let_money_come_late(command, pinned=pinned, cancelled=cancelled, scarce=scarce, other=other, more=more)
