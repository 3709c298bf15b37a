"""Bad tokens from networks of IPv6: who has many of /64 has one of /48."""

import pytest

from api.access.bad_token_limiter import BadTokenLimiter
from api.http.problems import Problem
from engine.limits import WIDER
from engine.settings import Settings

BURST = 3


@pytest.fixture
def limiter() -> BadTokenLimiter:
    return BadTokenLimiter(Settings(address_per_minute=1, address_burst=BURST))


def refused(limiter: BadTokenLimiter, address: str) -> bool:
    try:
        limiter.check(address)
    except Problem as problem:
        return problem.status == 429
    limiter.failed(address)
    return False


def test_a_network_of_64_bits_is_one(limiter: BadTokenLimiter) -> None:
    assert [refused(limiter, "2001:db8:1:2::/64 2001:db8:1::/48") for _ in range(5)] == [False] * BURST + [True] * 2
    assert not refused(limiter, "2001:db8:1:3::/64 2001:db8:1::/48"), "a neighbour"


def test_a_network_of_48_bits_is_limited_too(limiter: BadTokenLimiter) -> None:
    came = [refused(limiter, f"2001:db8:1:{number:x}::/64 2001:db8:1::/48") for number in range(100)]
    assert came == [False] * BURST * WIDER + [True] * (100 - BURST * WIDER)
    assert not refused(limiter, "2001:db8:2:1::/64 2001:db8:2::/48"), "another provider's customer"
    assert not refused(limiter, "192.0.2.1")


def test_requests_without_an_address_are_not_limited(limiter: BadTokenLimiter) -> None:
    assert not any(refused(limiter, "") for _ in range(100))
