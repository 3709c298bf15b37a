"""Limits on speed as clients read them: the headers of the IETF draft httpapi-ratelimit-headers.

`RateLimit-Policy` tells what the limits are, `RateLimit` what they leave whoever asked. The limits are GCRA's
(lua/18_limits.lua): a quota of so many at once, which fills up again, evenly, within its window.
"""

from collections.abc import MutableMapping

from aiohttp import web

from engine.limits import every_ms
from engine.results import Allowance, RateLimited, Result
from engine.settings import Settings

POLICY, RATE_LIMIT = "RateLimit-Policy", "RateLimit"

_TOLD = web.RequestKey("rate_limit", str)


def rate_policies(settings: Settings) -> str:
    """The header RateLimit-Policy; empty if nothing is limited."""
    policies = []
    if settings.customer_per_minute:
        policies.append(rate_policy("customer", settings.customer_per_minute, settings.customer_burst))
    if settings.address_per_minute:
        policies.append(rate_policy("address", settings.address_per_minute, settings.address_burst))
    if settings.cool_down_expiries:
        policies.append(f'"expiries";q={settings.cool_down_expiries};w={settings.cool_down_seconds}')
    return ", ".join(policies)


def rate_policy(who: str, per_minute: int, burst: int) -> str:
    """One limit: so many at once, and within how many seconds that fills up again from nothing."""
    return f'"{who}";q={burst};w={seconds(burst * every_ms(per_minute))}'


def rate_limit(*allowances: Allowance) -> str:
    """The header RateLimit."""
    return ", ".join([f'"{each.who}";r={each.left};t={-(-each.reset_ms // 1000)}' for each in allowances])


def seconds(ms: int) -> int:
    """Whole seconds, in which so many ms are surely over."""
    return -(-ms // 1000)


def tell_rates(request: web.Request, result: Result) -> None:
    """Remembers what the limits left, for the headers of the response, whatever that will be."""
    told = result.allowances
    if isinstance(result, RateLimited) and result.who == "expiries":
        told = (Allowance(result.who, 0, result.retry_ms), *told)
    if told:
        request[_TOLD] = rate_limit(*told)


def mark_rates(request: web.Request, headers: MutableMapping[str, str], policies: str) -> None:
    """Adds what there is to tell to the headers of an answer of a route that is limited."""
    headers[POLICY] = policies
    told = request.get(_TOLD)
    if told is not None:
        headers[RATE_LIMIT] = told
