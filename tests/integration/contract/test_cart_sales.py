"""Hypothesis plays carts over two partitions against the pure model and the API on real servers.

The negative control stands below: with a defect put into the library or into the code, the same play finds it.
"""

import inspect
import textwrap
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import api.carts
from engine.library import library_text
from engine.settings import Settings
from sync.carts import CartPayments
from tests.integration.contract.cart_stage import LONG_WAIT_MS, SEATS, SHORT_WAIT_MS, CartStage
from tests.integration.contract.cart_takings import HELD, Payment, Seat, Standing, Taking
from tests.integration.contract.cart_world import CartWorld, Disagreement
from tests.integration.contract.conftest import GatewayLedger

RUNS, STEPS = 30, 20

names = st.sampled_from("aaabbc")
shows = st.integers(0, 1)
places = st.integers(0, SEATS - 1)
seats = st.builds(Seat, places, st.sampled_from([0, 0, 1]))
standing = st.builds(Standing, st.integers(1, 4))
wishes = st.tuples(shows, seats) | st.tuples(st.just(1), standing)
outcomes = st.sampled_from(["completed", "failed"])
latest = st.sampled_from([0, 0, 0, 1, 1, 2])
"""How long ago something was taken or booked."""


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
        """What can be held for a short time only runs out, and the cart lives on."""
        self.takes_of_both(name, first, second)
        self.world.wait(2 * SHORT_WAIT_MS)
        if more:
            self.world.add(name, *more)
        self.world.book(name)

    @rule(name=names, show=shows, seat=places)
    def gives_back(self, name: str, show: int, seat: int) -> None:
        self.world.remove(name, show, seat)

    @rule(name=names)
    def books(self, name: str) -> None:
        self.world.book(name)

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

    def _payment(self, ago: int) -> Payment:
        payments = self.world.model.payments
        return payments[-1 - ago % len(payments)]

    def _taking(self, ago: int) -> Taking:
        takings = self.world.model.takings
        return takings[-1 - ago % len(takings)]


def play(stage: CartStage, ledger: GatewayLedger, phases: tuple[Phase, ...]) -> None:
    """Plays the same runs every time. A failure tells all that was done in its run, and the blob that repeats it."""
    run_state_machine_as_test(
        lambda: CartSales(stage, ledger),  # type: ignore[arg-type]  # anything that makes a machine will do
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            print_blob=True,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def cart_settings(settings: Settings, unsynced_settings: Settings) -> Settings:
    return settings


@pytest.mark.timeout(300)
def test_api_and_model_agree_after_every_step(cart_settings: Settings, ledger: GatewayLedger) -> None:
    with CartStage(cart_settings, ledger.data_file) as stage:
        play(stage, ledger, (Phase.generate,))
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
        "what ran out is booked",
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
    Defect("a cart that lost something takes more", "await _has_lost(engine, cart)", "False", api.carts, "_add"),
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
    with CartStage(cart_settings, ledger.data_file) as stage, pytest.raises((Disagreement, Flaky)):
        play(stage, ledger, (Phase.generate,))
