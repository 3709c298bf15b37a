"""Limits on speed as clients read them: the headers of the IETF draft httpapi-ratelimit-headers.

`RateLimit-Policy` has the limits, `RateLimit` the rest that they leave to the caller. The limits are GCRA's
(lua/18_limits.lua): a quota of requests at once, which refills evenly within its window.
"""

from collections.abc import MutableMapping

from aiohttp import web

from engine.limits import Limits, LimitsInForce
from engine.results.limits import RateLimited
from engine.results.result import Allowance, Result

POLICY, RATE_LIMIT = "RateLimit-Policy", "RateLimit"

TOLD = web.RequestKey("rate_limit", str)
"""The text of `RateLimit` for who asked."""


class RatePolicies:
    """The header RateLimit-Policy of the limits in force, made once for each."""

    def __init__(self, limits: LimitsInForce) -> None:
        self._limits, self._of, self._text = limits, limits.current, rate_policies(limits.current)

    def now(self) -> str:
        """The header; empty if nothing is limited."""
        if self._limits.current is not self._of:
            self._of = self._limits.current
            self._text = rate_policies(self._of)
        return self._text


def rate_policies(limits: Limits) -> str:
    """The header RateLimit-Policy; empty if nothing is limited."""
    policies = []
    if limits.customer_every_ms:
        policies.append(rate_policy("customer", limits.customer_every_ms, limits.customer_burst))
    if limits.address_every_ms:
        policies.append(rate_policy("address", limits.address_every_ms, limits.address_burst))
    if limits.expiries:
        policies.append(f'"expiries";q={limits.expiries};w={seconds(limits.cool_down_ms)}')
    return ", ".join(policies)


def rate_policy(who: str, every_ms: int, burst: int) -> str:
    """One limit: the requests at once, and the seconds in which the quota refills from nothing."""
    return f'"{who}";q={burst};w={seconds(burst * every_ms)}'


def rate_limit(*allowances: Allowance) -> str:
    """The header RateLimit."""
    return ", ".join([f'"{each.who}";r={each.left};t={-(-each.reset_ms // 1000)}' for each in allowances])


def seconds(ms: int) -> int:
    """Milliseconds rounded up to whole seconds."""
    return -(-ms // 1000)


def tell_rates(request: web.Request, result: Result) -> None:
    """Remembers what the limits left, for the headers of the response, whatever that will be."""
    told = result.allowances
    if isinstance(result, RateLimited) and result.who == "expiries":
        told = (Allowance(result.who, 0, result.retry_ms), *told)
    if told:
        request[TOLD] = rate_limit(*told)


def mark_rates(request: web.Request, headers: MutableMapping[str, str], policies: str) -> None:
    """Adds what there is to tell to the headers of an answer of a route that is limited."""
    if not policies:
        return
    headers[POLICY] = policies
    told = request.get(TOLD)
    if told is not None:
        headers[RATE_LIMIT] = told
