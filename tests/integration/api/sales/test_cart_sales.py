"""Hypothesis plays carts over two partitions against the pure model and the API on real servers.

The negative control stands below: with a defect put into the library or into the code, the same play finds it.
"""

import inspect
import textwrap
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.library import library_text
from engine.settings import Settings
from payments.cart_items import CartItems
from payments.carts import CartPayments
from tests.integration.api.conftest import GatewayLedger
from tests.support.api.cart_entities import HELD, Payment, Seat, Standing, Taking
from tests.support.api.cart_fixtures import LONG_WAIT_MS, SEATS, SHORT_WAIT_MS, CartStage
from tests.support.api.cart_model_vs_api import CartWorld, Disagreement
from tests.support.effort import effort
from tests.support.repeatable_play import play_again, play_until_it_fails

pytestmark = pytest.mark.single_server(
    "time passes in one step for carts and partitions, by a script over all their keys"
)

RUNS, STEPS = effort(8, 30), 20
RUNS_TO_FIND_A_DEFECT = 60

names = st.sampled_from("aaabbc")
shows = st.integers(0, 1)
places = st.integers(0, SEATS - 1)
seats = st.builds(Seat, places, st.sampled_from([0, 0, 1]))
standing = st.builds(Standing, st.integers(1, 4))
wishes = st.tuples(shows, seats) | st.tuples(st.just(1), standing)
outcomes = st.sampled_from(["completed", "failed"])
latest = st.sampled_from([0, 0, 0, 1, 1, 2])
"""The time since something was taken or booked."""


class CartSales(RuleBasedStateMachine):
    """Three carts and two customers without one, and time that passes."""

    def __init__(self, stage: CartStage, ledger: GatewayLedger) -> None:
        super().__init__()
        self.world = CartWorld(stage, ledger)

    @rule(name=names, wish=wishes)
    def takes(self, name: str, wish: tuple[int, Seat | Standing]) -> None:
        self.world.add(name, *wish)

    @rule(name=names, first=seats, second=seats | standing)
    def takes_of_both(self, name: str, first: Seat, second: Seat | Standing) -> None:
        self.world.add(name, 0, first)
        self.world.add(name, 1, second)

    @rule(name=names, first=seats, second=seats | standing, more=wishes | st.none())
    def hesitates(
        self, name: str, first: Seat, second: Seat | Standing, more: tuple[int, Seat | Standing] | None
    ) -> None:
        """A part with short holds expires, and the whole cart with it."""
        self.takes_of_both(name, first, second)
        self.world.wait(2 * SHORT_WAIT_MS)
        if more:
            self.world.add(name, *more)
        self.world.book(name)

    @rule(name=names, show=shows, seat=places)
    def gives_back(self, name: str, show: int, seat: int) -> None:
        self.world.remove(name, show, seat)

    @rule(name=names)
    def gives_standing_room_back(self, name: str) -> None:
        self.world.remove_standing(name, 1)

    @rule(name=names, first=seats, second=standing)
    def changes_its_mind(self, name: str, first: Seat, second: Standing) -> None:
        """A part is emptied and comes back, and the rest stays."""
        self.world.add(name, 0, first)
        self.world.add(name, 1, second)
        self.world.remove_standing(name, 1)
        self.world.add(name, 1, second)

    @rule(name=names)
    def discards(self, name: str) -> None:
        self.world.discard(name)

    @rule(name=names)
    def books(self, name: str) -> None:
        self.world.book(name)

    @rule(name=names, first=seats, second=seats | standing)
    def books_while_a_part_is_paid_alone(self, name: str, first: Seat, second: Seat | Standing) -> None:
        """The second part refuses, and the first is not pinned either."""
        self.takes_of_both(name, first, second)
        held = self._held(1)
        if held:
            self.world.begin_alone(held[-1])
        self.world.book(name)

    @rule(name=names, first=seats, second=seats | standing)
    def takes_again_what_was_cancelled(self, name: str, first: Seat, second: Seat | Standing) -> None:
        """A part is cancelled as a reservation and comes back, and the rest stays."""
        self.takes_of_both(name, first, second)
        held = self._held(1)
        if held:
            self.world.cancel(held[-1])
        self.world.add(name, 1, second)

    @rule(name=names, first=seats, second=seats | standing, outcome=outcomes)
    def books_and_is_called_back(self, name: str, first: Seat, second: Seat | Standing, outcome: str) -> None:
        """A whole sale at once."""
        self.takes_of_both(name, first, second)
        self.world.book(name)
        payment = self.world.model.carts[name].payment if name in self.world.model.carts else None
        if payment is not None:
            self.world.end(payment, outcome)

    @rule(customer=st.sampled_from("uv"), wish=wishes)
    def takes_without_a_cart(self, customer: str, wish: tuple[int, Seat | Standing]) -> None:
        self.world.reserve(wish[0], customer, wish[1])

    @precondition(lambda self: self.world.model.payments)
    @rule(ago=latest, outcome=outcomes)
    def is_called_back(self, ago: int, outcome: str) -> None:
        self.world.end(self._payment(ago), outcome)

    @precondition(lambda self: self.world.model.payments)
    @rule(ago=latest, before=st.booleans(), outcome=outcomes)
    def is_called_back_by_who_has_the_money(self, ago: int, before: bool, outcome: str) -> None:
        """It came before the payment failed here, or after."""
        payment = self._payment(ago)
        if not before:
            self.world.end(payment, "failed")
        self.world.take_money(payment)
        self.world.end(payment, outcome)

    @precondition(lambda self: self.world.model.takings)
    @rule(ago=latest)
    def cancels(self, ago: int) -> None:
        self.world.cancel(self._taking(ago))

    @precondition(lambda self: any(taking.state == HELD for taking in self.world.model.takings))
    @rule(ago=latest)
    def begins_to_pay_alone(self, ago: int) -> None:
        held = [taking for taking in self.world.model.takings if taking.state == HELD]
        self.world.begin_alone(held[-1 - ago % len(held)])

    @precondition(lambda self: self.world.paid_alone())
    @rule(paid=st.booleans())
    def pays_alone(self, paid: bool) -> None:
        self.world.end_alone(self.world.paid_alone()[0], paid=paid)

    @rule(passed_ms=st.sampled_from([SHORT_WAIT_MS, SHORT_WAIT_MS, LONG_WAIT_MS]))
    def waits(self, passed_ms: int) -> None:
        self.world.wait(passed_ms)

    @invariant()
    def conserves_stock(self) -> None:
        self.world.check_invariants()

    def _held(self, show: int) -> list[Taking]:
        return [taking for taking in self.world.model.takings if taking.state == HELD and taking.show == show]

    def _payment(self, ago: int) -> Payment:
        payments = self.world.model.payments
        return payments[-1 - ago % len(payments)]

    def _taking(self, ago: int) -> Taking:
        takings = self.world.model.takings
        return takings[-1 - ago % len(takings)]


@pytest.fixture
def cart_settings(settings: Settings, unsynced_settings: Settings) -> Settings:
    return settings


@pytest.mark.timeout(300)
def test_api_and_model_agree_after_every_step(cart_settings: Settings, ledger: GatewayLedger) -> None:
    with CartStage(cart_settings, ledger.data_file) as stage:
        play_again(lambda: CartSales(stage, ledger), RUNS, STEPS)
        assert stage.dead_letters() == 0


class Defect(NamedTuple):
    """Text of the library, or of a function of ours, and what it is replaced by."""

    name: str
    text: str
    instead: str
    owner: Any = None
    function: str = ""


DEFECTS = [
    Defect(
        "later items move the deadline",
        "  if cart.has[event] then",
        "  cart.deadline_ms = now_ms + tonumber(hold_ms)\n  if cart.has[event] then",
    ),
    Defect("a payment is completed and failed", "(cart.state ~= from and cart.state ~= to)", "cart.state == 'none'"),
    Defect(
        "an expired hold is booked",
        "if now_ms >= cart.deadline_ms then\n      return 'expired'",
        "if false then\n      return 'expired'",
    ),
    Defect("one event is pinned and the other is not", "nothing = None", "return None", CartPayments, "_pin_all"),
    Defect(
        "the first stays pinned when the second refuses",
        "cart.reservation_ids)",
        "cart.reservation_ids[1:])",
        CartPayments,
        "_unpin_all",
    ),
    Defect("one event is not given back", "cart.reservation_ids)", "cart.reservation_ids[:1])", CartPayments, "_apply"),
    Defect(
        "a part that was cancelled takes the rest with it",
        "gone_part = cart.parts[event_id]",
        "gone = cart.generation",
        CartItems,
        "add",
    ),
    Defect(
        "the rest of a cart outlives its deadline",
        "Shorten(one, deadline_ms)",
        "Shorten(one, 2**50)",
        CartItems,
        "_shorten",
    ),
]


@pytest.mark.damages_keys
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name.replace(" ", "-"))
def test_defect_is_found(
    cart_settings: Settings, ledger: GatewayLedger, monkeypatch: pytest.MonkeyPatch, defect: Defect
) -> None:
    if defect.owner is None:
        text = library_text()
        assert defect.text in text, "the library changed; choose another line to break"
        monkeypatch.setattr("engine.library.library_text", lambda: text.replace(defect.text, defect.instead))
    else:
        whole = getattr(defect.owner, defect.function)
        source = textwrap.dedent(inspect.getsource(whole))
        assert defect.text in source, "the code changed; choose another line to break"
        broken: dict[str, Any] = {}
        exec(source.replace(defect.text, defect.instead), whole.__globals__, broken)  # noqa: S102  # our own code
        monkeypatch.setattr(defect.owner, defect.function, broken[defect.function])
    with CartStage(cart_settings, ledger.data_file) as stage, pytest.raises(Disagreement):
        play_until_it_fails(lambda: CartSales(stage, ledger), RUNS_TO_FIND_A_DEFECT, STEPS)
