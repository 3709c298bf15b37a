"""The drop while it runs: figures of the latest look, and the part of the verdict that can be told already. Pure."""

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from loadtest.drop.told import Taking

_WINDOW = 10
"""Looks that the sales a second are the mean of."""


class Look(NamedTuple):
    """What was seen: counts of tickets as the API tells them, the sync worker's lag, what people were told."""

    tickets: list[Mapping[str, Any]]
    sync_lag_seconds: float | None
    takings: Sequence[Taking]


class LiveStock:
    """The latest look, and sales of the looks before."""

    def __init__(self) -> None:
        self.look = Look([], None, ())
        self._sold: deque[tuple[float, int]] = deque(maxlen=_WINDOW)

    def see(self, look: Look) -> None:
        """Takes a new look in."""
        self.look = look
        self._sold.append((time.monotonic(), self.total("sold")))

    def total(self, count: str) -> int:
        """Of all tickets: `capacity`, `available`, `held` or `sold`."""
        return sum(ticket[count] for ticket in self.look.tickets)

    def sales_per_second(self) -> float:
        """Over the last looks."""
        if len(self._sold) < 2:
            return 0.0
        (began, before), (ended, after) = self._sold[0], self._sold[-1]
        return (after - before) / (ended - began) if ended > began else 0.0

    def breaches(self) -> list[str]:
        """What cannot be right, whatever is under way."""
        found = []
        paid = Counter[int]()
        for taking in self.look.takings:
            paid[taking.ticket_id] += taking.places if taking.state == "paid" else 0
        for ticket in self.look.tickets:
            ticket_id, capacity = ticket["ticket_id"], ticket["capacity"]
            if ticket["available"] + ticket["held"] + ticket["sold"] != capacity:
                found.append(f"ticket {ticket_id} is not conserved")
            if paid[ticket_id] > capacity:
                found.append(f"ticket {ticket_id}: {paid[ticket_id]} places were sold to people, there are {capacity}")
        return found


def figures(live: LiveStock) -> list[dict[str, str]]:
    """Rows for a table of people. Locust shows them by their names, so these are in the order of the alphabet."""
    lag = live.look.sync_lag_seconds
    return [
        {"name": "Stock: available", "figure": f"{live.total('available'):,}"},
        {"name": "Stock: held", "figure": f"{live.total('held'):,}"},
        {"name": "Stock: sold", "figure": f"{live.total('sold'):,} of {live.total('capacity'):,}"},
        {"name": "Stock: sold a second", "figure": f"{live.sales_per_second():.1f}"},
        {"name": "Sync: Postgres is behind by", "figure": "not known" if lag is None else f"{lag:.1f} s"},
        {"name": "Verdict so far", "figure": "; ".join(live.breaches()) or "clean"},
    ]
