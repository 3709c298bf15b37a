"""Holds of one call that ask for the same under codes: they share one plan, and each code has limits of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from engine.engine import Engine
from engine.library import library_text
from engine.results.codes import CodeUnknown, CodeUsedUp
from engine.results.holds import Held, SoldOut
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


async def what_is_stored_names_the_code_of_each(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(HALF, *CODES)
        rids = await asyncio.gather(*(event.hold(code=code, customer=code) for code in CODES))
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
        await event.put(replace(HALF, customer_id="c2"), "C")
        results = await at_once(event, "A", "B", "C", "A", "B", "C")
        assert totals(results) == [5000, 9000, 5000, 5000, 9000, CodeUnknown]


async def a_personal_code_is_its_owners(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(replace(HALF, customer_id="c0"), "A", "B")
        holds = [("A", "c0"), ("A", "c0"), ("A", "c1"), ("B", "c0"), ("B", "c1")]
        results = await asyncio.gather(*(event.try_hold(1, customer=owner, code=code) for code, owner in holds))
        assert totals(results) == [5000, 5000, CodeUnknown, 5000, CodeUnknown]


async def holds_without_a_code_are_at_ordinary_terms(settings: Settings) -> None:
    async with sale(settings) as event:
        await event.put(HALF, "A")
        results = await at_once(event, "A", "", "A", "")
        held = [result.record for result in results if isinstance(result, Held)]
        assert [(record.total_minor, record.code is None) for record in held] == [(5000, False), (PRICE, True)] * 2


Case = Callable[[Settings], Awaitable[None]]
CASES: list[Case] = [
    each_code_has_its_uses,
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
    Defect("u.heads[#code] .. code .. plan", "u.heads[1] .. 'A' .. plan", what_is_stored_names_the_code_of_each),
    Defect("math.floor((terms.budget_minor - entry.spent) / plan.off_minor)", "left", a_budget_is_each_codes_own),
    Defect("math.floor(entry.free / plan.places)", "left", an_allotment_has_its_places),
    Defect("plan.is_allotted and 'kept' or 'available'", "'available'", an_allotment_has_its_places),
    Defect("plan.places <= plan.pool[plan.from]", "true", places_for_sale_are_not_oversold),
    Defect("or places > left or", "or", places_for_sale_are_not_oversold),
    Defect("return entry, owner == '' and left or 1", "return entry, left", a_personal_code_is_its_owners),
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
