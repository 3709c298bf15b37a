"""The requests of a shop's front end to the API, and their answers."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

import aiohttp

PRICE_MINOR = 2500
VISA = "tok_visa"

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_NO_ANSWER = 0


class Answer(NamedTuple):
    """An answer; status 0 if none came."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def code(self) -> str | None:
        """The code of a problem."""
        return self.body.get("code")


class Event(NamedTuple):
    """An event with one ticket."""

    event_id: int
    ticket_id: int


class Storefront:
    """A client of the API, with as many connections as it is asked for at once."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str) -> AsyncIterator[Self]:
        """A storefront on an API."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
            yield cls(session, url)

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, key: str = "") -> Answer:
        """Any request. A connection that fails or ends is an answer with status 0."""
        headers = {"Idempotency-Key": key} if key else {}
        try:
            async with self._session.request(method, self._url + path, json=body, headers=headers) as response:
                text = await response.text()
                assert not text or "json" in response.content_type, (response.status, text)
                return Answer(response.status, json.loads(text or "{}"), response.headers)
        except (aiohttp.ClientError, TimeoutError):
            return Answer(_NO_ANSWER, {}, {})

    async def create_event(
        self, *, capacity: int, hold_seconds: int = 900, waiting_room: Mapping[str, Any] | None = None, **fields: Any
    ) -> Event:
        """An event that is on sale."""
        answer = await self.ask(
            "POST",
            "/v1/events",
            {
                "name": "Drop",
                "starts_at": "2035-06-01T18:00:00Z",
                "status": "on_sale",
                "hold_seconds": hold_seconds,
                "tickets": [
                    {
                        "ticket_type": "Regular",
                        "price": {"amount": PRICE_MINOR, "currency": "EUR"},
                        "capacity": capacity,
                    }
                ],
                **({"waiting_room": waiting_room} if waiting_room else {}),
                **fields,
            },
        )
        assert answer.status == 201, answer
        return Event(answer.body["id"], answer.body["tickets"][0]["id"])

    async def hold(
        self, ticket_id: int, customer_id: str, key: str = "", places: int = 1, code: str | None = None
    ) -> Answer:
        """Asks for a place, or for several."""
        items = [{"ticket_id": ticket_id, "quantity": places}]
        body = {"items": items, "customer": {"id": customer_id}, "code": code}
        return await self.ask("POST", "/v1/reservations", body, key)

    async def pay(
        self, reservation_id: str, token: str = VISA, key: str = "", places: int = 1, price_minor: int = PRICE_MINOR
    ) -> Answer:
        """Pays for a place, or for several."""
        payment = {"amount": places * price_minor, "currency": "EUR", "payment_token": token}
        return await self.ask("POST", f"/v1/reservations/{reservation_id}/pay", payment, key)

    async def reservation(self, reservation_id: str) -> Answer:
        """A reservation as it is now."""
        return await self.ask("GET", f"/v1/reservations/{reservation_id}")

    async def ticket(self, ticket_id: int) -> Mapping[str, Any]:
        """A ticket with its counts as they are now."""
        answer = await self.ask("GET", f"/v1/tickets/{ticket_id}")
        assert answer.status == 200, answer
        return answer.body
