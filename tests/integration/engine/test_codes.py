"""Codes on a real server: who may use them, what they cost and save, and that nothing of them is used twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from engine.commands.codes import FindCode, PutCodes
from engine.commands.exchanges import Exchange
from engine.commands.holds import Remove, Replace
from engine.commands.items import BestSeats, NamedSeats, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund, RefundSome
from engine.commands.seats import BlockSeats
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.codes import CodeFound, CodeNotApplicable, CodesPut, CodeUnknown, CodeUsedUp
from engine.results.events import InUse, NotOnSaleYet, UnknownPool
from engine.results.exchanges import Exchanged
from engine.results.holds import Cancelled, Held, PriceChanged
from engine.results.payments import AmountMismatch, Paid
from engine.results.refunds import RefundDue
from engine.results.seats import SeatTaken
from engine.settings import Settings
from engine.stock import SectionSeats
from engine.terms import CodeTerms, OwnTerms
from engine.words import CodeKind, DiscountForm, EventStatus, State
from tests.support.engine.coded_event import (
    ACCESS,
    CODE,
    EVENT,
    HALF,
    PRICE,
    REGULAR,
    SECTION,
    STALLS,
    VIP,
    CodedEvent,
)
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000


@pytest.fixture
async def engine(unsynced_settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(unsynced_settings) as engine:
        yield engine


@pytest.fixture
async def event(engine: Engine) -> CodedEvent:
    event = CodedEvent(engine)
    await event.publish()
    return event


# Who may use a code


async def test_every_wrong_code_has_the_same_answer(event: CodedEvent) -> None:
    now_ms = await event.now_ms()
    await event.put(replace(HALF, from_ms=now_ms + HOUR_MS), "EARLY")
    await event.put(replace(HALF, until_ms=now_ms), "LATE")
    await event.put(replace(HALF, customer_id="ben"), "BENS")
    await event.put(replace(HALF, withdrawn=True), "GONE")
    for code in ("NEVER", "EARLY", "LATE", "BENS", "GONE", "fan27"):
        assert await event.try_hold(code=code) == CodeUnknown(), code
    assert isinstance(await event.try_hold(code="BENS", customer="ben"), Held)
    assert (await event.stock()).held == 1


async def test_a_code_of_another_event_is_unknown(event: CodedEvent, engine: Engine) -> None:
    other = CodedEvent(engine, EVENT + 16)
    await other.publish()
    await other.put(HALF)
    assert await event.try_hold() == CodeUnknown()
    assert isinstance(await other.try_hold(), Held)


@pytest.mark.parametrize(("terms", "most"), [(replace(HALF, ticket_ids=[VIP]), 0), (replace(HALF, max_places=2), 2)])
async def test_a_code_is_for_some_tickets_and_so_many_places(event: CodedEvent, terms: CodeTerms, most: int) -> None:
    await event.put(terms)
    assert await event.try_hold(3, ticket=REGULAR) == CodeNotApplicable(most)
    assert isinstance(await event.try_hold(2), Held)


# Prices


@pytest.mark.parametrize(
    ("form", "amount", "price"),
    [
        (DiscountForm.PERCENT, 50, 5000),
        (DiscountForm.PERCENT, 33, 6700),
        (DiscountForm.PERCENT, 100, 0),
        (DiscountForm.AMOUNT_OFF, 1, 9999),
        (DiscountForm.AMOUNT_OFF, 20_000, 0),
        (DiscountForm.PRICE, 1500, 1500),
        (DiscountForm.PRICE, 20_000, 10_000),
    ],
)
async def test_a_discount_is_taken_off_each_place(
    event: CodedEvent, form: DiscountForm, amount: int, price: int
) -> None:
    await event.put(CodeTerms(CodeKind.DISCOUNT, form=form, amount=amount))
    record = await event.record(await event.hold(2))
    assert (record.lines[0].unit_minor, record.lines[0].off_minor) == (price, PRICE - price)
    assert (await event.counts()).spent_minor == 2 * (PRICE - price)


async def test_a_discount_is_rounded_down(event: CodedEvent) -> None:
    await event.change(tickets=[replace(event.terms.tickets[0], unit_minor=999), *event.terms.tickets[1:]])
    await event.put(replace(HALF, amount=10))
    assert (await event.record(await event.hold())).total_minor == 900


async def test_the_price_is_fixed_in_the_hold(event: CodedEvent) -> None:
    await event.put(HALF)
    rid = await event.hold()
    await event.put(replace(HALF, amount=10))
    await event.put(replace(HALF, withdrawn=True))
    assert await event.try_hold() == CodeUnknown()
    await event.pay(rid)
    paid = await event.record(rid)
    assert (paid.state, paid.total_minor) == (State.PAID, PRICE // 2)
    refunded = await event.engine.submit(Refund(rid, restock=True))
    assert isinstance(refunded, RefundDue)
    assert refunded.record.attempts[0].refunds[0].amount_minor == PRICE // 2


async def test_the_expected_total_is_the_one_under_the_code(event: CodedEvent) -> None:
    await event.put(HALF)
    assert await event.try_hold(expected_minor=PRICE) == PriceChanged(PRICE // 2, "EUR")
    assert isinstance(await event.try_hold(expected_minor=PRICE // 2), Held)


async def test_seats_come_under_a_code(event: CodedEvent) -> None:
    await event.put(replace(HALF, ticket_ids=[STALLS]))
    wish = items_text([NamedSeats(STALLS, 2, SECTION, [1, 2]), (VIP, 1)])
    record = await event.record(await event.hold(wish=wish))
    assert [(line.unit_minor, line.off_minor) for line in record.lines] == [(5000, 5000), (PRICE, None)]
    best = await event.record(await event.hold(wish=items_text([BestSeats(STALLS, 2, True)])))
    assert best.lines[0].unit_minor == 5000
    assert (await event.counts()).held == 4


# Uses


async def test_uses_are_taken_and_given_back_with_the_places(event: CodedEvent) -> None:
    await event.put(replace(HALF, max_uses=1))
    rid = await event.hold()
    assert await event.try_hold() == CodeUsedUp()
    await event.cancel(rid)
    rid = await event.hold(hold_ms=1)
    await wait_until(lambda: _lets(event), 10)
    assert (await event.record(rid)).state is State.EXPIRED


async def _lets(event: CodedEvent) -> bool:
    return isinstance(await event.try_hold(), Held)


async def test_a_use_is_given_back_by_a_failed_payment_and_by_a_refund(event: CodedEvent) -> None:
    await event.put(replace(HALF, max_uses=1))
    rid = await event.hold()
    await event.engine.submit(BeginPayment(rid, "pay", PRICE // 2, "d"))
    assert await event.try_hold() == CodeUsedUp()
    await event.engine.submit(FailPayment(rid, "pay", "card_declined", give_back=True))
    rid = await event.hold()
    await event.pay(rid)
    assert await event.try_hold() == CodeUsedUp()
    assert (await event.counts()).sold == 1
    await event.engine.submit(Refund(rid, restock=False))
    assert (await event.counts()).uses == 0
    assert isinstance(await event.try_hold(), Held)


async def test_a_repeat_is_no_second_use(event: CodedEvent) -> None:
    await event.put(replace(HALF, max_uses=1))
    rid = await event.hold()
    await event.hold(rid=rid)
    assert (await event.counts()).uses == 1


@pytest.mark.parametrize("uses", [1, 3])
async def test_no_crowd_uses_a_code_more_often(event: CodedEvent, uses: int) -> None:
    await event.put(replace(HALF, max_uses=uses))
    results = await asyncio.gather(*(event.try_hold(customer=f"c{number}") for number in range(200)))
    assert Counter(type(result) for result in results) == {Held: uses, CodeUsedUp: 200 - uses}
    assert (await event.counts()).uses == uses == (await event.stock()).held


async def test_late_money_finds_the_use_gone(event: CodedEvent) -> None:
    await event.put(replace(HALF, max_uses=1))
    rid = await event.hold()
    await event.engine.submit(BeginPayment(rid, "pay", PRICE // 2, "d"))
    await event.engine.submit(FailPayment(rid, "pay", "payment_failed", give_back=True))
    other = await event.hold(customer="ben")
    await event.engine.submit(FailPayment(rid, "pay", "payment_failed"))
    assert (await event.counts()).uses == 1
    await event.cancel(other)


async def test_late_money_that_still_buys_uses_the_code(event: CodedEvent) -> None:
    await event.put(replace(HALF, max_uses=1))
    rid = await event.hold()
    await event.engine.submit(BeginPayment(rid, "pay", PRICE // 2, "d"))
    await event.engine.submit(FailPayment(rid, "pay", "payment_failed", give_back=True))
    assert (await event.counts()).uses == 0
    assert isinstance(await event.engine.submit(ConfirmPayment(rid, "pay")), Paid)
    assert ((await event.counts()).uses, (await event.counts()).sold) == (1, 1)
    assert await event.try_hold() == CodeUsedUp()


# Budgets


async def test_a_budget_is_never_exceeded(event: CodedEvent) -> None:
    await event.put(replace(HALF, budget_minor=12_499))
    results = await asyncio.gather(*(event.try_hold(customer=f"c{number}") for number in range(50)))
    assert Counter(type(result) for result in results) == {Held: 2, CodeUsedUp: 48}
    assert (await event.counts()).spent_minor == 10_000
    assert isinstance(await event.try_hold(ticket=REGULAR), CodeUsedUp)


async def test_a_part_that_is_refunded_gives_its_budget_back(event: CodedEvent) -> None:
    await event.put(replace(HALF, budget_minor=10_000))
    rid = await event.hold(2)
    await event.pay(rid)
    assert await event.try_hold() == CodeUsedUp()
    result = await event.engine.submit(RefundSome(rid, "r1", True, [(VIP, 1)]))
    assert isinstance(result, RefundDue)
    counts = await event.counts()
    assert (counts.uses, counts.spent_minor, counts.sold) == (1, 5000, 1)
    assert isinstance(await event.try_hold(), Held)


# Access


async def test_an_access_code_opens_a_hidden_ticket(event: CodedEvent) -> None:
    hidden = replace(event.terms.tickets[0], own=OwnTerms(hidden=True))
    await event.change(tickets=[hidden, *event.terms.tickets[1:]])
    await event.put(replace(ACCESS, ticket_ids=[VIP]))
    await event.put(HALF, "CHEAP")
    assert await event.try_hold(code="") == UnknownPool(VIP)
    assert await event.try_hold(code="CHEAP") == UnknownPool(VIP)
    assert isinstance(await event.try_hold(), Held)


async def test_an_access_code_opens_the_sale_earlier_for_its_tickets(event: CodedEvent) -> None:
    now_ms = await event.now_ms()
    opens_ms = now_ms + HOUR_MS
    await event.change(opens_ms=opens_ms)
    await event.put(replace(ACCESS, ticket_ids=[VIP], opens_ms=now_ms + HOUR_MS // 2), "SOON")
    await event.put(replace(ACCESS, ticket_ids=[VIP], opens_ms=now_ms))
    await event.put(ACCESS, "HIDDEN")
    assert await event.try_hold(code="") == NotOnSaleYet(opens_ms)
    assert await event.try_hold(code="HIDDEN") == NotOnSaleYet(opens_ms)
    assert await event.try_hold(code="SOON") == NotOnSaleYet(now_ms + HOUR_MS // 2)
    assert isinstance(await event.try_hold(), Held)
    both = items_text([(VIP, 1), (REGULAR, 1)])
    assert await event.try_hold(wish=both) == NotOnSaleYet(opens_ms)
    await event.change(status=EventStatus.DRAFT)
    assert await event.try_hold() == NotOnSaleYet(0)


# Changes of a hold


async def test_a_cart_item_comes_under_a_code(event: CodedEvent) -> None:
    await event.put(replace(HALF, max_uses=1))
    rid = await event.hold(1, code="")
    result = await event.add(rid, (VIP, 3))
    assert isinstance(result, Held)
    assert [(line.quantity, line.unit_minor) for line in result.record.lines] == [(1, PRICE), (2, PRICE // 2)]
    assert (await event.counts()).uses == 1
    await event.put(HALF, "OTHER")
    assert await event.add(rid, (VIP, 4), "OTHER") == CodeNotApplicable(0)
    fewer = await event.add(rid, (VIP, 1), "")
    assert isinstance(fewer, Held)
    assert fewer.record.code is None
    assert (await event.counts()).uses == 0


async def test_a_seat_that_is_removed_leaves_the_code(event: CodedEvent) -> None:
    await event.put(HALF)
    rid = await event.hold(wish=items_text([NamedSeats(STALLS, 2, SECTION, [1, 2])]))
    assert isinstance(await event.engine.submit(Remove(rid, SECTION, [1])), Held)
    assert (await event.counts()).held == 1
    assert isinstance(await event.engine.submit(Remove(rid, SECTION, [2])), Cancelled)
    assert (await event.counts()).uses == 0


# Making codes


async def test_a_new_code_is_not_there_yet(event: CodedEvent) -> None:
    await event.put(HALF, is_new=True)
    assert isinstance(await event.try_put(HALF, is_new=True), CodesPut), "again"
    other = replace(HALF, amount=10)
    assert await event.try_put(other, "NEW", CODE, is_new=True) == InUse()
    assert await event.try_hold(code="NEW") == CodeUnknown()
    rid = await event.hold()
    await event.put(replace(HALF, withdrawn=True))
    assert await event.try_put(other, is_new=True) == InUse()
    await event.cancel(rid)
    await event.put(other, is_new=True)


async def test_an_offer_tells_what_a_code_opens(event: CodedEvent) -> None:
    await event.put(replace(HALF, ticket_ids=[VIP, STALLS], max_uses=1, max_places=4))
    found = await event.engine.submit(FindCode(EVENT, CODE, "anna"))
    assert isinstance(found, CodeFound)
    offered = [(ticket.ticket_id, ticket.unit_minor, ticket.full_minor, ticket.available) for ticket in found.tickets]
    assert offered == [(VIP, 5000, PRICE, 100), (STALLS, 5000, PRICE, 8)]
    assert (found.kind, found.opens_ms, found.until_ms, found.max_places) == (CodeKind.DISCOUNT, 0, 0, 4)
    await event.hold()
    assert await event.engine.submit(FindCode(EVENT, CODE, "anna")) == CodeUsedUp()
    assert await event.engine.submit(FindCode(EVENT, "OTHER", "anna")) == CodeUnknown()


async def test_many_codes_are_made_at_once(event: CodedEvent) -> None:
    names = [f"C{number}" for number in range(1000)]
    event.capacity = 1000
    await event.change()
    await event.engine.submit(PutCodes(EVENT, replace(HALF, max_uses=1), names))
    holds = [event.try_hold(code=name, customer=name) for name in names[:300]]
    assert all(isinstance(result, Held) for result in await asyncio.gather(*holds))
    assert await event.try_hold(code=names[0]) == CodeUsedUp()


async def test_blocked_seats_under_a_code_are_changed_for_others(event: CodedEvent) -> None:
    await event.put(HALF)
    seats = [SectionSeats(SECTION, [1, 2])]
    await event.engine.submit(BlockSeats(EVENT, seats, True))
    rid = await event.hold(wish=items_text([NamedSeats(STALLS, 2, SECTION, [1, 2])]), from_blocked=True)
    for wish in ([NamedSeats(STALLS, 1, SECTION, [2])], [(VIP, 1)]):
        changed = await event.engine.submit(Replace(rid, EVENT, "anna", items_text(wish)))
        assert isinstance(changed, Held)
        assert isinstance(await event.try_hold(wish=items_text([NamedSeats(STALLS, 1, SECTION, [1])])), SeatTaken)
    rid = await event.hold(wish=items_text([NamedSeats(STALLS, 2, SECTION, [1, 2])]), from_blocked=True)
    await event.pay(rid)
    for wish in ([NamedSeats(STALLS, 1, SECTION, [2])], [(VIP, 1)]):
        swap = Exchange(rid, new_reservation_id(EVENT), items_text(wish), -1, False, True, "d")
        assert isinstance(await event.engine.submit(swap), Exchanged | AmountMismatch)
        assert isinstance(await event.try_hold(wish=items_text([NamedSeats(STALLS, 1, SECTION, [1])])), SeatTaken)
