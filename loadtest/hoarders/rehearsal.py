"""A rehearsal of hoarders, from the opening to its figures."""

import asyncio
import random
import time
from collections.abc import Callable
from typing import NamedTuple, cast

import aiohttp
import msgspec
from redis.asyncio import Redis

from loadtest.hoarders.crowd import HOARDER, ONE_ADDRESS, Bought, Caller, Hoarded, buy, hoard
from loadtest.hoarders.stage import PLACES, Stage

MOST_SHARE = 0.05
"""The share of all places that hoarders may hold at the end."""

_SAMPLES = 60
_LAST_BUYER = 0.6
"""Buyers come in this share of the time, so that all can pay within it."""

_OFFICE = "198.51.100.1"
_OF_THE_OFFICE = 20
"""Every twentieth buyer comes from one address."""


class Rehearsal(NamedTuple):
    """The figures. `samples`: seconds since the opening, at real pace, and places that hoarders held."""

    samples: list[tuple[float, int]]
    hoarded: Hoarded
    bought: Bought

    @property
    def at_the_end(self) -> int:
        """Places that hoarders held at the end."""
        return self.samples[-1][1]

    @property
    def most(self) -> int:
        """The largest number of places that hoarders held at one time."""
        return max(held for _, held in self.samples)

    def breaches(self) -> list[str]:
        """The results that are required and missed."""
        missed = []
        if self.at_the_end > MOST_SHARE * PLACES:
            missed.append(f"hoarders hold {self.at_the_end} of {PLACES} places at the end")
        if self.bought.paid != self.bought.buyers:
            missed.append(f"{self.bought.paid} of {self.bought.buyers} buyers have paid")
        return missed + self.bought.trouble


async def rehearse(
    stage: Stage, *, seconds: float, accounts: int, buyers: int, tell: Callable[[str], None]
) -> Rehearsal:
    """Lets hoarders and buyers in for `seconds`, at real pace, which the stage's scale makes shorter."""
    lasts = seconds / stage.scale
    hoarded, bought = Hoarded(), Bought()
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as tasks:
        takers = [Caller(session, stage, f"{HOARDER}{number}", ONE_ADDRESS) for number in range(accounts)]
        people = [Caller(session, stage, f"buyer-{number}", _address_of(number)) for number in range(buyers)]
        began = time.monotonic()
        for number, caller in enumerate(takers):
            tasks.create_task(hoard(caller, number, stage, began + lasts, hoarded))
        for caller in people:
            tasks.create_task(buy(caller, stage, random.random() * _LAST_BUYER * lasts, bought))
        samples = await _watch(stage, began, lasts, tell)
    return Rehearsal(samples, hoarded, bought)


def _address_of(number: int) -> str:
    return _OFFICE if number % _OF_THE_OFFICE == 0 else f"198.18.{number // 250}.{number % 250 + 1}"


async def _watch(stage: Stage, began: float, lasts: float, tell: Callable[[str], None]) -> list[tuple[float, int]]:
    """The places that hoarders hold, from time to time and at the end, as the ledger says."""
    samples: list[tuple[float, int]] = []
    async with Redis.from_url(stage.redis_url, socket_timeout=10) as redis:
        while time.monotonic() < began + lasts:
            await asyncio.sleep(max(0.1, lasts / _SAMPLES))
            held = 0
            async for key in redis.scan_iter("*:ledger", count=100):
                for raw in (await redis.hgetall(key)).values():
                    record = msgspec.msgpack.decode(cast("bytes", raw))
                    if record[0] in ("held", "paying") and record[2].startswith(HOARDER):
                        held += sum(line[2] for line in record[8])
            samples.append(((time.monotonic() - began) * stage.scale, held))
            tell(f"{samples[-1][0]:6.0f} s: hoarders hold {held}")
    return samples
