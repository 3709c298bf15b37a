"""Addresses that come with tokens that are no good: how often each may, where addresses are limited.

To look at a token costs a signature check, which is much next to what a hold costs. So this is about work, not about
guessing: nobody guesses a signature. It is counted in each process, without a way to Redis, by the rate of the settings
and the algorithm of lua/18_limits.lua. Tokens that are known to be good are not looked at again (api/tokens.py), so
who has one is not disturbed by others of the same address.
"""

import time
from collections import OrderedDict

from api.problems import Code, Problem
from api.rates import POLICY, RATE_LIMIT, rate_limit, rate_policy, seconds
from engine.limits import every_ms
from engine.results import Allowance
from engine.settings import Settings

_MOST = 10_000
"""How many addresses are remembered: those that came last."""


class Strangers:
    """What addresses have tried, so far as it still counts. An address that is empty is not limited."""

    def __init__(self, settings: Settings) -> None:
        self._every_ms = every_ms(settings.address_per_minute)
        self._ahead_ms = self._every_ms * (settings.address_burst - 1)
        self._policy = rate_policy("address", settings.address_per_minute, settings.address_burst)
        self._arrivals: OrderedDict[str, int] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises Problem rate_limited for an address that has tried too often."""
        wait_ms = self._arrivals.get(address, 0) - self._ahead_ms - _now_ms()
        if wait_ms > 0:
            retry_after = str(seconds(wait_ms))
            raise Problem(
                Code.RATE_LIMITED,
                f"Too many tokens from your address are no good; try again in {retry_after} s.",
                headers={
                    "Retry-After": retry_after,
                    RATE_LIMIT: rate_limit(Allowance("address", 0, wait_ms)),
                    POLICY: self._policy,
                },
                limited="address",
            )

    def failed(self, address: str) -> None:
        """Notes that an address has tried in vain."""
        if not address:
            return
        self._arrivals[address] = max(self._arrivals.get(address, 0), _now_ms()) + self._every_ms
        self._arrivals.move_to_end(address)
        if len(self._arrivals) > _MOST:
            self._arrivals.popitem(last=False)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
