"""Random customers of a waiting room: what Hypothesis plays against a server and the model at once."""

import asyncio

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.ids import new_reservation_id
from engine.results.events import NotOnSaleYet
from engine.results.holds import Held, SoldOut
from engine.results.limits import LimitExceeded
from engine.results.reservations import NotFound
from engine.results.result import Result
from engine.results.waiting_rooms import InsideFull, NotYourTurn, PassExpired, Placed, QueueRequired, QueueState
from tests.support.engine.synchronous_stage import Stage
from tests.support.engine.waiting_room import Room
from tests.support.engine.waiting_room_model import WaitingRoom

PASS_MS = 10**9
"""Longer than all times that are let pass."""
A_SECOND_MS = 1000

customers = st.sampled_from(["anna", "ben", "cleo", "dora", "emil"])


class RoomPlay(RuleBasedStateMachine):
    """Joins, the draw, entering, leaving, pauses, and holds with passes and without.

    Who is inside depends on the draw and on the time that a call takes. So it decides the effect of a step, and never
    which steps exist. Otherwise Hypothesis would find other choices in the same run, and call that flaky.
    """

    def __init__(self, stage: Stage, events: list[int]) -> None:
        super().__init__()
        self.stage = stage
        events.append(len(events) + 1)
        self.room = Room(stage.engine, events[-1])
        self.serving = 0

    @initialize(
        capacity=st.integers(2, 9),
        places=st.integers(1, 3),
        max_inside=st.integers(1, 4),
        early=st.lists(customers, unique=True),
    )
    def publish(self, capacity: int, places: int, max_inside: int, early: list[str]) -> None:
        """With many early customers the sale opens at once."""
        self.model = WaitingRoom(capacity, places, max_inside)
        self.stage.run(
            self.room.publish(capacity, sale_in_ms=10**9, pass_ms=PASS_MS, places=places, max_inside=max_inside)
        )
        self.commitment = self.read().commitment
        for customer in early:
            self.join(customer)
        if len(early) > 2:
            self.draw()

    def read(self) -> QueueState:
        state: QueueState = self.stage.run(self.room.read())
        return state

    @rule(customer=customers)
    def join(self, customer: str) -> None:
        is_new = customer not in self.model.places
        placed: Placed = self.stage.run(self.room.join(customer))
        assert (placed.index, placed.replayed) == (self.model.join(customer), not is_new)

    @precondition(lambda self: self.model.cohort is None and len(self.model.joins) > 1)
    @rule()
    def draw(self) -> None:
        self.stage.run(self.room.open_sale())
        state = self.read()
        self.model.draw(state.secret, self.room.event_id)
        drawn = self.model.cohort, self.model.digest(), self.model.seed
        assert (state.cohort, state.digest, state.seed) == drawn

    @rule(customer=customers)
    def leave(self, customer: str) -> None:
        self.stage.run(self.room.leave(customer))
        self.model.leave(customer)

    @rule(paused=st.booleans())
    def pause(self, *, paused: bool) -> None:
        self.stage.run(self.room.say(paused=[int(paused)]))
        self.model.paused = paused
        serving = self.read().serving  # it may have risen since it was read, and until the pause
        assert self.serving <= serving, "it never falls"
        self.serving = serving

    @rule(ms=st.sampled_from([A_SECOND_MS, 20 * A_SECOND_MS]))
    def time_passes(self, ms: int) -> None:
        self.stage.run(self.room.forward(ms))

    @precondition(lambda self: self.model.cohort is not None)
    @rule()
    def passes_end(self) -> None:
        if not self.model.inside():
            return
        self.stage.run(self.room.forward(PASS_MS))
        self.model.end_passes()

    @rule(customer=customers)
    def enter(self, customer: str) -> None:
        result: Result = self.stage.run(self.room.enter(customer))
        model = self.model
        if customer not in model.places:
            assert isinstance(result, NotFound), result
            return
        if model.is_inside(customer):
            assert isinstance(result, Placed), result
            assert (result.replayed, result.until_ms > 0) == (True, True)
            return
        position = model.position(customer)
        if position < 0:
            assert result == NotYourTurn(-1), result
        elif isinstance(result, NotYourTurn):
            assert self.serving <= position - result.ahead <= position, (result, self.serving)
        elif model.has_space():
            assert isinstance(result, Placed), (result, model)
            assert position < self.read().serving
            model.enter(customer)
        else:
            assert isinstance(result, InsideFull), (result, model)

    @rule(customer=customers, places=st.sampled_from([1, 1, 2, 3]))
    def hold(self, customer: str, places: int) -> None:
        rid = new_reservation_id(self.room.event_id)
        result: Result = self.stage.run(self.room.hold(customer, places, rid))
        model = self.model
        if model.cohort is None:
            assert isinstance(result, NotOnSaleYet), result
        elif customer not in model.places:
            assert isinstance(result, QueueRequired), result
        elif not model.is_inside(customer):
            assert isinstance(result, PassExpired if customer in model.passes else NotYourTurn), result
        elif model.passes[customer].used + places > model.places_per_pass:
            assert result == LimitExceeded(model.places_per_pass, model.passes[customer].used), result
        elif places > model.free():
            assert isinstance(result, SoldOut), result
        else:
            assert isinstance(result, Held), result
            model.hold(rid, customer, places)

    @precondition(lambda self: self.model.cohort is not None)
    @rule(
        customer=customers, places=st.sampled_from([1, 1, 2, 3]), then=st.sampled_from(["cancel", "end", "leave", ""])
    )
    def come_and_go(self, customer: str, places: int, then: str) -> None:
        """A customer comes inside if it can, takes places, changes its mind, and takes others."""
        self.join(customer)
        self.pause(paused=False)
        self.time_passes(20 * A_SECOND_MS)
        self.enter(customer)
        self.hold(customer, places)
        if then == "end":
            self.passes_end()
            self.enter(customer)
            self.hold(customer, 1)
        for rid in [rid for rid, taken in self.model.taken.items() if taken.customer == customer]:
            if then:
                self.stage.run(self.room.cancel(rid))
                self.model.cancel(rid)
        if then == "leave":
            self.leave(customer)
        self.hold(customer, places)

    @precondition(lambda self: self.model.cohort is not None)
    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        if not self.model.taken:
            return
        rid = list(self.model.taken)[number % len(self.model.taken)]
        self.stage.run(self.room.cancel(rid))
        self.model.cancel(rid)

    @invariant()
    def server_and_model_agree(self) -> None:
        model, state = self.model, self.read()
        assert (state.joined, state.commitment) == (len(model.joins), self.commitment)
        assert (state.inside, state.idle) == (len(model.inside()), model.idle())
        assert self.serving <= state.serving <= len(model.joins), "it never falls"
        if model.cohort is None or model.paused:
            assert state.serving == self.serving, "nobody is let in"
        self.serving = state.serving
        for customer, placed in self.stage.run(self._places()).items():
            position = model.position(customer)
            assert (placed.index, placed.position) == (model.places[customer], position)
            # The watermark may have risen since it was read.
            assert (placed.ahead == -1) if position < 0 else 0 <= placed.ahead <= max(0, position - state.serving)
            assert (placed.until_ms > 0) == model.is_inside(customer)

    async def _places(self) -> dict[str, Placed]:
        """The places of all who have one."""
        return dict(zip(self.model.places, await asyncio.gather(*map(self.room.place, self.model.places)), strict=True))
