"""Random sales of a ticket with a waiting list: what Hypothesis plays against a server and the model at once."""

import asyncio
from typing import Any, TypeVar

import uvloop
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.commands import (
    BeginPayment,
    FailPayment,
    Refund,
    RefundSome,
    Replace,
    Restock,
    Shorten,
    items_text,
)
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.records import WaitingTerms
from engine.results import (
    BelowTaken,
    Held,
    LimitExceeded,
    PlacesLeft,
    Published,
    Result,
    SalePaused,
    SoldOut,
    Waiting,
    WaitingEnded,
)
from engine.settings import Settings
from engine.words import EventStatus, WaitingState
from tests.support.engine.waiting_list import OFFER_MS, TICKET, WaitingEvent
from tests.support.engine.waiting_list_model import Ticket, Waits

T = TypeVar("T")

LIMIT = 4
_CUSTOMERS = ["anna", "ben", "cleo"]
_STATES = {WaitingState.WAITING, WaitingState.OFFERED}

customers = st.sampled_from(_CUSTOMERS)
few = st.integers(1, 3)


class Stage:
    """A server with an engine, driven from code that is not asynchronous."""

    def __init__(self, settings: Settings) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.engine = Engine(settings)

    def __enter__(self) -> "Stage":
        self._runner.__enter__()
        self.run(self.engine.__aenter__())
        return self

    def __exit__(self, *error: Any) -> None:
        self.run(self.engine.__aexit__(None, None, None))
        self._runner.__exit__(*error)

    def run(self, work: Any) -> Any:
        """The result of a coroutine."""
        return self._runner.run(work)

    def submit(self, command: Any) -> Any:
        """The result of a command."""
        return self.run(self.engine.submit(command))


class WaitingPlay(RuleBasedStateMachine):
    """Holds, payments and refunds of one ticket, for which others wait."""

    def __init__(self, stage: Stage, events: "list[int]") -> None:
        super().__init__()
        self.stage = stage
        events.append(len(events) + 1)
        self.event = WaitingEvent(stage.engine, events[-1])
        self.paid: set[str] = set()
        self.kept: list[str] = []
        self.kept_places = 0

    @initialize(capacity=st.integers(1, 6), fills_gaps=st.booleans())
    def publish(self, capacity: int, fills_gaps: bool) -> None:
        self.model = Ticket(capacity, fills_gaps, LIMIT, for_sale=capacity)
        self.stage.run(self.event.publish(capacity, fills_gaps=fills_gaps, max_per_customer=LIMIT, hold_ms=600_000))

    # What customers do

    @rule(customer=customers, places=few)
    def hold(self, customer: str, places: int) -> None:
        rid = new_reservation_id(self.event.event_id)
        result: Result = self.stage.run(self.event.try_hold(customer, places, rid=rid))
        model = self.model
        if model.paused:
            assert isinstance(result, SalePaused), result
        elif model.places_of(customer) + places > LIMIT:
            assert result == LimitExceeded(LIMIT, model.places_of(customer)), result
        elif places > model.for_sale:
            assert isinstance(result, SoldOut), result
            assert result.available == model.for_sale, (result, model)
        else:
            assert isinstance(result, Held), (result, model)
            model.for_sale -= places
            model.taken[rid] = (customer, places)

    @rule(customer=customers, places=few)
    def wait(self, customer: str, places: int) -> None:
        result: Result = self.stage.run(self.event.try_wait(customer, places))
        model = self.model
        limit, taken = min(LIMIT, model.capacity), model.places_of(customer) + model.waits_for(customer)
        if model.ended:
            assert isinstance(result, WaitingEnded), result
        elif places > limit or taken + places > LIMIT:
            assert result == LimitExceeded(limit, taken), result
        elif not model.paused and model.for_sale >= places:
            assert result == PlacesLeft(TICKET, model.for_sale), result
        else:
            assert isinstance(result, Waiting), result
            ahead = sum(each.state is WaitingState.WAITING for each in model.line.values())
            assert result.position == ahead + 1
            model.line[result.entry.waiting_id] = Waits(customer, places)
            model.serve()

    def _live(self) -> list[str]:
        return [rid for rid in self.model.taken if rid not in self.paid]

    @precondition(lambda self: self._live())
    @rule(data=st.data(), how=st.sampled_from(["cancel", "expire", "fail", "decline"]))
    def give_back(self, data: st.DataObject, how: str) -> None:
        rid = data.draw(st.sampled_from(self._live()))
        if how == "decline" and rid in self.model.line:
            self.stage.run(self.event.decline(rid))
        elif how == "expire":
            now_ms = self.stage.run(server_time_ms(self.stage.engine.redis))
            self.stage.submit(Shorten(rid, now_ms))
        elif how == "fail":
            total = 100 * self.model.taken[rid][1]
            self.stage.submit(BeginPayment(rid, f"pay-{rid}-f", total, ""))
            self.stage.submit(FailPayment(rid, f"pay-{rid}-f", "card_declined", give_back=True))
        else:
            self.stage.run(self.event.cancel(rid))
        self.model.give_back(rid, WaitingState.ENDED if how == "expire" else WaitingState.DECLINED)

    @precondition(lambda self: any(each.state is WaitingState.WAITING for each in self.model.line.values()))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        waiting = [name for name, each in self.model.line.items() if each.state is WaitingState.WAITING]
        name = data.draw(st.sampled_from(waiting))
        self.stage.run(self.event.decline(name))
        self.model.line[name].state = WaitingState.DECLINED
        self.model.serve()

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        rid = data.draw(st.sampled_from(self._live()))
        self.stage.run(self.event.pay(rid, 100 * self.model.taken[rid][1]))
        self.paid.add(rid)
        if rid in self.model.line:
            self.model.line[rid].state = WaitingState.TAKEN

    @precondition(lambda self: self._live())
    @rule(data=st.data(), places=few)
    def replace(self, data: st.DataObject, places: int) -> None:
        """A hold with other places of its own ticket: fewer return, more are taken from what is for sale."""
        rid = data.draw(st.sampled_from(self._live()))
        customer, before = self.model.taken[rid]
        result = self.stage.submit(Replace(rid, self.event.event_id, customer, items_text([(TICKET, places)])))
        more, model = places - before, self.model
        if model.paused:
            assert isinstance(result, SalePaused), result
        elif more > model.for_sale:
            assert isinstance(result, SoldOut), result
        elif more > 0 and model.places_of(customer) + more > LIMIT:
            assert isinstance(result, LimitExceeded), result
        else:
            assert isinstance(result, Held), result
            model.taken[rid] = (customer, places)
            if more > 0:
                model.for_sale -= more
            else:
                model.give(-more)

    # What managers do

    @precondition(lambda self: self.paid)
    @rule(data=st.data(), restock=st.booleans(), part=st.booleans())
    def refund(self, data: st.DataObject, restock: bool, part: bool) -> None:
        rid = data.draw(st.sampled_from(sorted(self.paid)))
        customer, places = self.model.taken[rid]
        if part and places > 1:
            self.stage.submit(RefundSome(rid, new_reservation_id(1), restock, [(TICKET, 1)]))
            self.model.taken[rid] = (customer, places - 1)
            places = 1
        else:
            self.stage.submit(Refund(rid, restock))
            self.paid.remove(rid)
            del self.model.taken[rid]
        if restock:
            self.model.give(places)
        else:
            self.kept.append(rid)
            self.kept_places += places

    @precondition(lambda self: self.kept)
    @rule()
    def restock(self) -> None:
        for rid in self.kept:
            self.stage.submit(Restock(rid))
        self.kept, places, self.kept_places = [], self.kept_places, 0
        self.model.give(places)

    @rule(capacity=st.integers(0, 8))
    def set_capacity(self, capacity: int) -> None:
        result: Result = self.stage.run(self.event.set_capacity(capacity))
        if capacity < self.model.capacity - self.model.for_sale - self.model.aside:
            assert isinstance(result, BelowTaken), result
            self.event.capacities[str(TICKET)] = self.model.capacity
        else:
            assert isinstance(result, Published), result
            self.model.set_capacity(capacity)

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        status = EventStatus.PAUSED if paused else EventStatus.ON_SALE
        self.stage.run(self.event.change(status=status))
        self.model.paused = paused
        self.model.serve()

    @rule(fills_gaps=st.booleans())
    def change_the_order(self, fills_gaps: bool) -> None:
        self.stage.run(self.event.change(waiting=WaitingTerms(OFFER_MS, 0, fills_gaps)))
        self.model.fills_gaps, self.model.ended = fills_gaps, False
        self.model.serve()

    @precondition(lambda self: len(self.model.line) > 3)
    @rule()
    def end(self) -> None:
        self.stage.run(self.event.change(waiting=WaitingTerms(OFFER_MS, 1, self.model.fills_gaps)))
        self.model.end()

    # What is compared after each step

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        counts = self.stage.run(self.event.counts())
        told = (counts.capacity, counts.available)
        assert told == (self.model.capacity, self.model.for_sale), (counts, self.model)
        assert counts.available + counts.held + counts.paying + counts.sold + counts.kept == counts.capacity
        assert counts.kept == self.kept_places

    @invariant()
    def entries_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        position = 0
        for name, each in self.model.line.items():
            found = self.stage.run(self.event.found(name))
            assert found.entry.state is each.state, (found, self.model)
            position += each.state is WaitingState.WAITING
            assert found.position == (position if each.state is WaitingState.WAITING else 0), (found, self.model)
