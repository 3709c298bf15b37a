"""Length of tests that could go on for ever: short by default, long with `make soak`."""

import os
from typing import TypeVar

import pytest

T = TypeVar("T")

SOAKING = os.environ.get("SOAK", "0") not in ("", "0")
"""True if the long runs were requested."""


LONG = pytest.mark.skipif(not SOAKING, reason="minutes of processor time: make soak, make failover or make crash")
"""Of tests that an ordinary run leaves out."""


def effort(usual: T, soaking: T) -> T:
    """Examples, runs, seconds or rows: the usual number, or the one of a soak; or what else there is more of."""
    return soaking if SOAKING else usual
