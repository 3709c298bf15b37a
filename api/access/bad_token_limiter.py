"""Rate limit, per client address, for requests with invalid tokens.

To look at a token costs a signature check, which is much next to what a hold costs. So this is about work, not about
guessing: nobody guesses a signature. It is counted in each process, by the rate of the settings. Tokens that are known
to be good are not looked at again (api/access/tokens.py), so their owners are not disturbed by others of the same
address.
"""

from collections.abc import Iterator

from api.access.local_rates import LocalRates
from api.access.rate_limit_headers import POLICY, RATE_LIMIT, rate_limit, rate_policy, seconds
from api.http.problems import Code, Problem
from engine.limits import WIDER, every_ms
from engine.results.result import Allowance
from engine.settings import Settings


class BadTokenLimiter:
    """The recent failed attempts of each address. An empty address is not limited."""

    def __init__(self, settings: Settings) -> None:
        self._every_ms = every_ms(settings.address_per_minute)
        self.limits = self._every_ms > 0
        self._burst = settings.address_burst
        self._policy = rate_policy("address", self._every_ms, settings.address_burst)
        self._rates = LocalRates()

    def check(self, address: str) -> None:
        """Raises Problem rate_limited for an address that has tried too often, or whose wider network has."""
        wait_ms = self._wait_ms(address)
        if wait_ms > 0:
            retry_after = str(seconds(wait_ms))
            raise Problem(
                Code.RATE_LIMITED,
                f"Too many invalid tokens from your address; try again in {retry_after} s.",
                headers={
                    "Retry-After": retry_after,
                    RATE_LIMIT: rate_limit(Allowance("address", 0, wait_ms)),
                    POLICY: self._policy,
                },
                limited="address",
            )

    def refuses(self, address: str) -> bool:
        """True if `check` would raise."""
        return not self._rates.is_empty and self._wait_ms(address) > 0

    def _wait_ms(self, address: str) -> int:
        waits = (self._rates.wait_ms(*of) for of in networks_of(address, self._every_ms, self._burst))
        return max(waits, default=0)

    def failed(self, address: str) -> None:
        """Record a failed attempt of an address."""
        for network, pace_ms, _ in networks_of(address, self._every_ms, self._burst):
            self._rates.count(network, pace_ms)


def networks_of(address: str, pace_ms: int, burst: int) -> Iterator[tuple[str, int, int]]:
    """The limits of an address (`limited_address`): each network, its interval in ms, and its burst."""
    for network, wider in zip(address.split(), (1, WIDER), strict=False):
        yield network, max(1, pace_ms // wider), burst * wider
