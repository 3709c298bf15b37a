"""The hoarders, who take what they can and never buy, and the buyers, who should not notice them."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import aiohttp

from api.access.callers import Role
from cli.tokens import mint_token
from loadtest.hoarders.stage import MOST, Stage

HOARDER = "hoarder-"
ONE_ADDRESS = "203.0.113.7"
"""Of all hoarders."""

_ALMOST = 0.9
"""The share of a hold after which a hoarder acts: just before it expires."""

_TOKEN_SECONDS = 7200
_PAUSE_SECONDS = 10.0
"""Between two attempts of a hoarder who was refused; at real pace."""

_LEAST_PAUSE_SECONDS = 2.0
_TRIES = 10
_THINKING = (20.0, 120.0)
_CHANGES_ITS_MIND = 0.1


@dataclass
class Bought:
    """The outcome of the buyers."""

    buyers: int = 0
    paid: int = 0
    trouble: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass
class Hoarded:
    """The attempts of the hoarders, by status, and the places that they got."""

    statuses: dict[int, int] = field(default_factory=dict)
    places: int = 0


class Caller:
    """A customer with a token, at an address."""

    def __init__(self, session: aiohttp.ClientSession, stage: Stage, name: str, address: str) -> None:
        self._session, self._stage, self.name = session, stage, name
        token = mint_token(stage.issuer, Role.CUSTOMER, name, _TOKEN_SECONDS)
        self._headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body of an answer; a machine that has no room is asked again, as it says."""
        url = f"{self._stage.url}/v1{path}"
        headers = self._headers | ({"Idempotency-Key": str(uuid4())} if method == "POST" else {})
        status, said = 503, None
        for _ in range(_TRIES):
            async with self._session.request(method, url, json=body, headers=headers) as answer:
                status, said = answer.status, await answer.json() if answer.content_length else None
                wait = float(answer.headers.get("Retry-After", "1"))
            if status != 503:
                break
            await asyncio.sleep(wait)
        return status, said

    async def hold(self, places: int) -> tuple[int, Any]:
        """Asks for places."""
        ticket_id = self._stage.event.tickets[0].ticket_id
        return await self.call("POST", "/reservations", {"items": [{"ticket_id": ticket_id, "quantity": places}]})

    async def add(self, cart: str, places: int) -> tuple[int, Any]:
        """Asks for places in a cart."""
        event = self._stage.event
        body = {"event_id": event.event_id, "price_id": event.tickets[0].ticket_id, "quantity": places}
        return await self.call("POST", f"/orders/carts/{cart}", body)


async def hoard(caller: Caller, number: int, stage: Stage, ends: float, hoarded: Hoarded) -> None:
    """Takes as much as it gets until the end, in one of three ways: lets go, cancels in time, books and abandons."""
    way, want = number % 3, MOST
    pause = max(_LEAST_PAUSE_SECONDS, _PAUSE_SECONDS / stage.scale)
    await asyncio.sleep(random.random() * pause)
    while time.monotonic() < ends:
        cart = str(uuid4())
        status, body = await (caller.add(cart, want) if way == 2 else caller.hold(want))
        hoarded.statuses[status] = hoarded.statuses.get(status, 0) + 1
        if status in (200, 201):
            hoarded.places += want
            lasts = _left_seconds(body, way == 2)
            await asyncio.sleep(min(lasts * (1.0 if way == 0 else _ALMOST), ends - time.monotonic()))
            if way == 1:
                await caller.call("DELETE", f"/reservations/{body['id']}")
            elif way == 2:
                await caller.call("PUT", f"/orders/carts/{cart}/book")
            continue
        # # As many places as the refusal says are possible, else one.
        limit = body.get("limit") if isinstance(body, dict) else None
        want = max(1, limit - body.get("taken", 0)) if limit is not None else 1
        want = min(want, MOST)
        await asyncio.sleep(pause * (0.5 + random.random()))


def _left_seconds(body: Any, is_cart: bool) -> float:
    if not is_cart:
        return float(body["expires_in_ms"]) / 1000
    return max(0.0, datetime.fromisoformat(body["expires_at"]).timestamp() - time.time())


async def buy(caller: Caller, stage: Stage, after: float, bought: Bought) -> None:
    """Comes, holds two places for as long as the event says, thinks, pays; some start over once."""
    await asyncio.sleep(after)
    bought.buyers += 1
    places = 2
    if random.random() < _CHANGES_ITS_MIND:
        held = await _held(caller, stage, places, bought)
        if held is None:
            return
        await asyncio.sleep(random.uniform(*_THINKING) / stage.scale / 4)
        await caller.call("DELETE", f"/reservations/{held['id']}")
    held = await _held(caller, stage, places, bought)
    if held is None:
        return
    await asyncio.sleep(random.uniform(*_THINKING) / stage.scale)
    body = {"amount": held["total"]["amount"], "currency": "EUR", "payment_token": "tok_visa"}
    status, answer = await caller.call("POST", f"/reservations/{held['id']}/pay", body)
    if status == 200:
        bought.paid += 1
    else:
        bought.trouble.append(f"{caller.name} pays: {status} {answer}")


async def _held(caller: Caller, stage: Stage, places: int, bought: Bought) -> Any:
    began = time.monotonic()
    status, answer = await caller.hold(places)
    bought.seconds.append(time.monotonic() - began)
    if status != 201:
        bought.trouble.append(f"{caller.name} holds: {status} {answer}")
        return None
    whole_ms = stage.event.hold_seconds * 1000
    if answer["expires_in_ms"] < 0.9 * whole_ms:
        bought.trouble.append(f"{caller.name} holds for {answer['expires_in_ms']} ms, not {whole_ms}")
    return answer
