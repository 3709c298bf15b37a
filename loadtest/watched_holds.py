"""Holds of an event that nothing else happens to: what they take is what other work does to customers elsewhere."""

import msgspec

from cli.ports import LOOPBACK
from engine.catalogue import EventSnapshot
from loadtest.bench.stock import bench_event
from loadtest.open_loop.apart import CrowdApart
from loadtest.open_loop.crowd import Address
from loadtest.open_loop.figures import percentile_ms

PER_SECOND = 50
_CONNECTIONS = 200
_EVENT = 3
_WARM_UP_SECONDS = 2


def watched_event() -> EventSnapshot:
    """The event, to be published."""
    event = bench_event()
    tickets = [msgspec.structs.replace(event.tickets[0], ticket_id=_EVENT)]
    return msgspec.structs.replace(event, event_id=_EVENT, tickets=tickets)


class WatchedHolds:
    """Holds by the clock, from a process of their own. An async context manager.

    `most_seconds`: of all measurements together.
    """

    def __init__(self, port: int, most_seconds: float) -> None:
        number = round((most_seconds + _WARM_UP_SECONDS) * PER_SECOND)
        self._crowd = CrowdApart(Address(LOOPBACK, port), _CONNECTIONS, [_hold(each) for each in range(number)])

    async def __aenter__(self) -> "WatchedHolds":
        await self._crowd.__aenter__()
        await self.p99_ms(_WARM_UP_SECONDS)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._crowd.__aexit__()

    async def p99_ms(self, seconds: float) -> float:
        """The 99th percentile of holds in the next seconds. Raises RuntimeError if one was refused."""
        load = await self._crowd.open_loop("holds", PER_SECOND, seconds)
        latencies = load.good_latencies()
        if len(latencies) != load.due:
            raise RuntimeError(f"of {load.due} holds, {len(latencies)} succeeded: {dict(load.statuses)}")
        return percentile_ms(latencies, 0.99)


def _hold(number: int) -> bytes:
    body = f'{{"items":[{{"ticket_id":{_EVENT},"quantity":1}}],"customer":{{"id":"watched-{number}"}}}}'
    head = f"POST /v1/reservations HTTP/1.1\r\nHost: {LOOPBACK}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
