"""Payment attempts: that many of a reservation, and a growing pause between those of a customer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec.structs import replace

from engine.commands.events import PutEvent
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.limits import LimitsInForce
from engine.results.holds import Held
from engine.results.limits import RateLimited
from engine.results.payments import Paid, Paying, PaymentFailed, TooManyAttempts
from engine.results.result import Result
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus

EVENT, TICKET, PRICE = 1, 7, 100


@asynccontextmanager
async def sale(settings: Settings, price: int = PRICE, **limits: int) -> AsyncIterator[Engine]:
    settings = replace(settings, partitions=1, **limits)
    async with Engine(settings, limits=LimitsInForce(settings)) as engine:
        terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 100, [TicketTerms(TICKET, [str(TICKET)], price)])
        await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(TICKET), 100)]))
        yield engine


async def held(engine: Engine, customer: str = "anna") -> str:
    rid = new_reservation_id(EVENT)
    result = await engine.submit(Hold(rid, EVENT, customer, "{}", "", items_text([(TICKET, 1)])))
    assert isinstance(result, Held)
    return rid


async def declined(engine: Engine, rid: str, number: int, price: int = PRICE, kind: str = "pay") -> Result:
    """An attempt that fails, or the refusal."""
    attempt_id = f"{kind}-{number}"
    begun = await engine.submit(BeginPayment(rid, attempt_id, price, ""))
    if isinstance(begun, Paying):
        return await engine.submit(FailPayment(rid, attempt_id, "card_declined"))
    return begun


async def test_a_reservation_has_so_many_attempts(engine_settings: Settings) -> None:
    async with sale(engine_settings, payment_attempts=4) as engine:
        rid = await held(engine)
        results = [await declined(engine, rid, number) for number in range(1000)]
        assert [type(result) for result in results[:4]] == [PaymentFailed] * 4
        assert results[4:] == [TooManyAttempts(4)] * 996
        again = await engine.submit(BeginPayment(rid, "pay-0", PRICE, ""))
        assert isinstance(again, PaymentFailed), "a repeat is answered as before"
        assert isinstance(await declined(engine, await held(engine), 1), PaymentFailed), "another reservation"


async def test_bookings_of_carts_count_as_none_and_make_no_room(engine_settings: Settings) -> None:
    """They are forgotten first, so that no number of them hides an attempt."""
    async with sale(engine_settings, payment_attempts=4, payment_pause_seconds=60) as engine:
        rid = await held(engine)
        for number in range(3):
            assert isinstance(await declined(engine, rid, number), PaymentFailed)
        for number in range(20):
            assert isinstance(await declined(engine, rid, number, kind="cart"), PaymentFailed)
        async with sale(engine_settings, payment_attempts=4) as unpaused:
            assert isinstance(await declined(unpaused, rid, 3), PaymentFailed)
            assert await declined(unpaused, rid, 4) == TooManyAttempts(4)


async def test_the_pauses_of_a_customer_grow(engine_settings: Settings) -> None:
    async with sale(engine_settings, payment_pause_seconds=60) as engine:
        for number in range(3):
            assert isinstance(await declined(engine, await held(engine), number), PaymentFailed)
        for attempts, pause_ms in ((3, 60_000), (4, 120_000), (6, 480_000), (20, 3_600_000)):
            stored = await engine.redis.hget("{p00}:pauses:1", "anna")
            assert stored is not None
            begun_ms = stored.split()[1]
            await engine.redis.execute_command("HSET", "{p00}:pauses:1", "anna", b"%d %b" % (attempts, begun_ms))
            refused = await declined(engine, await held(engine), 9)
            assert isinstance(refused, RateLimited)
            assert (refused.who, pause_ms - 10_000 < refused.retry_ms <= pause_ms) == ("payments", True)
        assert isinstance(await declined(engine, await held(engine, "piotr"), 1), PaymentFailed), "not of another"
        assert 0 < await engine.redis.pttl("{p00}:pauses:1") <= 86_400_000


async def test_attempts_at_once_are_no_way_around(engine_settings: Settings) -> None:
    async with sale(engine_settings, payment_pause_seconds=60) as engine:
        rids = [await held(engine) for _ in range(5)]
        begun = [await engine.submit(BeginPayment(rid, "pay-1", PRICE, "")) for rid in rids]
        assert [type(result) for result in begun] == [Paying] * 3 + [RateLimited] * 2


async def test_a_payment_ends_the_pauses(engine_settings: Settings) -> None:
    async with sale(engine_settings, payment_pause_seconds=60) as engine:
        for number in range(2):
            await declined(engine, await held(engine), number)
        rid = await held(engine)
        await engine.submit(BeginPayment(rid, "pay-1", PRICE, ""))
        assert isinstance(await engine.submit(ConfirmPayment(rid, "pay-1")), Paid)
        for number in range(3):
            assert isinstance(await declined(engine, await held(engine), number), PaymentFailed)
        assert isinstance(await declined(engine, await held(engine), 9), RateLimited)


async def test_free_reservations_have_no_pause(engine_settings: Settings) -> None:
    async with sale(engine_settings, 0, payment_attempts=1, payment_pause_seconds=60) as engine:
        for number in range(5):
            assert isinstance(await declined(engine, await held(engine), number, 0), PaymentFailed)
        assert await engine.redis.hgetall("{p00}:pauses:1") == {}


async def test_without_limits_nothing_is_remembered(engine_settings: Settings) -> None:
    async with sale(engine_settings) as engine:
        rid = await held(engine)
        for number in range(20):
            assert isinstance(await declined(engine, rid, number), PaymentFailed)
        assert await engine.redis.hgetall("{p00}:pauses:1") == {}
