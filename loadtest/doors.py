"""Scans at an event's doors while another event is on sale: `python -m loadtest.doors`, against `onsale dev` or an API.

Open loop: each scan has a time at which it is due, and its latency counts from then on. The server must have
authentication off.
"""

import argparse
import asyncio
import sys
import time
import uuid
from collections import Counter
from typing import Any

import aiohttp

_PLACES_AT_ONCE = 100
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class Shop:
    """An API, as gates and customers call it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's JSON. Raises ClientResponseError for a problem."""
        async with self._session.request(method, f"{self._url}/v1{path}", json=body) as response:
            response.raise_for_status()
            return await response.json()

    async def event(self, name: str, capacity: int) -> tuple[int, int]:
        """A new event on sale, and its ticket."""
        price = {"amount": 2500, "currency": "EUR"}
        body = {
            "name": name,
            "starts_at": "2035-06-01T18:00:00Z",
            "status": "on_sale",
            "max_per_customer": _PLACES_AT_ONCE,
            "tickets": [{"ticket_type": "Regular", "price": price, "capacity": capacity}],
        }
        made = await self.ask("POST", "/events", body)
        return made["id"], made["tickets"][0]["id"]

    async def hold(self, ticket_id: int, quantity: int) -> Any:
        """A reservation of somebody new."""
        items = [{"ticket_id": ticket_id, "quantity": quantity}]
        return await self.ask("POST", "/reservations", {"items": items, "customer": {"id": uuid.uuid4().hex}})

    async def codes(self, ticket_id: int, number: int) -> list[str]:
        """The codes of places that were bought."""
        codes: list[str] = []
        while len(codes) < number:
            held = await self.hold(ticket_id, _PLACES_AT_ONCE)
            payment = {"amount": held["total"]["amount"], "currency": "EUR", "payment_token": "tok_visa"}
            await self.ask("POST", f"/reservations/{held['id']}/pay", payment)
            listed = await self.ask("GET", f"/reservations/{held['id']}/etickets")
            codes += [each["code"] for each in listed["items"]]
        return codes[:number]


async def _paced(rate: float, number: int, act: Any) -> list[float]:
    """Calls `act(n)` at a rate, however long each takes; the seconds of each from when it was due."""
    took: list[float] = []
    began = time.perf_counter() + 0.1

    async def one(n: int, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await act(n)
        took.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as tasks:
        for n in range(number):
            tasks.create_task(one(n, began + n / rate))
    return took


def _quantiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return ", ".join(
        f"p{q} {1000 * ordered[min(len(ordered) - 1, len(ordered) * q // 100)]:.1f} ms" for q in (50, 95, 99)
    )


async def run(url: str, rate: float, seconds: int, holds: float) -> str:
    """The figures of a run, as text."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=_TIMEOUT) as session:
        shop = Shop(session, url)
        number = int(rate * seconds)
        event_id, ticket_id = await shop.event("Doors", number + _PLACES_AT_ONCE)
        _, on_sale = await shop.event("Sale", 1_000_000)
        codes = await shop.codes(ticket_id, number)
        results: Counter[str] = Counter()

        async def scan(n: int) -> None:
            body = {"code": codes[n], "gate": f"gate {n % 50}", "nonce": str(n)}
            results[(await shop.ask("POST", f"/events/{event_id}/check-ins", body))["result"]] += 1

        async def hold(_n: int) -> None:
            await shop.hold(on_sale, 1)

        scans, held = await asyncio.gather(_paced(rate, number, scan), _paced(holds, int(holds * seconds), hold))
        return (
            f"{number} scans at {rate:g}/s: {_quantiles(scans)}; {dict(results)}\n"
            f"{len(held)} holds at {holds:g}/s beside them: {_quantiles(held)}\n"
        )


def main() -> None:
    """Read the arguments, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--holds", type=float, default=100)
    given = parser.parse_args()
    sys.stdout.write(asyncio.run(run(given.url, given.rate, given.seconds, given.holds)))


if __name__ == "__main__":
    main()
