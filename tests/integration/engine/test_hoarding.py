"""Places that are held and not bought: whatever ended a hold counts, and leaves its holder less.

Each case is played once with the library, and once with each of the defects that it is to find.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from engine.commands.events import PutEvent
from engine.commands.holds import Add, Cancel, Claim, Hold, RemovePlaces, Shorten
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.inspection import server_time_ms
from engine.library import library_text
from engine.limits import LimitsInForce
from engine.results.holds import Held
from engine.results.limits import HeldUnbought
from engine.results.payments import Paid, Paying, PaymentFailed
from engine.results.reservations import Expired
from engine.results.result import Result
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus
from tests.support.waiting import wait_until

EVENT, TICKET, OTHER = 1, 7, 8
HOLD_MS = 60_000
LIMITS = {"customer_idle_place_seconds": 600, "shortest_hold_seconds": 20}
"""Ten places for the whole of a hold of 60 s are the first level; 20 s are the shortest hold."""
OF_ADDRESS = {"address_idle_place_seconds": 600, "address_places": 16, "shortest_hold_seconds": 20}
CART = "cart-00000000-0000-4000-8000-00000000000{}"
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
SIX = "2001:db8:1:{}::/64 2001:db8:1::/48"


class Sale(NamedTuple):
    """An event, its engine, and what is done at it."""

    engine: Engine

    async def hold(self, places: int = 1, customer: str = "anna", address: str = "", rid: str = "") -> Result:
        rid = rid or new_reservation_id(EVENT)
        items = items_text([(TICKET, places)])
        return await self.engine.submit(Hold(rid, EVENT, customer, "{}", "digest", items, address=address))

    async def held(self, places: int = 1, customer: str = "anna", address: str = "") -> str:
        """The id of a hold that there must be."""
        rid = new_reservation_id(EVENT)
        result = await self.hold(places, customer, address, rid)
        assert isinstance(result, Held), result
        return rid

    async def lasts_ms(self, places: int = 1, customer: str = "anna", address: str = "") -> int:
        """The length of a new hold, which is cancelled at once."""
        rid = new_reservation_id(EVENT)
        result = await self.hold(places, customer, address, rid)
        assert isinstance(result, Held), result
        await self.engine.submit(Cancel(rid))
        return result.record.deadline_ms - result.record.created_ms

    async def account(self, field: str) -> tuple[int, int]:
        """Idle place-ms and places of an account."""
        stored: bytes | None = await self.engine.redis.hget("{p00}:hoards:1", field)
        idle_ms, places, _ = (int(part) for part in (stored or b"0 0 0").split())
        return idle_ms, places

    async def pay(self, rid: str, attempt_id: str = "pay-1") -> None:
        found = await self.engine.submit(BeginPayment(rid, attempt_id, 100, "digest"))
        assert isinstance(found, Paying), found


@asynccontextmanager
async def sale(settings: Settings, hold_ms: int = HOLD_MS, **limits: int) -> AsyncIterator[Sale]:
    settings = replace(settings, partitions=1, **limits)
    async with Engine(settings, limits=LimitsInForce(settings)) as engine:
        tickets = [TicketTerms(TICKET, [str(TICKET)], 100), TicketTerms(OTHER, [str(OTHER)], 100)]
        terms = Terms(EventStatus.ON_SALE, 0, 0, hold_ms, 100, tickets)
        await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(TICKET), 1000), PoolCapacity(str(OTHER), 1000)]))
        yield Sale(engine)


async def levels(settings: Settings) -> None:
    """Each time the idle time doubles, half the places at once and half the time, down to the floor."""
    async with sale(settings, **LIMITS) as here:
        assert await here.lasts_ms() == HOLD_MS
        await here.held(10)
        assert await here.lasts_ms() == HOLD_MS // 2
        await here.held(39)  # of 30 s: 600 + 1170 place-seconds
        refused = await here.hold(2)
        assert isinstance(refused, HeldUnbought)
        assert refused == HeldUnbought("customer", 50, 49, 30_000, refused.retry_ms)
        assert 30_000 < refused.retry_ms <= 60_000, "by then all of its holds have expired"
        await here.held(1)
        assert (await here.account("c anna"))[1] == 50
        assert isinstance(await here.hold(1, "piotr"), Held), "another customer is not concerned"


async def floor(settings: Settings) -> None:
    """The worst hoarder still gets a place, for the shortest time."""
    async with sale(settings, **LIMITS | {"customer_idle_place_seconds": 1}) as here:
        await here.engine.submit(Cancel(await here.held(20)))
        await here.engine.redis.execute_command("HSET", "{p00}:hoards:1", "c anna", b"100000 0 0")
        assert await here.lasts_ms(6) == 20_000, "a sixteenth of 100 places"
        refused = await here.hold(7)
        assert isinstance(refused, HeldUnbought)
        assert (refused.most, refused.taken, refused.retry_ms) == (6, 0, 0)


async def what_is_bought_is_forgiven(settings: Settings) -> None:
    async with sale(settings, **LIMITS | OF_ADDRESS) as here:
        rid = await here.held(10, address=HERE)
        assert isinstance(await here.engine.submit(BeginPayment(rid, "pay-1", 1000, "digest")), Paying)
        assert isinstance(await here.engine.submit(ConfirmPayment(rid, "pay-1")), Paid)
        assert await here.account("c anna") == (0, 0)
        assert await here.account(f"a {HERE}") == (0, 0)
        assert await here.engine.redis.hgetall("{p00}:hoards:1") == {}, "nothing is left of it"
        assert await here.lasts_ms() == HOLD_MS


async def cancelled_just_before_the_end(settings: Settings) -> None:
    """A cancellation counts for as long as the places were held."""
    async with sale(settings, **LIMITS) as here:
        rid = await here.held(100)
        assert (await here.account("c anna"))[0] == 100 * HOLD_MS
        await here.engine.submit(Cancel(rid))
        idle_ms, places = await here.account("c anna")
        assert places == 0
        assert 0 <= idle_ms < 100 * 5000
        await here.engine.redis.execute_command("HSET", "{p00}:hoards:1", "c anna", b"0 0 0")
        older = await here.held(100)
        await here.engine.submit(Shorten(older, await server_time_ms(here.engine.redis) + 20_000))
        assert 100 * 19_000 < (await here.account("c anna"))[0] <= 100 * 25_000


async def an_expiry_counts_for_any_releaser(settings: Settings) -> None:
    async with sale(settings, 30, **LIMITS | OF_ADDRESS) as here, Engine(replace(settings, partitions=1)) as sweeper:
        rid = await here.held(10, address=HERE)

        async def is_swept() -> bool:
            await sweeper.sweep(0)
            return await here.account("c anna") == (300, 0)

        await wait_until(is_swept, 2, "the hold expires")
        assert await here.account(f"a {HERE}") == (300, 0)
        assert await here.engine.redis.hget("{p00}:hoards:1", f"h {rid}") is None


async def a_pin_counts_beyond_the_deadline(settings: Settings) -> None:
    """A cart that is booked and abandoned is held for longer than any hold."""
    async with sale(settings, 500, **LIMITS | OF_ADDRESS) as here:
        rid = await here.held(1, address=HERE)
        await here.pay(rid)

        async def is_late() -> bool:
            failed = await here.engine.submit(FailPayment(rid, "pay-0", "x"))
            assert failed is not None
            return await server_time_ms(here.engine.redis) > began_ms + 600

        began_ms = await server_time_ms(here.engine.redis)
        await wait_until(is_late, 2, "time passes")
        failed = await here.engine.submit(FailPayment(rid, "pay-1", "payment_failed", give_back=True))
        assert isinstance(failed, PaymentFailed)
        for account in ("c anna", f"a {HERE}"):
            idle_ms, places = await here.account(account)
            assert places == 0
            assert idle_ms > 550, "longer than the hold of 500 ms"


async def a_late_payment_is_forgiven(settings: Settings) -> None:
    async with sale(settings, **LIMITS) as here:
        rid = await here.held(1)
        await here.pay(rid)
        await here.engine.submit(FailPayment(rid, "pay-1", "payment_failed", give_back=True))
        await here.engine.redis.execute_command("HSET", "{p00}:hoards:1", "c anna", b"5000 0 0")
        paid = await here.engine.submit(ConfirmPayment(rid, "pay-1"))
        assert isinstance(paid, Paid)
        idle_ms, places = await here.account("c anna")
        assert (4000 < idle_ms <= 5000, places) == (True, 0)


async def more_and_fewer_places(settings: Settings) -> None:
    """Places that a hold gains or loses count from then on."""
    async with sale(settings, **OF_ADDRESS) as here:
        rid = await here.held(1, address=HERE)
        for quantity in (10, 4):
            assert isinstance(await here.engine.submit(Add(rid, EVENT, "anna", "{}", (TICKET, quantity))), Held)
            idle_ms, places = await here.account(f"a {HERE}")
            assert places == quantity
            assert quantity * (HOLD_MS - 5000) < idle_ms <= quantity * HOLD_MS + 10 * 5000
        more = await here.engine.submit(Add(rid, EVENT, "anna", "{}", (TICKET, 17), address=ELSEWHERE))
        assert isinstance(more, HeldUnbought), "it counts for the address where the hold began"
        assert (more.who, more.most, more.taken) == ("address", 16, 4)
        assert isinstance(await here.engine.submit(Add(rid, EVENT, "anna", "{}", (OTHER, 1))), Held)
        assert isinstance(await here.engine.submit(RemovePlaces(rid, TICKET)), Held)
        assert (await here.account(f"a {HERE}"))[1] == 1


async def an_address_has_so_many_places(settings: Settings) -> None:
    async with sale(settings, **OF_ADDRESS) as here:
        for number in range(3):
            await here.held(4, f"customer-{number}", HERE)
        refused = await here.hold(1, "piotr", HERE)
        assert isinstance(refused, HeldUnbought)
        assert refused == HeldUnbought("address", 8, 12, 30_000, refused.retry_ms)
        assert 0 < refused.retry_ms <= HOLD_MS
        assert isinstance(await here.hold(1, "customer-0", ELSEWHERE), Held)


async def alike_holds_of_one_call_are_counted(settings: Settings) -> None:
    async with sale(settings, **OF_ADDRESS) as here:
        results = await asyncio.gather(*(here.hold(1, f"customer-{number}", HERE) for number in range(30)))
        held = [result.record for result in results if isinstance(result, Held)]
        lasting = [record.deadline_ms - record.created_ms for record in held]
        assert lasting == [HOLD_MS] * 10, "then the second level begins, which has 8 places"
        assert (await here.account(f"a {HERE}"))[1] == 10


async def a_provider_has_more(settings: Settings) -> None:
    """Of IPv6 a /64 counts as an address, and the /48 around it with 16 times as much."""
    async with sale(settings, **OF_ADDRESS) as here:
        for network in range(15):
            await here.held(10, f"customer-{network}", SIX.format(network))
        assert await here.lasts_ms(1, "b", SIX.format(77)) == HOLD_MS
        await here.held(10, "c", SIX.format(78))
        idle_ms, places = await here.account("a 2001:db8:1::/48")
        assert (idle_ms >= 160 * HOLD_MS, places) == (True, 160)
        refused = await here.hold(1, "d", SIX.format(79))
        assert isinstance(refused, HeldUnbought)
        assert (refused.who, refused.most, refused.taken) == ("address", 128, 160)


async def carts_of_nobody_share_their_places(settings: Settings) -> None:
    async with sale(settings, nobodys_places=5) as here:
        await here.held(3, CART.format(1))
        refused = await here.hold(3, CART.format(2))
        assert isinstance(refused, HeldUnbought)
        assert refused == HeldUnbought("nobody", 5, 3, HOLD_MS, refused.retry_ms)
        await here.held(2, CART.format(2))
        assert isinstance(await here.hold(50, "anna"), Held), "a customer is somebody"


async def a_claim_moves_what_counts(settings: Settings) -> None:
    async with sale(settings, nobodys_places=20, **LIMITS) as here:
        rids = [await here.held(places, CART.format(places)) for places in (5, 4)]
        assert isinstance(await here.engine.submit(Claim(rids[0], "anna")), Held)
        assert (await here.account("nobody"))[1] == 4
        idle_ms, places = await here.account("c anna")
        assert (5 * (HOLD_MS - 5000) < idle_ms <= 5 * HOLD_MS, places) == (True, 5)
        await here.engine.redis.execute_command("HSET", "{p00}:hoards:1", "c anna", b"99000000 5 1")
        refused = await here.engine.submit(Claim(rids[1], "anna"))
        assert isinstance(refused, HeldUnbought)
        assert (refused.most, refused.taken) == (6, 5)
        assert (await here.account("nobody"))[1] == 4


Case = Callable[[Settings], Awaitable[None]]
CASES: list[Case] = [
    levels,
    floor,
    what_is_bought_is_forgiven,
    cancelled_just_before_the_end,
    an_expiry_counts_for_any_releaser,
    a_pin_counts_beyond_the_deadline,
    a_late_payment_is_forgiven,
    more_and_fewer_places,
    an_address_has_so_many_places,
    alike_holds_of_one_call_are_counted,
    a_provider_has_more,
    carts_of_nobody_share_their_places,
    a_claim_moves_what_counts,
]


class Defect(NamedTuple):
    """A line of the library, what it is replaced by, and the case that is to find it."""

    text: str
    instead: str
    case: Case


DEFECTS = [
    Defect("bound = 2 * bound + allowance", "bound = bound + allowance", levels),
    Defect("math.floor(most / 2 ^ level)", "most", levels),
    Defect("u.hoards.limits.shortest_hold_ms)", "0)", floor),
    Defect("places * (r.created_ms - r.deadline_ms), -places, 0", "0, -places, 0", what_is_bought_is_forgiven),
    Defect("places * (ended_ms - r.deadline_ms)", "0", cancelled_just_before_the_end),
    Defect("record_places(r) * (deadline_ms - r.deadline_ms)", "0", cancelled_just_before_the_end),
    Defect("hoarding.load_records(u, due)", "u.hoards = nil", an_expiry_counts_for_any_releaser),
    Defect("r.pinned = true", "r.pinned = false", a_pin_counts_beyond_the_deadline),
    Defect("from == 'available' and r.ended_ms or nil", "nil", a_late_payment_is_forgiven),
    Defect("places * math.max(0, r.deadline_ms - u.now_ms), places,", "0, places,", more_and_fewer_places),
    Defect("address = redis.call('HGET', known.key, 'h ' .. r.rid)", "address = false", more_and_fewer_places),
    Defect("account.places + places > most then", "account.places > most then", levels),
    Defect("(not u.hoards or hoarding.is_free(u, number, plan.places))", "true", alike_holds_of_one_call_are_counted),
    Defect("== '/48' and WIDER or 1", "== '/48' and 1 or 1", a_provider_has_more),
    Defect("add(known, accounts, -idle_ms, -places, 0)", "add(known, accounts, 0, 0, 0)", a_claim_moves_what_counts),
    Defect(
        "u.hoards and hoarding.refusal_of_claim",
        "nil and hoarding.refusal_of_claim",
        a_claim_moves_what_counts,
    ),
    Defect("most = known.nobodys_places", "most = 0", carts_of_nobody_share_their_places),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_hoarding(engine_settings: Settings, case: Case) -> None:
    await case(engine_settings)


@pytest.mark.damages_keys
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.text[:30].replace(" ", "-"))
async def test_a_defect_is_found(engine_settings: Settings, monkeypatch: pytest.MonkeyPatch, defect: Defect) -> None:
    text = library_text()
    assert text.count(defect.text) == 1, "the library changed; choose another line to break"
    monkeypatch.setattr("engine.library.library_text", lambda: text.replace(defect.text, defect.instead))
    with pytest.raises((AssertionError, TimeoutError)):
        await defect.case(engine_settings)


async def test_hoarding_is_remembered_for_the_whole_sale(engine_settings: Settings) -> None:
    async with sale(engine_settings, **LIMITS) as here:
        await here.engine.submit(Cancel(await here.held()))
        await here.held()
        assert 30 * 86_400_000 < await here.engine.redis.pttl("{p00}:hoards:1") <= 31 * 86_400_000


async def test_nothing_is_remembered_without_such_limits(engine_settings: Settings) -> None:
    async with sale(engine_settings, live_holds=5, customer_per_minute=600) as here:
        await here.held(10, address=HERE)
        assert [key async for key in here.engine.redis.scan_iter("*hoards*", count=100)] == []


async def test_holds_from_before_the_limits_leave_no_debt(engine_settings: Settings) -> None:
    async with sale(engine_settings) as here:
        rid = await here.held(10)
        async with sale(engine_settings, **LIMITS | OF_ADDRESS) as guarded:
            await guarded.engine.submit(Cancel(rid))
            assert await guarded.account("c anna") == (0, 0)
            assert isinstance(await here.hold(), Held)
            assert not isinstance(await here.engine.submit(Cancel(rid)), Expired)
