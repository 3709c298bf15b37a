"""The server's clock, estimated from answers."""

import math
import time
from collections.abc import Callable
from datetime import datetime


class ServerClock:
    """Bounds of the difference between the server's clock and ours, in seconds, narrowed by each answer."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._low, self._high = -math.inf, math.inf

    def mark(self) -> float:
        """Monotonic seconds; for `observe`."""
        return self._monotonic()

    def observe(self, server: float, sent: float, received: float, resolution: float = 0.001) -> None:
        """Notes that the server's clock showed `server` (cut to `resolution`) after `sent` and before `received`."""
        low, high = server - received, server + resolution - sent
        both = max(low, self._low), min(high, self._high)
        self._low, self._high = both if both[0] <= both[1] else (low, high)  # a clock that was set: the newest is right

    @property
    def uncertainty(self) -> float:
        """The greatest error of `now`, in seconds; infinite before the first answer."""
        return (self._high - self._low) / 2

    def now(self) -> float:
        """The server's time in seconds since 1970; ours before the first answer."""
        if math.isinf(self._high):
            return time.time()
        return self._monotonic() + (self._low + self._high) / 2

    def until(self, instant: str) -> float:
        """Seconds until an instant of the server, such as `expires_at`; 0 if it is over."""
        return max(0.0, datetime.fromisoformat(instant).timestamp() - self.now())
