"""Rate limits that each process counts for itself: reads per address, and payments, bookings and refunds.

Holds are limited in Redis, where they are decided (lua/18_limits.lua). Requests that are limited here never come so
far. Reads are answered from memory, and each attempt to settle a hold costs a call of the gateway.
"""

from collections.abc import Callable

from aiohttp import web

from api.access.bad_token_limiter import networks_of
from api.access.callers import caller_of
from api.access.client_address import networks
from api.access.local_rates import LocalRates
from api.access.rate_limit_headers import seconds
from api.http.problems import Code, Problem
from engine.limits import every_ms
from engine.settings import Settings

Check = Callable[[web.Request], None]
"""Raises Problem rate_limited."""


class RequestLimiter:
    """The recent requests of each address, and of each customer, on the routes that this limits."""

    def __init__(self, settings: Settings) -> None:
        self._reads, self._customers, self._addresses = LocalRates(), LocalRates(), LocalRates()
        self._read_ms, self._read_burst = every_ms(settings.reads_per_minute), settings.reads_burst
        self._customer_ms, self._customer_burst = every_ms(settings.customer_per_minute), settings.customer_burst
        self._address_ms, self._address_burst = every_ms(settings.address_per_minute), settings.address_burst

    def of_reads(self) -> Check | None:
        """The limit of routes that only read; None if there is none."""
        return self._check_read if self._read_ms else None

    def of_settling(self) -> Check | None:
        """The limit of routes that settle what is held, for customers; None if there is none."""
        return self._check_settling if self._customer_ms or self._address_ms else None

    def _check_read(self, request: web.Request) -> None:
        _count(self._reads, networks(request), self._read_ms, self._read_burst)

    def _check_settling(self, request: web.Request) -> None:
        customer = caller_of(request).owner
        if not customer:
            return
        if self._address_ms:
            _count(self._addresses, networks(request), self._address_ms, self._address_burst)
        if self._customer_ms:
            wait_ms = self._customers.wait_ms(customer, self._customer_ms, self._customer_burst)
            if wait_ms > 0:
                raise _too_fast("customer", wait_ms)
            self._customers.count(customer, self._customer_ms)


def _count(rates: LocalRates, address: str, pace_ms: int, burst: int) -> None:
    """Counts a request of an address. Raises Problem rate_limited, and then it is not counted."""
    limited = list(networks_of(address, pace_ms, burst))
    wait_ms = max((rates.wait_ms(*of) for of in limited), default=0)
    if wait_ms > 0:
        raise _too_fast("address", wait_ms)
    for network, every, _ in limited:
        rates.count(network, every)


def _too_fast(who: str, wait_ms: int) -> Problem:
    retry_after = str(seconds(wait_ms))
    return Problem(
        Code.RATE_LIMITED,
        f"Too many requests; try again in {retry_after} s.",
        headers={"Retry-After": retry_after},
        limited=who,
    )
