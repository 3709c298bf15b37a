"""A server that answers with an error that passes: what was asked is asked again, and is never taken for a bug."""

import asyncio
import time

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.commands.events import Count
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.errors import OutcomeUnknown, Unready
from engine.ids import new_reservation_id
from engine.results.events import Counts
from engine.results.holds import Held
from engine.settings import Settings
from tests.support.dropping_proxy import LosingProxy
from tests.support.engine.bulk_holds import event_of
from tests.support.engine.unanswered_call import no_answer_after_a_refusal

EVENT = 16
TIMEOUT_MS = 400
BATCH, READ = b"onsale_run", b"ZRANGEBYSCORE"

ANSWERS = [
    b"-READONLY You can't write against a read only replica.\r\n",
    b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    b"-CLUSTERDOWN The cluster is down\r\n",
    b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
    b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
    b"-NOPERM User app has no permissions to run the 'fcall' command\r\n",
    b"-LOADING Valkey is loading the dataset in memory\r\n",
    b"-MOVED 3999 127.0.0.1:6381\r\n",
    b"-ASK 3999 127.0.0.1:6381\r\n",
    b"-BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\r\n",
    b"-MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk.\r\n",
    b"-NOREPLICAS Not enough good replicas to write.\r\n",
]


def hold_of(customer_id: str) -> Hold:
    return Hold(new_reservation_id(EVENT), EVENT, customer_id, "{}", "digest", items_text([(7, 1)]))


@pytest.fixture
async def on_sale(engine: Engine) -> Engine:
    """An engine with time, for what comes before a server is unready and after."""
    await engine.submit(event_of(EVENT, 100))
    return engine


async def held(engine: Engine) -> int:
    counts = await engine.submit(Count(EVENT))
    assert isinstance(counts, Counts)
    return counts.tickets[0].held


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.split()[0][1:].decode())
async def test_a_passing_error_reaches_no_caller(engine_settings: Settings, answer: bytes) -> None:
    async with (
        LosingProxy(engine_settings.redis_url) as proxy,
        Engine(replace(engine_settings, redis_url=proxy.url)) as engine,
    ):
        await engine.submit(event_of(EVENT, 100))
        proxy.refuse(BATCH, answer, times=3)
        holds = await asyncio.gather(*(engine.submit(hold_of(str(number))) for number in range(20)))
        assert all(isinstance(hold, Held) and not hold.replayed for hold in holds)
        assert await held(engine) == 20
    assert proxy.refused == 3, "the batch was sent again whole, not one by one"


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.split()[0][1:].decode())
async def test_an_error_that_stays_is_a_fault_in_time(
    engine_settings: Settings, on_sale: Engine, answer: bytes
) -> None:
    async with (
        LosingProxy(engine_settings.redis_url) as proxy,
        Engine(replace(engine_settings, redis_url=proxy.url, command_timeout_ms=TIMEOUT_MS)) as engine,
    ):
        proxy.refuse(BATCH, answer, times=float("inf"))
        began = time.monotonic()
        with capture_logs() as lines:
            answers = await asyncio.gather(
                *(engine.submit(hold_of(str(number))) for number in range(20)), return_exceptions=True
            )
        assert {type(one) for one in answers} <= {Unready, OutcomeUnknown}
        assert time.monotonic() - began < 3 * TIMEOUT_MS / 1000
        assert [line["event"] for line in lines] == ["redis_away"], "one line, however many are asked"
        proxy.refuse_no_more()
    assert await held(on_sale) == 0


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.split()[0][1:].decode())
async def test_calls_outside_of_batches_are_asked_again_too(engine_settings: Settings, answer: bytes) -> None:
    async with (
        LosingProxy(engine_settings.redis_url) as proxy,
        Engine(replace(engine_settings, redis_url=proxy.url, command_timeout_ms=TIMEOUT_MS)) as engine,
    ):
        proxy.refuse(b"mykey", answer, times=3)
        assert await engine.redis.execute_command("SET", "mykey", "value", "NX")
        assert await engine.redis.get("mykey") == b"value"
        proxy.refuse(b"mykey", answer, times=float("inf"))
        with pytest.raises(Unready):
            await engine.redis.get("mykey")
        proxy.refuse_no_more()
        await engine.redis.delete("mykey")


async def test_a_call_without_an_answer_is_not_repeated(engine_settings: Settings) -> None:
    async with (
        LosingProxy(engine_settings.redis_url) as proxy,
        Engine(replace(engine_settings, redis_url=proxy.url)) as engine,
    ):
        proxy.lose(b"mykey")
        with pytest.raises(OutcomeUnknown):
            await engine.redis.execute_command("SET", "mykey", "value", "NX")
        assert proxy.lost == 1
        assert await engine.redis.get("mykey") == b"value", "the server had done it"
        await engine.redis.delete("mykey")


async def test_a_replica_takes_no_sales_and_its_promotion_brings_them_back(
    engine_settings: Settings, on_sale: Engine
) -> None:
    async with Engine(replace(engine_settings, command_timeout_ms=TIMEOUT_MS)) as engine:
        await on_sale.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        try:
            with pytest.raises((Unready, OutcomeUnknown)):
                await engine.submit(hold_of("early"))
        finally:
            await on_sale.redis.execute_command("REPLICAOF", "NO", "ONE")
    assert isinstance(await on_sale.submit(hold_of("late")), Held)


async def test_one_batch_tries_a_server_that_stays_away_and_all_others_are_refused_at_once(
    engine_settings: Settings, on_sale: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.outage.AWAY_SECONDS", TIMEOUT_MS / 1000)
    async with (
        LosingProxy(engine_settings.redis_url) as proxy,
        Engine(replace(engine_settings, redis_url=proxy.url, command_timeout_ms=TIMEOUT_MS)) as engine,
    ):
        proxy.refuse(BATCH, ANSWERS[0], times=float("inf"))
        for number in range(2):
            with pytest.raises(Unready):
                await engine.submit(hold_of(f"waits-{number}"))
        trying = asyncio.create_task(engine.submit(hold_of("tries")))
        await asyncio.sleep(0)
        for number in range(20):
            with pytest.raises(Unready, match="has been away"):
                await engine.submit(hold_of(f"refused-{number}"))
        assert not trying.done(), "the others did not wait"
        proxy.refuse_no_more()
        assert isinstance(await trying, Held), "it was tried all the while"
    assert isinstance(await on_sale.submit(hold_of("later")), Held)
    assert await held(on_sale) == 2


async def test_a_call_that_gets_no_answer_after_a_refusal_may_have_had_its_effect(
    engine_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await no_answer_after_a_refusal(engine_settings, monkeypatch)
