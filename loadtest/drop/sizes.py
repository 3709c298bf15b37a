"""Sizes of a rehearsal, and the arrival of its people."""

from typing import NamedTuple


class Size(NamedTuple):
    """Buyers, what there is for them, and the phases of the drop, in seconds.

    Quiet: few are there. Countdown: more and more, watching. Burst: most come within seconds of the opening. Tail: the
    rest. After it, customers who are still active have `patience` to finish.
    """

    buyers: int
    places: int
    rows: int
    seats_per_row: int
    slots: int
    slot_capacity: int
    hold_seconds: int
    quiet: int
    countdown: int
    burst: int
    tail: int
    patience: int

    @property
    def opens_after(self) -> int:
        """Seconds from the start to the opening of the sale."""
        return self.quiet + self.countdown

    @property
    def longest(self) -> int:
        """Seconds after which it ends, even if customers are still active."""
        return self.opens_after + self.burst + self.tail + self.patience

    def arrived(self, seconds: float) -> int:
        """The number of people who have come by then.

        The clock alone decides: a slow server does not make people come later.
        """
        early, late = self.buyers // 50, self.buyers // 5
        if seconds < self.quiet:
            return max(1, early)
        if seconds < self.opens_after:
            return max(1, early + int((late - early) * (seconds - self.quiet) / self.countdown))
        most = self.buyers * 9 // 10
        since = seconds - self.opens_after
        if since < self.burst:
            return max(1, late + int((most - late) * since / self.burst))
        return min(self.buyers, most + int((self.buyers - most) * (since - self.burst) / self.tail) + 1)

    def gathered(self, seconds: float) -> int:
        """The number of people who have come by then where they wait for a draw: most before the sale opens."""
        early = self.buyers * 7 // 10
        if seconds < self.opens_after:
            return max(1, int(early * seconds / self.opens_after))
        since = seconds - self.opens_after
        return min(self.buyers, early + int((self.buyers - early) * since / self.burst) + 1)


SIZES = {
    "tiny": Size(60, 20, 4, 5, 2, 5, 3, 1, 2, 2, 2, 8),
    "small": Size(500, 200, 10, 20, 3, 20, 10, 2, 4, 4, 10, 20),
    "drop": Size(5000, 2000, 20, 25, 6, 20, 20, 5, 10, 20, 20, 45),
    "large": Size(20_000, 8000, 40, 50, 6, 20, 120, 10, 30, 20, 60, 180),
}
"""By the name that `onsale loadtest --size` takes."""
