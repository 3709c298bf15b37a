"""Holds of one call that ask for the same under codes: they share one plan, and each code has limits of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.library import library_text
from engine.results.codes import CodeUnknown, CodeUsedUp
from engine.results.holds import Cancelled, Held, SoldOut
from engine.results.result import Result
from engine.settings import Settings
from tests.support.engine.coded_event import EVENT, HALF, PRICE, CodedEvent, allocation

CODES = ("A", "B", "C")


@asynccontextmanager
async def sale(settings: Settings, capacity: int = 100) -> AsyncIterator[CodedEvent]:
    async with Engine(settings) as engine:
        event = CodedEvent(engine, EVENT)
        await event.publish(capacity)
        yield event


async def at_once(event: CodedEvent, *codes: str, places: int = 1) -> list[Result]:
    """The results of a hold under each of the codes, in one call, of as many customers."""
    holds = (event.try_hold(places, customer=f"c{number}", code=code) for number, code in enumerate(codes))
    return await asyncio.gather(*holds)


def kinds(results: list[Result]) -> Counter[type[Result]]:
    return Counter(type(result) for result in results)


def totals(results: list[Result]) -> list[int | type[Result]]:
    """The prices of the holds; in place of one, why there is none."""
    return [result.record.total_minor if isinstance(result, Held) else type(result) for result in results]


async def each_code_has_its_uses(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(replace(HALF, max_uses=2), *CODES)
        results = await at_once(event, *(CODES * 3))
        assert [type(result) for result in results] == [Held] * 6 + [CodeUsedUp] * 3
        for result, code in zip(results[:6], CODES * 2, strict=True):
            assert isinstance(result, Held)
            assert (result.record.code and result.record.code.code, result.record.total_minor) == (code, PRICE // 2)
        for code in CODES:
            counts = await event.counts(code)
            assert (counts.uses, counts.held, counts.spent_minor) == (2, 2, PRICE)
        assert (await event.stock()).held == 6


async def a_code_that_was_used_up_before_has_no_more(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(replace(HALF, max_uses=2), *CODES)
        assert kinds(await at_once(event, "C", "C")) == {Held: 2}
        assert totals(await at_once(event, "A", "A", "C", "B", "C")) == [5000, 5000, CodeUsedUp, 5000, CodeUsedUp]
        assert [(await event.counts(code)).uses for code in CODES] == [2, 1, 2]


async def a_code_goes_on_from_what_is_stored(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(HALF, *CODES, "D")
        await at_once(event, "B", "C", "C")
        await at_once(event, "A", "A", "D", "B", "C", "C", "B")
        assert [(await event.counts(code)).uses for code in (*CODES, "D")] == [2, 3, 4, 1]


async def places_come_back_to_a_code_in_the_same_call(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(HALF, *CODES)
        rids = [new_reservation_id(EVENT) for _ in CODES]
        with capture_logs() as logs:
            *_, cancelled = await asyncio.gather(
                *(event.hold(rid=rid, customer=code, code=code) for rid, code in zip(rids, CODES, strict=True)),
                event.cancel(rids[-1]),
            )
        assert isinstance(cancelled, Cancelled)
        assert logs == [], "the call raised, and its halves did it"
        assert [(await event.counts(code)).uses for code in CODES] == [1, 1, 0]


async def what_is_stored_names_the_code_of_each(settings: Settings) -> None:
    await _each_record_names_its_code(settings, [""] * len(CODES))


async def each_record_names_its_code_beside_addresses(settings: Settings) -> None:
    """There is no column for those: each of these holds is a command."""
    await _each_record_names_its_code(settings, [f"192.0.2.{number}" for number, _ in enumerate(CODES)])


async def _each_record_names_its_code(settings: Settings, addresses: list[str]) -> None:
    async with sale(settings) as event:
        await event.put(HALF, *CODES)
        rids = await asyncio.gather(
            *(
                event.hold(code=code, customer=code, address=address)
                for code, address in zip(CODES, addresses, strict=True)
            )
        )
        for rid, code in zip(rids, CODES, strict=True):
            record = await event.record(rid)
            assert (record.code and record.code.code, record.customer_id) == (code, code)
            await event.cancel(rid)
            assert (await event.counts(code)).uses == 0


async def a_budget_is_each_codes_own(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(replace(HALF, budget_minor=PRICE + 1), "A", "B")
        assert kinds(await at_once(event, *(["A", "B"] * 4))) == {Held: 4, CodeUsedUp: 4}
        assert [(await event.counts(code)).spent_minor for code in ("A", "B")] == [PRICE, PRICE]


async def an_allotment_has_its_places(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(allocation(5), "A", "B")
        assert kinds(await at_once(event, *(["A", "B"] * 4), places=2)) == {Held: 4, CodeUsedUp: 4}
        stock = await event.stock()
        assert (stock.available, stock.held, stock.kept) == (90, 8, 2)
        assert [(await event.counts(code)).free for code in ("A", "B")] == [1, 1]


async def places_for_sale_are_not_oversold(settings: Settings) -> None:
    async with sale(settings, capacity=4) as event:
        await event.put(HALF, *CODES)
        assert kinds(await at_once(event, *(CODES * 3))) == {Held: 4, SoldOut: 5}


async def other_terms_are_not_shared(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(HALF, "A")
        await event.put(replace(HALF, amount=10), "B")
        await event.put(replace(HALF, customer_id="c3"), "C")
        results = await at_once(event, "A", "A", "B", "C", "A", "B", "C")
        assert totals(results) == [5000, 5000, 9000, 5000, 5000, 9000, CodeUnknown]


async def a_personal_code_is_its_owners(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(replace(HALF, customer_id="c0"), *CODES)
        holds = [("A", "c0"), ("A", "c0"), ("A", "c1"), ("B", "c0"), ("B", "c1"), ("A", "c0"), ("C", "c1")]
        results = await asyncio.gather(*(event.try_hold(1, customer=owner, code=code) for code, owner in holds))
        assert totals(results) == [5000, 5000, CodeUnknown, 5000, CodeUnknown, 5000, CodeUnknown]


async def holds_without_a_code_are_at_ordinary_terms(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(HALF, "A")
        results = await at_once(event, "A", "", "A", "")
        held = [result.record for result in results if isinstance(result, Held)]
        assert [(record.total_minor, record.code is None) for record in held] == [(5000, False), (PRICE, True)] * 2


Case = Callable[[Settings], Awaitable[None]]
CASES: list[Case] = [
    each_code_has_its_uses,
    a_code_that_was_used_up_before_has_no_more,
    a_code_goes_on_from_what_is_stored,
    places_come_back_to_a_code_in_the_same_call,
    each_record_names_its_code_beside_addresses,
    what_is_stored_names_the_code_of_each,
    a_budget_is_each_codes_own,
    an_allotment_has_its_places,
    places_for_sale_are_not_oversold,
    other_terms_are_not_shared,
    a_personal_code_is_its_owners,
    holds_without_a_code_are_at_ordinary_terms,
]


class Defect(NamedTuple):
    """A text of the library, what it is replaced by, and the case that is to find it."""

    text: str
    instead: str
    case: Case


DEFECTS = [
    Defect("left = terms.max_uses - entry.uses", "left = terms.max_uses", each_code_has_its_uses),
    Defect("entry.uses + holds, entry.held", "entry.uses, entry.held", each_code_has_its_uses),
    Defect("with_code .. heads[#code] .. code", "with_code .. heads[1] .. 'A'", what_is_stored_names_the_code_of_each),
    Defect("u.heads[#code] .. code .. plan", "u.heads[1] .. 'A' .. plan", each_record_names_its_code_beside_addresses),
    Defect("or codes.holds_left(plan, before) < 1 then", "then", a_code_that_was_used_up_before_has_no_more),
    Defect("before.terms ~= plan.code_terms or", "", other_terms_are_not_shared),
    Defect("before.terms.customer ~= '' or", "", a_personal_code_is_its_owners),
    Defect("codes.count_alike(plan, after, 1)", "", each_code_has_its_uses),
    Defect("known[code], stepped[s + 1]", "most_under, stepped[s + 1]", a_code_goes_on_from_what_is_stored),
    Defect("s, most_under = s + 2, 1", "most_under = 1", a_code_goes_on_from_what_is_stored),
    Defect("or entry and entry.text", "or false", places_come_back_to_a_code_in_the_same_call),
    Defect("math.floor((terms.budget_minor - entry.spent) / plan.off_minor)", "left", a_budget_is_each_codes_own),
    Defect("math.floor(entry.free / plan.places)", "left", an_allotment_has_its_places),
    Defect("plan.is_allotted and 'kept' or 'available'", "'available'", an_allotment_has_its_places),
    Defect("plan.places <= plan.pool[plan.from]", "true", places_for_sale_are_not_oversold),
    Defect("first - 1 + math.floor(left / places)", "#rids", places_for_sale_are_not_oversold),
    Defect("return nil, entry, owner == '' and left or 1", "return nil, entry, left", a_personal_code_is_its_owners),
    Defect("(owner == '' or owner == customer) and", "owner and", a_personal_code_is_its_owners),
    Defect(
        "entry.terms == plan.code_terms and entry.terms.customer", "entry.terms.customer", other_terms_are_not_shared
    ),
    Defect(
        "local plan = entry and of_codes[entry.terms] and of_codes[entry.terms][wish]",
        "local plan = nil; for _, of in pairs(entry and of_codes or {}) do plan = of[wish] or plan end",
        other_terms_are_not_shared,
    ),
    Defect(
        "local entry = of_codes and codes.find(u, event, code, customer)",
        "local entry = of_codes and codes.at(u, event, code)",
        other_terms_are_not_shared,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_alike_holds_under_codes(unsynced_settings: Settings, case: Case) -> None:
    await case(unsynced_settings)


@pytest.mark.damages_keys
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.text[:30].replace(" ", "-"))
async def test_a_defect_is_found(unsynced_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    text = library_text()
    assert text.count(defect.text) == 1, "the library changed; choose another text to break"
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(defect.text, defect.instead))
    with pytest.raises(AssertionError):
        await defect.case(unsynced_settings)
