import asyncio

from engine.backoff import KeyedBackoff, pause_after
from tests.support.waiting import wait_until


def test_pauses_double_up_to_the_longest() -> None:
    for failures, longest in ((0, 0.1), (1, 0.2), (2, 0.4), (5, 3.2), (6, 5), (1_000, 5)):
        pauses = {pause_after(failures, 0.1, 5) for _ in range(200)}
        assert longest / 2 <= min(pauses) < longest * 0.6
        assert longest * 0.9 < max(pauses) <= longest


async def test_failures_pause_longer_each_time_until_a_success() -> None:
    backoff, clock = KeyedBackoff[str](10, 0.002), asyncio.get_running_loop().time
    began = clock()
    for _ in range(5):
        backoff.failed("a")
        assert backoff.pausing() == {"a"}
        await wait_until(lambda: not backoff.pausing())
    assert clock() - began >= 0.5 * 0.002 * (1 + 2 + 4 + 8 + 16)
    backoff.succeeded("a")
    assert (len(backoff), backoff.pausing()) == (0, set())


async def test_failures_at_one_time_pause_once() -> None:
    backoff = KeyedBackoff[str](1000, 100)
    began = asyncio.get_running_loop().time()
    for _ in range(20):
        backoff.failed("a")
    backoff.failed("b", at_least_seconds=500)
    assert backoff.pausing() == {"a", "b"}
    pauses = {key: pause.until - began for key, pause in backoff._pauses.items()}  # a clock cannot jump
    assert pauses["a"] < 101
    assert pauses["b"] >= 500
    backoff.keep({"b", "c"})
    assert backoff.pausing() == {"b"}
