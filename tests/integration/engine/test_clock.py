"""The clock of the server jumps by twenty minutes, there and back: what is promised about stock stays true."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from cli.ports import free_port
from engine.commands.events import Count
from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.reservations import Find
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.library import library_text
from engine.limits import LimitsInForce
from engine.records import Record
from engine.results.events import Counts
from engine.results.holds import Held, SoldOut
from engine.results.limits import RateLimited
from engine.results.payments import Paid, Paying, PaymentFailed
from engine.results.reservations import Expired, Found
from engine.results.result import Result
from engine.settings import Settings
from engine.stock import TicketCounts
from engine.words import FailureReason, State
from sync.worker import run_sync
from tests.support.engine.bulk_holds import event_of
from tests.support.engine.server_clock import ClockedValkey
from tests.support.invariants import check_invariants
from tests.support.waiting import wait_until

EVENT, TICKET, PRICE = 1, 7, 30_000
HOLD_MS = 900_000
JUMP_SECONDS = 1200
CAPACITY = 10


@pytest.fixture
def clocked(tmp_path: Path) -> Iterator[ClockedValkey]:
    valkey = ClockedValkey(tmp_path)
    valkey.start()
    yield valkey
    check_invariants(valkey.server.url)
    valkey.stop()


@pytest.fixture
async def sale(clocked: ClockedValkey) -> AsyncIterator["Sale"]:
    async with Engine(Settings(redis_url=clocked.server.url, partitions=2)) as engine:
        await engine.submit(event_of(EVENT, CAPACITY))
        yield Sale(engine)


class Sale:
    """Takings of one place each."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def hold(self, hold_ms: int = 0) -> Held | SoldOut:
        rid = new_reservation_id(EVENT)
        result = await self.engine.submit(Hold(rid, EVENT, rid, "{}", "digest", items_text([(TICKET, 1)]), hold_ms))
        assert isinstance(result, Held | SoldOut)
        return result

    async def held(self, hold_ms: int = 0) -> str:
        """The id of a new hold."""
        result = await self.hold(hold_ms)
        assert isinstance(result, Held)
        return result.record.customer_id

    async def begin(self, rid: str) -> object:
        return await self.engine.submit(BeginPayment(rid, f"pay-{rid}", PRICE, ""))

    async def confirm(self, rid: str) -> object:
        return await self.engine.submit(ConfirmPayment(rid, f"pay-{rid}"))

    async def paid(self) -> str:
        rid = await self.held()
        assert isinstance(await self.begin(rid), Paying)
        assert isinstance(await self.confirm(rid), Paid)
        return rid

    async def record(self, rid: str) -> tuple[Record, int]:
        """A reservation, and how long it lives, by the server's clock."""
        found = await self.engine.submit(Find(rid))
        assert isinstance(found, Found)
        return found.record, found.record.deadline_ms - found.now_ms

    async def states(self, *rids: str) -> list[State]:
        return [(await self.record(rid))[0].state for rid in rids]

    async def counts(self) -> TicketCounts:
        counts = await self.engine.submit(Count(EVENT))
        assert isinstance(counts, Counts)
        return counts.tickets[0]

    async def places(self) -> tuple[int, int, int, int]:
        """Available, held, paying, sold; together they are the capacity."""
        counts = await self.counts()
        assert counts.capacity == CAPACITY
        return counts.available, counts.held, counts.paying, counts.sold


async def test_forward(clocked: ClockedValkey, sale: Sale) -> None:
    """Earlier holds expire early; pins and sold places stay; nothing comes back to life afterwards."""
    held, paying, paid = [await sale.held() for _ in range(3)], await sale.held(), await sale.paid()
    assert isinstance(await sale.begin(paying), Paying)
    await clocked.move(JUMP_SECONDS)
    assert isinstance(await sale.begin(held[0]), Expired)
    assert await sale.states(*held, paying, paid) == ["expired", "expired", "expired", "paying", "paid"]
    assert await sale.places() == (8, 0, 1, 1)
    others = [await sale.held() for _ in range(8)]
    assert isinstance(await sale.hold(), SoldOut)
    assert HOLD_MS - 60_000 < (await sale.record(others[0]))[1] <= HOLD_MS

    await clocked.move(0)
    for rid in held:
        assert isinstance(await sale.begin(rid), Expired), "an expired hold is not sold, whatever the clock says now"
    assert isinstance(await sale.hold(), SoldOut)
    assert (await sale.record(others[0]))[1] > HOLD_MS + (JUMP_SECONDS - 60) * 1000, "these live longer now"
    assert isinstance(await sale.confirm(paying), Paid)
    assert isinstance(await sale.confirm(paid), Paid)
    assert isinstance(await sale.begin(others[0]), Paying)
    assert await sale.places() == (0, 7, 1, 2)


async def test_backward(clocked: ClockedValkey, sale: Sale) -> None:
    """Earlier holds expire late; what has expired stays so; new holds live as long as they should."""
    ran_out, held, paid = await sale.held(hold_ms=1), await sale.held(), await sale.paid()
    await wait_until(lambda: _expired(sale, ran_out))
    await clocked.move(-JUMP_SECONDS)
    assert isinstance(await sale.begin(ran_out), Expired)
    assert await sale.states(ran_out, held, paid) == ["expired", "held", "paid"]
    lives_ms = (await sale.record(held))[1]
    assert HOLD_MS + (JUMP_SECONDS - 60) * 1000 < lives_ms <= HOLD_MS + JUMP_SECONDS * 1000
    new = await sale.held()
    assert HOLD_MS - 60_000 < (await sale.record(new))[1] <= HOLD_MS
    assert await sale.places() == (7, 2, 0, 1)

    await clocked.move(0)
    assert await sale.states(ran_out, held, new, paid) == ["expired", "held", "expired", "paid"]
    assert isinstance(await sale.begin(ran_out), Expired)
    assert isinstance(await sale.begin(held), Paying)
    assert isinstance(await sale.confirm(held), Paid)
    assert await sale.places() == (8, 0, 0, 2)


async def test_a_hold_whose_key_is_gone_is_not_sold(clocked: ClockedValkey, sale: Sale) -> None:
    """Its time was over, nobody asked meanwhile, and the clock says now that it is not."""
    rid = await sale.held()
    await clocked.move(JUMP_SECONDS)
    await wait_until(lambda: _key_is_gone(sale, rid))
    await clocked.move(0)
    assert isinstance(await sale.begin(rid), Expired)
    assert await sale.places() == (CAPACITY, 0, 0, 0)


async def test_by_the_clock_alone_it_would_be(clocked: ClockedValkey, sale: Sale) -> None:
    """The negative control: the same, and a library that does not look whether the key is gone."""
    careless = library_text().replace(" or not mark)", ")")
    assert careless != library_text()
    await sale.engine.redis.execute_command("FUNCTION", "LOAD", "REPLACE", careless)
    rid = await sale.held()
    await clocked.move(JUMP_SECONDS)
    await wait_until(lambda: _key_is_gone(sale, rid))
    await clocked.move(0)
    assert isinstance(await sale.begin(rid), Paying)


async def test_backward_no_limit_lasts_for_the_jump(clocked: ClockedValkey) -> None:
    """Stored instants of rates, expiries and attempts to pay are in the future then. They count as of now."""
    limited = Settings(
        redis_url=clocked.server.url,
        partitions=2,
        customer_per_minute=600,
        customer_burst=30,
        address_per_minute=600,
        payment_pause_seconds=1,
        cool_down_expiries=1,
        cool_down_seconds=1,
    )
    async with Engine(limited, limits=LimitsInForce(limited)) as engine:
        await engine.submit(event_of(EVENT, CAPACITY))

        async def hold(customer: str, rid: str = "", hold_ms: int = 0) -> Result:
            wish, rid = items_text([(TICKET, 1)]), rid or new_reservation_id(EVENT)
            return await engine.submit(Hold(rid, EVENT, customer, "{}", rid, wish, hold_ms, "192.0.2.1"))

        async def pay(attempt_id: str) -> Result:
            begun = await engine.submit(BeginPayment(rid, attempt_id, PRICE, ""))
            if isinstance(begun, Paying):
                await engine.submit(FailPayment(rid, attempt_id, FailureReason.CARD_DECLINED))
            return begun

        rid = new_reservation_id(EVENT)
        assert isinstance(await hold("payer", rid), Held)
        assert [type(await pay(f"pay-{number}")) for number in range(3)] == [Paying] * 3
        assert isinstance(await hold("hoarder", hold_ms=1), Held)

        async def cools_down() -> bool:
            return isinstance(await hold("hoarder"), RateLimited)

        await wait_until(cools_down, what="the hold expires")
        await clocked.move(-300)
        new = await hold("payer")
        assert isinstance(new, Held)
        assert [allowance.left > 0 for allowance in new.allowances] == [True, True]
        paused, cooling = await pay("pay-3"), await hold("hoarder")
        assert isinstance(paused, RateLimited)
        assert paused.retry_ms <= 1000
        # In another hour by the new clock, expiries are not known any more.
        assert isinstance(cooling, Held) or (isinstance(cooling, RateLimited) and cooling.retry_ms <= 1000)

        async def may_again() -> bool:
            return isinstance(await pay("pay-4"), Paying | PaymentFailed) and isinstance(await hold("hoarder"), Held)

        await wait_until(may_again, 5, what="the pause and the cool-down pass by the new clock")


async def test_a_crowd_while_the_clock_goes_to_and_fro(clocked: ClockedValkey, sale: Sale) -> None:
    crowd = Crowd(sale)
    async with asyncio.TaskGroup() as buyers:
        for _ in range(20):
            buyers.create_task(crowd.buy())
        for seconds in (JUMP_SECONDS, 0, -JUMP_SECONDS, JUMP_SECONDS, -JUMP_SECONDS, 0):
            await clocked.move(seconds)
            await crowd.goes_on()
            check_invariants(clocked.server.url)
        crowd.closed.set()
    assert set(await sale.states(*crowd.expired)) == {"expired"}
    assert set(await sale.states(*crowd.paid)) == {"paid"}
    assert (await sale.counts()).sold == len(crowd.paid) == CAPACITY // 2


async def test_a_jump_raises_an_alarm(clocked: ClockedValkey) -> None:
    """Of the worker as it runs; Postgres is not needed for it."""
    port = free_port()
    settings = Settings(
        redis_url=clocked.server.url,
        postgres_url=f"postgresql://127.0.0.1:{free_port()}/none",
        partitions=2,
        sync_metrics_port=port,
    )
    url = f"http://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:

        async def alarms() -> tuple[float, float, float]:
            """Jumps forward and backward, and how far ahead the clock is."""
            try:
                async with session.get(url) as response:
                    lines = (await response.text()).splitlines()
            except aiohttp.ClientConnectionError:
                return (0, 0, 0)
            values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("onsale_clock"))
            ahead = f'onsale_clock_ahead_seconds{{node="127.0.0.1:{clocked.server.port}"}}'
            jumps = "onsale_clock_jumps_total{direction="
            return (
                float(values[f'{jumps}"forward"}}']),
                float(values[f'{jumps}"backward"}}']),
                float(values.get(ahead, 0)),
            )

        async def told(forward: int, backward: int, ahead: int) -> None:
            async def as_wished() -> bool:
                *jumps, seconds = await alarms()
                return jumps == [forward, backward] and seconds != 0 and abs(seconds - ahead) < 1

            await wait_until(as_wished, what=f"{(forward, backward, ahead)} is told")

        with capture_logs() as logs:
            worker = group.create_task(run_sync(settings))
            await told(0, 0, 0)
            await clocked.move(JUMP_SECONDS)
            await told(1, 0, JUMP_SECONDS)
            await clocked.move(0)
            await told(1, 1, 0)
            worker.cancel()
    jumped = [line for line in logs if line["event"] == "clock_jumped"]
    assert [(line["log_level"], line["direction"]) for line in jumped] == [("error", "forward"), ("error", "backward")]
    assert all(abs(line["ms"] - JUMP_SECONDS * 1000) < 1000 for line in jumped)


class Crowd:
    """Buyers who want the same few places, of which half are sold; they remember the answers."""

    def __init__(self, sale: Sale) -> None:
        self.closed = asyncio.Event()
        self.expired: set[str] = set()
        self.paid: set[str] = set()
        self._tries = 0
        self._sale = sale
        self._chance = random.Random(20270601)  # noqa: S311  # no secret

    async def goes_on(self) -> None:
        """Waits until everybody has tried again."""
        before = self._tries
        await wait_until(lambda: self._tries > before + 40, what="buyers go on")

    async def buy(self) -> None:
        while not self.closed.is_set():
            result = await self._sale.hold()
            self._tries += 1
            await asyncio.sleep(self._chance.uniform(0, 0.02))
            if isinstance(result, Held):
                await self._pay(result.record.customer_id)

    async def _pay(self, rid: str) -> None:
        begun = await self._sale.begin(rid)
        if isinstance(begun, Expired):
            self.expired.add(rid)
            return
        assert isinstance(begun, Paying)
        if len(self.paid) < CAPACITY // 2:
            self.paid.add(rid)
            assert isinstance(await self._sale.confirm(rid), Paid)
        else:
            await self._sale.engine.submit(FailPayment(rid, f"pay-{rid}", FailureReason.PAYMENT_FAILED))
            await self._sale.engine.submit(Cancel(rid))


async def _expired(sale: Sale, rid: str) -> bool:
    return await sale.states(rid) == [State.EXPIRED]


async def _key_is_gone(sale: Sale, rid: str) -> bool:
    return await sale.engine.redis.pttl(sale.engine.keys[1].hold(rid)) == -2
