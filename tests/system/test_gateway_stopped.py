"""The gateway is away in the middle of a sale: it hangs, then it is dead, then it is back.

Holds and reads stay as fast as before, payments are answered within their timeout, and everything settles afterwards.
Here all times are scaled down, the outage to six seconds. The real thing, with the settings that users have:

    OUTAGE_SECONDS=300 python -m pytest tests/system/test_gateway_stopped.py -n0 -rP
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median, quantiles

import pytest

from tests.support.system.ledgers import check_books, gateway_charges, redis_reservations, unsettled
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Answer, Event, Storefront
from tests.support.waiting import wait_until

SCALED_SECONDS = 4
OUTAGE_SECONDS = int(os.environ.get("OUTAGE_SECONDS", str(SCALED_SECONDS)))
BEFORE_SECONDS = OUTAGE_SECONDS * 2 // 5 if OUTAGE_SECONDS < 60 else 30
SETTLE_SECONDS = 60 + OUTAGE_SECONDS
BUYERS, REST_SECONDS = 8, 0.1


class Sale:
    """Some look and hold, some buy; how long each answer took is noted by what was asked, and when."""

    def __init__(self, storefront: Storefront, event: Event) -> None:
        self._storefront = storefront
        self._event = event
        self._numbers = count(1)
        self.phase = "before"
        self.took_ms: dict[tuple[str, str], list[float]] = {}
        self.statuses: Counter[tuple[str, str, int]] = Counter()
        self._over = asyncio.Event()

    @contextmanager
    def going_on(self, tasks: asyncio.TaskGroup) -> Iterator[None]:
        """They come for as long as the block runs; then each ends what it is at."""
        for _ in range(2):
            tasks.create_task(self._look())
        for _ in range(BUYERS):
            tasks.create_task(self._buy())
        yield
        self._over.set()

    def percentile_ms(self, phase: str, what: str) -> tuple[float, float]:
        """Median, and what 99 of 100 stay below."""
        took = self.took_ms[phase, what]
        return median(took), quantiles(took, n=100)[98]

    async def _look(self) -> None:
        while not self._over.is_set():
            held = await self._measure("hold", self._hold())
            await self._measure("read", self._storefront.reservation(held.body["id"]))
            await self._measure("list", self._storefront.ask("GET", f"/v1/events/{self._event.event_id}/availability"))
            await asyncio.sleep(REST_SECONDS / 2)

    async def _buy(self) -> None:
        while not self._over.is_set():
            held = await self._hold()
            await self._measure("pay", self._storefront.pay(held.body["id"]))
            await asyncio.sleep(REST_SECONDS)

    def _hold(self) -> Awaitable[Answer]:
        return self._storefront.hold(self._event.ticket_id, f"c{next(self._numbers)}")

    async def _measure(self, what: str, asked: Awaitable[Answer]) -> Answer:
        phase, began = self.phase, time.perf_counter()
        answer = await asked
        if phase == self.phase:  # what fell in between belongs to neither
            self.took_ms.setdefault((phase, what), []).append(1000 * (time.perf_counter() - began))
            self.statuses[phase, what, answer.status] += 1
        return answer


@pytest.mark.timeout(2 * OUTAGE_SECONDS + 240)
async def test_sales_go_on_while_the_gateway_is_away(stack: Stack, storefront: Storefront) -> None:
    if OUTAGE_SECONDS <= SCALED_SECONDS:
        stack.configure(gateway_timeout_ms=500, resolve_interval_ms=200, resolve_after_ms=600)
    await stack.start("gateway", "sync", "api")
    sale = Sale(storefront, await storefront.create_event(capacity=1_000_000))
    async with asyncio.TaskGroup() as tasks:
        with sale.going_on(tasks):
            await asyncio.sleep(BEFORE_SECONDS)
            stack.freeze("gateway")
            sale.phase = "away"
            await asyncio.sleep(OUTAGE_SECONDS / 2)
            stack.kill("gateway")
            await asyncio.sleep(OUTAGE_SECONDS / 2)
            sale.phase = "returning"
            await stack.start("gateway")
            sale.phase = "after"
            paid_again = ("after", "pay", 200)
            await wait_until(lambda: sale.statuses[paid_again] > BUYERS, 20, "people pay again")
    check_figures(sale, stack.settings.gateway_timeout_ms)

    began = time.monotonic()
    await wait_until(lambda: unsettled(stack) == 0, SETTLE_SECONDS, "everything settles")
    print(f"settled {time.monotonic() - began:.1f} s after the sale")  # noqa: T201  # shown by -rP
    await check_books(stack)
    check_money(stack)


def check_figures(sale: Sale, gateway_timeout_ms: int) -> None:
    """The answers, and their times."""
    for what in ("hold", "read", "list", "pay"):
        for phase in ("before", "away"):
            typical, slow = sale.percentile_ms(phase, what)
            asked = len(sale.took_ms[phase, what])
            print(f"{phase:>6} {what:<4} {asked:>6} asked, p50 {typical:6.1f} ms, p99 {slow:6.1f} ms")  # noqa: T201  # shown by -rP
    assert {key for key in sale.statuses if key[0] in {"before", "away"}} == {
        *((phase, what, 200) for phase in ("before", "away") for what in ("read", "list")),
        *((phase, "hold", 201) for phase in ("before", "away")),
        ("before", "pay", 200),
        ("away", "pay", 202),
    }
    assert max(sale.took_ms["away", "pay"]) < gateway_timeout_ms + 1000
    # Generous for a machine that is shared, and far below the timeout of a charge that somebody would wait for.
    for what in ("hold", "read", "list"):
        (typical, slow), (typical_away, slow_away) = (sale.percentile_ms(phase, what) for phase in ("before", "away"))
        assert typical_away < 2 * typical + 15, f"{what}: {typical_away} ms instead of {typical}"
        assert slow_away < 2 * slow + 150, f"{what}: {slow_away} ms instead of {slow}, for one of a hundred"


def check_money(stack: Stack) -> None:
    """Every charge is exactly one paid reservation, and the other way round."""
    charged = sorted(charge.id for charge in gateway_charges(stack) if charge.state == "completed")
    paid = sorted(
        payment.id
        for reservation in redis_reservations(stack).values()
        for payment in reservation.payments
        if reservation.status == "paid" and payment.status == "completed"
    )
    assert charged == paid
