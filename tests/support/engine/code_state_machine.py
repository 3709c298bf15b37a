"""Random sales with codes: all that is done to sales, with codes that come, change and go, and are named."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from msgspec.structs import replace

from engine.commands.codes import PutCodes
from engine.commands.command import Command
from engine.commands.exchanges import Exchange
from engine.commands.holds import Add, Cancel, Hold, Replace
from engine.commands.items import ANY_TOTAL, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, RefundSome, Restock
from engine.terms import CodeTerms
from engine.words import CodeKind, DiscountForm, FailureReason
from tests.support.engine.model_vs_server import World
from tests.support.engine.state_machine import Sales
from tests.support.engine.strategies import (
    EVENTS,
    ITS_OWN,
    LONG_MS,
    NEXT,
    OWN,
    PAST_MS,
    POOLS,
    RIGHT,
    SHORT_MS,
    SOON,
    events,
    holds,
    put_event,
)

SALE, GUESTS, FANS, AGAIN = "SALE", "GUESTS", "FANS", "AGAIN"

uses, most = st.sampled_from([0, 0, 1, 2]), st.sampled_from([0, 0, 0, 1, 2])
untils = st.sampled_from([0, 0, 0, SOON, PAST_MS])
withdrawn = st.sampled_from([False] * 5 + [True])
named = st.sampled_from(["", SALE, SALE, GUESTS, GUESTS, FANS])

sales = st.builds(
    CodeTerms,
    st.just(CodeKind.DISCOUNT),
    st.sampled_from([[], [], [1], [4, 5], [2]]),
    uses,
    most,
    st.just(0),
    untils,
    st.sampled_from(["", "", "u"]),
    st.sampled_from([DiscountForm.PERCENT, DiscountForm.PERCENT, DiscountForm.AMOUNT_OFF, DiscountForm.PRICE]),
    st.sampled_from([33, 50, 100]),
    st.sampled_from([0, 0, 60, 150]),
    withdrawn=withdrawn,
)
guests = st.builds(
    CodeTerms,
    st.just(CodeKind.ALLOCATION),
    st.just([1]),
    uses,
    most,
    st.just(0),
    untils,
    places=st.integers(1, 4),
    withdrawn=withdrawn,
)
fans = st.builds(
    CodeTerms,
    st.just(CodeKind.ACCESS),
    st.sampled_from([[], [2], [1, 5]]),
    uses,
    most,
    st.just(0),
    untils,
    opens_ms=st.sampled_from([0, PAST_MS]),
    withdrawn=withdrawn,
)
again = st.sampled_from(
    [
        CodeTerms(CodeKind.DISCOUNT, [1], form=DiscountForm.PERCENT, amount=50),
        CodeTerms(CodeKind.ACCESS),
        CodeTerms(CodeKind.ALLOCATION, [1], places=2),
    ]
)
news = st.booleans()
endings = st.sampled_from(["cancel", "fail", "refund", "keep"])
puts = (
    st.builds(PutCodes, events, sales, st.just([SALE]), news)
    | st.builds(PutCodes, events, guests, st.just([GUESTS]), news)
    | st.builds(PutCodes, events, fans, st.just([FANS]), news)
)


class CodedSales(Sales):
    """Commands that take something name the code of the moment, if any."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.code = ""

    def resolve(self, command: Command[Any], event_id: int) -> Command[Any]:
        if isinstance(command, PutCodes) and command.terms.until_ms == SOON:
            return replace(command, terms=replace(command.terms, until_ms=self.world.now_ms + SHORT_MS))
        resolved = super().resolve(command, event_id)
        return replace(resolved, code=self.code) if isinstance(resolved, Hold | Add) else resolved

    @initialize(terms=sales, places=st.integers(1, 3))
    def begins_with_codes(self, terms: CodeTerms, places: int) -> None:
        for event_id in EVENTS:
            self.step(PutCodes(event_id, replace(terms, withdrawn=False, until_ms=0), [SALE]))
        self.step(PutCodes(EVENTS[0], CodeTerms(CodeKind.ALLOCATION, [1], places=places), [GUESTS]))
        self.step(PutCodes(EVENTS[0], CodeTerms(CodeKind.ACCESS), [FANS]))

    @rule(code=named)
    def names_another_code(self, code: str) -> None:
        self.code = code

    @rule(command=puts)
    def puts_a_code(self, command: PutCodes) -> None:
        self.step(command)

    @rule(
        event_id=events,
        code=st.sampled_from([SALE, GUESTS]),
        ends=st.sampled_from(["cancel", "fail", "refund", "keep"]),
    )
    def uses_a_code_once(self, event_id: int, code: str, ends: str) -> None:
        """A code that has one use, taken by two; what the first gives back, a third has."""
        free = [self.taken_of(event_id, pool) + 4 for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=100))
        places = 1 + self.world.model.use(event_id, GUESTS).taken
        wanted = {
            SALE: CodeTerms(CodeKind.DISCOUNT, form=DiscountForm.PERCENT, amount=50),
            GUESTS: CodeTerms(CodeKind.ALLOCATION, [1], places=places),
        }[code]
        uses = self.world.model.use(event_id, code).uses + 1
        self.step(PutCodes(event_id, replace(wanted, max_uses=uses), [code]))
        self.code = code
        hold = Hold(NEXT, event_id, "u", "{}", "one", items_text([(1, 1)]))
        self.step(hold, replace(hold, reservation_id=f"{NEXT}1", customer_id="v"))
        first = "last but one"
        if ends == "cancel":
            self.step(Cancel(first))
        elif ends == "fail":
            self.step(BeginPayment(first, "pay-a", RIGHT, "one"))
            self.step(FailPayment(first, "pay-a", FailureReason.PAYMENT_FAILED, give_back=True))
        else:
            self.step(BeginPayment(first, "pay-a", RIGHT, "one"), ConfirmPayment(first, "pay-a"))
        if ends == "refund":
            self.step(Refund(first, restock=True))
        elif ends == "keep":
            self.step(Refund(first, restock=False))
            self.step(Restock(first))
        self.step(replace(hold, customer_id="w"))

    @rule(event_id=events, first=again, then=again)
    def makes_a_code_again(self, event_id: int, first: CodeTerms, then: CodeTerms) -> None:
        """It is withdrawn, and its text is used for another one, before late money comes for a hold under it."""
        free = [self.taken_of(event_id, pool) + 8 for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=100))
        self._makes_again(event_id, first)
        self.code = AGAIN
        self.step(Hold(NEXT, event_id, "u", "{}", "one", items_text([(1, 1), (2, 1)])))
        self.step(BeginPayment("last", "pay-a", RIGHT, "one"))
        self.step(FailPayment("last", "pay-a", FailureReason.PAYMENT_FAILED, give_back=True))
        self._makes_again(event_id, then)
        self.step(ConfirmPayment("last", "pay-a"))
        self.step(Hold(NEXT, event_id, "v", "{}", "one", items_text([(1, 1)])))
        self.step(Refund("last but one", restock=True))

    def _makes_again(self, event_id: int, terms: CodeTerms) -> None:
        known = self.world.model.codes.get((event_id, AGAIN))
        if known:
            self.step(PutCodes(event_id, replace(known.terms, withdrawn=True), [AGAIN]))
        self.step(PutCodes(event_id, terms, [AGAIN], True))

    @rule(event_id=events, restock=st.booleans(), then=st.permutations(["exchange", "restock", "refund"]))
    def leaves_a_code_in_parts(self, event_id: int, *, restock: bool, then: list[str]) -> None:
        """Some of the places go back to the shop, the rest is exchanged for what is not under the code."""
        free = [self.taken_of(event_id, pool) + 4 for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=100))
        half = CodeTerms(CodeKind.DISCOUNT, [1], form=DiscountForm.PERCENT, amount=50)
        self.step(PutCodes(event_id, half, [SALE]))
        self.code = SALE
        self.step(Hold(NEXT, event_id, "u", "{}", "one", items_text([(1, 2)])))
        self.step(BeginPayment("last", "pay-a", RIGHT, "one"), ConfirmPayment("last", "pay-a"))
        self.step(RefundSome("last", "refund-a", restock, [(1, 1)]))
        for what in then:
            if what == "exchange":
                self.step(Exchange("last", "exchange", items_text([(2, 1)]), ANY_TOTAL, True, True, "one"))
                self.step(ConfirmPayment("last", "exchange"))
            else:
                self.step(Restock("last") if what == "restock" else Refund("last", restock=False))

    @rule(event_id=events, budget=st.sampled_from([49, 50, 100, 149]), changed=st.booleans())
    def spends_a_budget(self, event_id: int, budget: int, changed: bool) -> None:
        free = [self.taken_of(event_id, pool) + 8 for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=100))
        spent = self.world.model.use(event_id, SALE).spent
        terms = CodeTerms(CodeKind.DISCOUNT, form=DiscountForm.PERCENT, amount=50, budget_minor=spent + budget)
        self.step(PutCodes(event_id, terms, [SALE]))
        self.code = SALE
        hold = Hold(NEXT, event_id, "u", "{}", "one", items_text([(1, 1)]))
        self.step(hold)
        if changed:
            self.step(Replace("last", event_id, ITS_OWN, items_text([(1, 3)])))
            self.step(Add("last", event_id, "u", "{}", (1, 2)))
        self.step(BeginPayment("last", "pay-a", RIGHT, "one"), ConfirmPayment("last", "pay-a"))
        self.step(RefundSome("last", "refund-a", True, [(1, 1)]))
        self.step(hold)

    @rule(event_id=events, command=holds, left=st.integers(1, 3))
    def an_allotment_ends(self, event_id: int, command: Hold, left: int) -> None:
        """Places set aside are on sale at that instant; places held under the code go there later."""
        free = [self.taken_of(event_id, pool) + left for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=100))
        places = left + self.world.model.use(event_id, GUESTS).taken
        terms = CodeTerms(CodeKind.ALLOCATION, [1], places=places, until_ms=SOON)
        self.step(PutCodes(event_id, terms, [GUESTS]))
        self.code = GUESTS
        wanted = replace(command, reservation_id=NEXT, event_id=event_id, expected_minor=ANY_TOTAL)
        self.step(replace(wanted, items=items_text([(1, 1)])))
        self.code = ""
        self.step(replace(wanted, items=items_text([(1, 1)])))
        self.world.wait_past(SHORT_MS)
        self.step(replace(wanted, items=items_text([(1, 1)])))
        self.step(Cancel("last but one"), Cancel("last but two"))

    @rule(event_id=events, own=st.sampled_from(OWN[:3]), window=st.sampled_from([(0, 0), (4_000_000_000_000, 0)]))
    def opens_what_is_closed(self, event_id: int, own: Any, window: tuple[int, int]) -> None:
        free = [self.taken_of(event_id, pool) + 4 for pool in POOLS]
        self.step(put_event(event_id, free, LONG_MS, limit=100, own=own, window=window))
        self.step(PutCodes(event_id, CodeTerms(CodeKind.ACCESS, [2], opens_ms=PAST_MS), [FANS]))
        for code in (FANS, ""):
            self.code = code
            hold = Hold(NEXT, event_id, "u", "{}", "one", items_text([(2, 1)]))
            self.step(hold, replace(hold, reservation_id=f"{NEXT}1", items=items_text([(2, 1), (1, 1)])))
        self.step(put_event(event_id, free, LONG_MS, limit=100))
