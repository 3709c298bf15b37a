"""A client of the API as an independent tester writes one: it knows the contract and nothing of the product."""

import asyncio
import json
from io import BytesIO
from itertools import count
from typing import Any, NamedTuple

from aiohttp.test_utils import TestClient
from multidict import CIMultiDictProxy

from tests.support.api import schemas as shapes
from tests.support.openapi_conformance import our_document

Json = Any

_TIMEOUT_SECONDS = 20
_JSON = {"Content-Type": "application/json"}
_ABSENT = object()


class Answer(NamedTuple):
    """An answer; `body` is the decoded JSON, None where there is no body."""

    status: int
    body: Json
    headers: CIMultiDictProxy[str]

    @property
    def code(self) -> Json:
        """The code of a problem."""
        return self.body["code"]


class Front:
    """Calls an API. Every answer is held against the OpenAPI document, and a problem against the contract, whatever the
    test is about."""

    def __init__(self, client: "TestClient[Any, Any]") -> None:
        self.client = client
        self._customers = count(1)

    async def call(
        self,
        method: str,
        path: str,
        body: Json = _ABSENT,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        params: Any = None,
    ) -> Answer:
        """Sends `body` as JSON, or `raw` as it is."""
        sent = dict(headers or {})
        if body is not _ABSENT:
            raw, sent = json.dumps(body).encode(), _JSON | sent
        data = None if raw is None else BytesIO(raw)
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            response = await self.client.request(
                method, path, data=data, headers=sent, params=params, allow_redirects=False
            )
            content = await response.read()
        if method != "HEAD":
            our_document().check(method, path, response.status, response.headers, content)
        if response.status >= 400 and method != "HEAD":
            problem = json.loads(content)
            shapes.check_problem(response.status, response.content_type, problem)
            if response.status in (429, 503):
                assert int(response.headers["Retry-After"]) > 0
            return Answer(response.status, problem, response.headers)
        if not content:
            return Answer(response.status, None, response.headers)
        assert response.content_type == "application/json"
        return Answer(response.status, json.loads(content), response.headers)

    async def get(self, path: str, **params: Any) -> Answer:
        """GET with query parameters."""
        return await self.call("GET", path, params=params or None)

    async def refused(self, method: str, path: str, body: Json = _ABSENT, **how: Any) -> str:
        """The code of the problem that a call must come to."""
        answer = await self.call(method, path, body, **how)
        assert answer.status >= 400, answer
        return str(answer.code)

    async def pages(self, path: str, **params: Any) -> list[Json]:
        """All items of a list, by its cursors."""
        items: list[Json] = []
        while True:
            answer = await self.get(path, **params)
            assert answer.status == 200, answer
            shapes.check_page(answer.body)
            assert len(answer.body["items"]) <= int(params.get("limit", 50))
            assert all(item not in items for item in answer.body["items"]), "a page repeats what one before had"
            items += answer.body["items"]
            if answer.body["next_cursor"] is None:
                return items
            params["cursor"] = answer.body["next_cursor"]

    # What a story needs before it begins

    async def event(self, *capacities: int, price: int = 2500, **fields: Json) -> Json:
        """A new event on sale, with tickets T0, T1, … of these capacities."""
        currency = fields.get("currency", "EUR")
        tickets = [ticket(f"T{number}", capacity, price, currency) for number, capacity in enumerate(capacities)]
        body = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z", "status": "on_sale", "tickets": tickets}
        answer = await self.call("POST", "/v1/events", body | fields)
        assert answer.status == 201, answer
        shapes.check_event(answer.body)
        return answer.body

    async def reserve(
        self, *items: tuple[int, int], customer: str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Reserves (ticket, quantity)s, for another customer each time unless said."""
        return await self.call("POST", "/v1/reservations", order(*items, customer=self._who(customer)), headers=headers)

    async def held(self, *items: tuple[int, int], customer: str | None = None) -> Json:
        """A reservation that is held."""
        answer = await self.reserve(*items, customer=customer)
        assert answer.status == 201, answer
        shapes.check_reservation(answer.body)
        return answer.body

    async def pay(
        self,
        reservation: Json,
        token: str = "tok_visa",  # of the simulated gateway
        *,
        headers: dict[str, str] | None = None,
        amount: int | None = None,
    ) -> Answer:
        """Pays the total, unless another amount is said."""
        total = reservation["total"]["amount"] if amount is None else amount
        body = {"amount": total, "currency": reservation["total"]["currency"], "payment_token": token}
        answer = await self.call("POST", f"/v1/reservations/{reservation['id']}/pay", body, headers=headers)
        if answer.status < 400:
            shapes.check_reservation(answer.body)
        return answer

    async def paid(self, *items: tuple[int, int], customer: str | None = None) -> Json:
        """A reservation that is paid."""
        answer = await self.pay(await self.held(*items, customer=customer))
        assert answer.status == 200, answer
        return answer.body

    async def read(self, reservation: Json) -> Json:
        """The reservation as it is now."""
        answer = await self.get(f"/v1/reservations/{reservation['id']}")
        assert answer.status == 200, answer
        shapes.check_reservation(answer.body)
        return answer.body

    async def counts(self, ticket_id: int) -> tuple[int, int, int]:
        """Available, held, sold of a ticket."""
        answer = await self.get(f"/v1/tickets/{ticket_id}")
        assert answer.status == 200, answer
        shapes.check_ticket(answer.body)
        return answer.body["available"], answer.body["held"], answer.body["sold"]

    def _who(self, customer: str | None) -> str:
        return customer or f"customer-{next(self._customers)}"


def ticket(ticket_type: str, capacity: int, price: int = 2500, currency: str = "EUR") -> Json:
    """A ticket to offer."""
    return {"ticket_type": ticket_type, "price": {"amount": price, "currency": currency}, "capacity": capacity}


def order(*items: tuple[int, int], customer: str = "22") -> Json:
    """The body of a reservation."""
    return {
        "items": [{"ticket_id": ticket_id, "quantity": quantity} for ticket_id, quantity in items],
        "customer": {"id": customer, "first_name": "Islom", "last_name": "Karimov"},
    }
