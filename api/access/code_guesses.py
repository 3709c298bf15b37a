"""Rate limit, per client address, for codes that are wrong: so that nobody finds one by trying.

It counts wrong codes alone, and it is always on, whatever the other limits are. An address that has tried too often may
name no code for a while, right or wrong: an answer would tell which. Each process counts for itself.
"""

from collections.abc import Iterator

from aiohttp import web

from api.access.bad_token_limiter import networks_of
from api.access.client_address import networks
from api.access.local_rates import LocalRates
from api.access.rate_limit_headers import seconds
from api.http.problems import Code, Problem
from engine.limits import every_ms
from engine.settings import Settings

_NOWHERE = "nowhere"
"""The one address of all who come by no network."""


class CodeGuesses:
    """The wrong codes of each address. An empty address (a Unix socket) counts as one."""

    def __init__(self, settings: Settings) -> None:
        self._every_ms, self._burst = max(1, every_ms(settings.wrong_codes_per_minute)), settings.wrong_codes_burst
        self._rates = LocalRates()

    def check(self, request: web.Request) -> None:
        """Raises Problem rate_limited for an address that named too many wrong codes, or whose wider network did."""
        if self._rates.is_empty:
            return  # nobody has named a wrong code yet, and in a drop everybody may name a right one
        address = networks(request) or _NOWHERE
        if " " in address:
            wait_ms = max(self._rates.wait_ms(*of) for of in self._networks(address))
        else:  # most have one network, and many of a drop name a code
            wait_ms = self._rates.wait_ms(address, self._every_ms, self._burst)
        if wait_ms > 0:
            retry_after = str(seconds(wait_ms))
            raise Problem(
                Code.RATE_LIMITED,
                f"Too many wrong codes from your address; try again in {retry_after} s.",
                headers={"Retry-After": retry_after},
                limited="address",
            )

    def failed(self, request: web.Request) -> None:
        """Record a wrong code."""
        for network, pace_ms, _ in self._networks(networks(request) or _NOWHERE):
            self._rates.count(network, pace_ms)

    def _networks(self, address: str) -> Iterator[tuple[str, int, int]]:
        return networks_of(address, self._every_ms, self._burst)


CODE_GUESSES: web.AppKey["CodeGuesses"] = web.AppKey("code_guesses")
