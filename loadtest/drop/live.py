"""The drop while it runs: figures of the latest look, and the part of the verdict that is known already. Pure."""

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from loadtest.drop.observations import ObservedReservation

_WINDOW = 10
"""Looks that the sales a second are the mean of."""


class Look(NamedTuple):
    """One observation: counts of tickets from the API, the sync worker's lag, and the answers to people."""

    tickets: list[Mapping[str, Any]]
    sync_lag_seconds: float | None
    observed: Sequence[ObservedReservation]
    queue: Mapping[str, Any] | None = None
    """The shared document of the waiting room."""


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
        """The impossible states, whatever is under way."""
        found = []
        paid = Counter[int]()
        for taking in self.look.observed:
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
        *_queue_figures(live.look.queue),
        {"name": "Stock: available", "figure": f"{live.total('available'):,}"},
        {"name": "Stock: held", "figure": f"{live.total('held'):,}"},
        {"name": "Stock: sold", "figure": f"{live.total('sold'):,} of {live.total('capacity'):,}"},
        {"name": "Stock: sold a second", "figure": f"{live.sales_per_second():.1f}"},
        {"name": "Sync: Postgres is behind by", "figure": "not known" if lag is None else f"{lag:.1f} s"},
        {"name": "Verdict so far", "figure": "; ".join(live.breaches()) or "clean"},
    ]


def _queue_figures(queue: Mapping[str, Any] | None) -> list[dict[str, str]]:
    if queue is None:
        return []
    return [
        {"name": "Queue: inside", "figure": f"{queue['inside']:,}"},
        {"name": "Queue: joined", "figure": f"{queue['joined']:,}"},
        {"name": "Queue: may enter", "figure": f"{queue['serving']:,}"},
        {"name": "Queue: phase", "figure": queue["phase"]},
        {"name": "Queue: rate a minute", "figure": f"{queue['per_minute']:,}"},
        {"name": "Queue: waiting", "figure": f"{queue['joined'] - queue['serving']:,}"},
    ]
