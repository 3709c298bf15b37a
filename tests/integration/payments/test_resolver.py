"""The resolver beside a running sale: it finds unsettled payments and settles them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import aiohttp
import msgspec
from structlog.testing import capture_logs
from typing_extensions import override

from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from engine.commands.refunds import Refund
from engine.currencies import FIRST_CURRENCY
from engine.engine import Engine
from engine.results.payments import Paying
from engine.results.refunds import RefundDue
from engine.settings import Settings
from engine.words import State
from payments.gateway import ChargeOutcome, ChargeRefund, HttpGateway, RefundOutcome, StatusOutcome, Unknown
from payments.payments import Payments
from payments.resolver import Resolver, run_resolver
from tests.support.payments.shop import TIMEOUT_SECONDS, Shop
from tests.support.waiting import wait_until


def quick(settings: Settings, gateway_url: str) -> Settings:
    """Settings with which the resolver judges after a fifth of a second."""
    return msgspec.structs.replace(
        settings, gateway_url=gateway_url, gateway_timeout_ms=150, resolve_after_ms=200, resolve_interval_ms=50
    )


@asynccontextmanager
async def resolving(settings: Settings, engine: Engine, resolvers: int = 1) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(run_resolver(settings, engine)) for _ in range(resolvers)]
        yield
        for task in running:
            task.cancel()


async def reaches(shop: Shop, reservation_id: str, state: State) -> None:
    async def reached() -> bool:
        return (await shop.find(reservation_id)).state is state

    await wait_until(reached, what=f"{state} of {reservation_id}")


async def test_unknown_outcomes_are_paid_by_several_resolvers_once(shop: Shop, engine_settings: Settings) -> None:
    shop.gateway_seconds = TIMEOUT_SECONDS
    await shop.open()
    begins = [shop.begin(await shop.hold(customer_id=f"c{n}")) for n in range(8)]
    async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
        payments = shop.payments_over(gateway)
        await asyncio.gather(*(payments.pay(begin, "timeout") for begin in begins))
        async with resolving(quick(engine_settings, str(server.make_url("/"))), shop.engine, resolvers=3):
            for begin in begins:
                await reaches(shop, begin.reservation_id, State.PAID)
    assert Counter(await shop.facts()) == {"held": 8, "paying": 8, "paid": 8}
    assert shop.money() == {begin.attempt_id: "kept" for begin in begins}


async def test_an_idle_round_is_one_call(shop: Shop, engine_settings: Settings) -> None:
    await shop.open()
    redis = shop.engine.redis
    async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
        resolver = Resolver(quick(engine_settings, ""), shop.engine, shop.payments_over(gateway))
        await redis.execute_command("CONFIG", "RESETSTAT")
        assert not await resolver.round()
    calls = {name: stats["calls"] for name, stats in (await redis.info("commandstats")).items()}
    assert calls.get("cmdstat_exists") == 1
    assert "cmdstat_zrange" not in calls


async def test_an_attempt_whose_process_died_before_the_charge_fails(shop: Shop, engine_settings: Settings) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    await shop.engine.submit(begin)
    async with (
        shop.gateway_open() as server,
        resolving(quick(engine_settings, str(server.make_url("/"))), shop.engine),
    ):
        await reaches(shop, begin.reservation_id, State.HELD)
    assert shop.money() == {}


async def test_an_attempt_is_left_alone_for_longer_than_a_charge_may_take(
    shop: Shop, engine_settings: Settings
) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    await shop.engine.submit(begin)
    hasty = msgspec.structs.replace(engine_settings, gateway_timeout_ms=400, resolve_after_ms=1, resolve_interval_ms=1)
    async with shop.payments() as payments:
        resolver = Resolver(hasty, shop.engine, payments)

        async def judged() -> bool:
            await resolver.round()
            return (await shop.find(begin.reservation_id)).state is State.HELD

        await wait_until(judged)
    attempt = (await shop.find(begin.reservation_id)).attempts[0]
    assert attempt.settled_ms - attempt.started_ms > 400


async def test_a_gateway_that_was_down_is_asked_until_it_is_back(shop: Shop, engine_settings: Settings) -> None:
    await shop.open()
    begin, refunded = shop.begin(await shop.hold()), shop.begin(await shop.hold(customer_id="c2"))
    async with shop.payments(answers_after=1) as payments:
        assert isinstance(await payments.pay(begin, "tok_visa"), Paying)
    async with shop.payments() as payments:
        await payments.pay(refunded, "tok_visa")
    async with shop.payments_without_gateway() as payments:
        assert isinstance(await payments.refund(Refund(refunded.reservation_id, restock=True)), RefundDue)
    port = free_port()
    async with resolving(quick(engine_settings, f"http://{LOOPBACK}:{port}"), shop.engine):
        with capture_logs() as logs:
            await wait_until(lambda: {"payment_unknown", "refund_unknown"} <= {entry["event"] for entry in logs})
        async with shop.gateway_open(port=port):
            await reaches(shop, begin.reservation_id, State.PAID)
            await reaches(shop, refunded.reservation_id, State.REFUNDED)
    assert shop.money() == {begin.attempt_id: "kept", refunded.attempt_id: "refunded"}


async def test_unknown_payments_are_asked_about_less_and_less_often(shop: Shop, engine_settings: Settings) -> None:
    await shop.open()
    begin = shop.begin(await shop.hold())
    await shop.engine.submit(begin)
    gateway = SilentGateway()
    settings = msgspec.structs.replace(
        engine_settings, gateway_timeout_ms=1, resolve_after_ms=1, resolve_interval_ms=20
    )
    resolver = Resolver(settings, shop.engine, Payments(shop.engine, gateway))

    async def asked_six_times() -> bool:
        await resolver.round()
        return len(gateway.asked_at) == 6

    await wait_until(asked_six_times)
    pauses = [after - before for before, after in pairwise(gateway.asked_at)]
    shortest = settings.resolve_interval_ms / 1000 / 2  # jitter may take half of a pause
    assert all(pause >= shortest * 2**n for n, pause in enumerate(pauses)), pauses


class CountingGateway(HttpGateway):
    """Counts how often it is asked about an attempt."""

    asked = 0

    @override
    async def status(self, attempt_id: str) -> StatusOutcome:
        self.asked += 1
        return await super().status(attempt_id)


async def test_a_gateway_that_is_away_is_asked_once_a_round_whatever_waits_for_it(
    shop: Shop, engine_settings: Settings
) -> None:
    await shop.open(capacity=20)
    begins = [shop.begin(await shop.hold(customer_id=f"c{n}")) for n in range(20)]
    await asyncio.gather(*map(shop.engine.submit, begins))
    settings = msgspec.structs.replace(engine_settings, gateway_timeout_ms=1, resolve_after_ms=1, resolve_interval_ms=1)
    port = free_port()
    async with aiohttp.ClientSession() as session:
        gateway = CountingGateway(session, f"http://{LOOPBACK}:{port}", TIMEOUT_SECONDS)
        resolver = Resolver(settings, shop.engine, shop.payments_over(gateway), lambda: gateway.answers)

        async def found_out() -> bool:
            await resolver.round()
            return gateway.asked > 0

        await wait_until(found_out)
        asked = gateway.asked
        for _ in range(10):
            await resolver.round()
        assert gateway.asked <= asked + 10
        async with shop.gateway_open(port=port):

            async def all_settled() -> bool:
                await resolver.round()
                return (await shop.counts()).paying == 0

            await wait_until(all_settled)


async def test_one_that_cannot_be_settled_does_not_stop_the_others(shop: Shop, engine_settings: Settings) -> None:
    await shop.open()
    forgotten, well = shop.begin(await shop.hold()), shop.begin(await shop.hold(customer_id="c2"))
    async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
        payments = shop.payments_over(gateway)
        await payments.pay(forgotten, "tok_visa")
        await shop.engine.submit(Refund(forgotten.reservation_id, restock=True))
        shop.forget_charge(forgotten.attempt_id)
        await shop.engine.submit(well)
        await gateway.charge(well.attempt_id, well.amount_minor, FIRST_CURRENCY, "tok_visa")
        async with resolving(quick(engine_settings, str(server.make_url("/"))), shop.engine):
            await reaches(shop, well.reservation_id, State.PAID)
    assert (await shop.find(forgotten.reservation_id)).state is State.REFUND_DUE


async def test_the_resolver_outlives_redis(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "data", tmp_path / "log") as valkey:
        settings = msgspec.structs.replace(Settings(), redis_url=valkey.url, command_timeout_ms=300)
        async with Engine(settings) as engine:
            shop = Shop(engine, tmp_path / "ledger.db")
            shop.gateway_seconds = TIMEOUT_SECONDS
            await shop.open()
            begin = shop.begin(await shop.hold())
            async with shop.gateway_open() as server, shop.gateway_at(server) as gateway:
                await shop.payments_over(gateway).pay(begin, "timeout")
                async with resolving(quick(settings, str(server.make_url("/"))), engine):
                    with capture_logs() as logs:
                        valkey.kill()
                        await wait_until(lambda: "redis_away" in {entry["event"] for entry in logs})
                    await asyncio.to_thread(valkey.start)
                    await reaches(shop, begin.reservation_id, State.PAID)
    assert shop.money() == {begin.attempt_id: "kept"}


class SilentGateway:
    """Never knows anything, and notes when it was asked."""

    def __init__(self) -> None:
        self.asked_at: list[float] = []

    async def charge(self, attempt_id: str, amount_minor: int, currency: str, payment_token: str) -> ChargeOutcome:
        return Unknown()

    async def status(self, attempt_id: str) -> StatusOutcome:
        self.asked_at.append(asyncio.get_running_loop().time())
        return Unknown()

    async def void(self, attempt_id: str) -> ChargeOutcome:
        return Unknown()

    async def refund(self, attempt_id: str, refund: ChargeRefund) -> RefundOutcome:
        return Unknown()
