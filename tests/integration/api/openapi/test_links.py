"""The links of the OpenAPI document, followed by the document alone, from what a client makes first."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from tests.support.api.api_client import Front, Json, ticket
from tests.support.api.sample_requests import BOOKING, HALL, TIMED_EVENT, WEBHOOK

_EVENT = {
    "name": "Big event",
    "starts_at": "2027-06-01T18:00:00Z",
    "status": "on_sale",
    "tickets": [ticket("Regular", 100)],
}
_LEADS_NOWHERE = {400, 401, 403, 404, 405, 415, 422}
_LONGEST_WAY = 5

_SOLD = {
    ("pay_reservation", 200),
    ("refund_reservation", 200),
    ("restock_reservation", 200),
    ("book_cart", 200),
    ("complete_payment", 200),
    ("fail_payment", 200),
    ("add_ticket", 201),
}
"""Steps that some way must take, with this status."""


class Operation(NamedTuple):
    """An operation of the document."""

    method: str
    path: str
    links: Mapping[str, Json]


class Step(NamedTuple):
    """A link of an operation, and where it leads."""

    link: Json
    to: str


Way = tuple[Step, ...]


def operations_of(document: Json) -> dict[str, Operation]:
    """Operations by id. The links are those of the answers with a status of 2xx."""
    return {
        operation["operationId"]: Operation(
            method.upper(),
            path,
            {
                name: link
                for status, answer in operation["responses"].items()
                if status.startswith("2")
                for name, link in answer.get("links", {}).items()
            },
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "post", "put", "patch", "delete"}
    }


def ways(operations: Mapping[str, Operation], first: str, way: Way = ()) -> Iterator[Way]:
    """Every way from an operation that takes no step twice, and ends where no link is left."""
    here = way[-1].to if way else first
    steps = [Step(link, link["operationId"]) for link in operations[here].links.values()]
    onward = [step for step in steps if step.to not in {first, *(taken.to for taken in way)}]
    if not onward or len(way) == _LONGEST_WAY:
        yield way
        return
    for step in onward:
        yield from ways(operations, first, (*way, step))


def value_of(expression: Any, told: Json, parameters: Mapping[str, Any]) -> Any:
    """A runtime expression of OpenAPI 3.1, or what contains some, with values."""
    match expression:
        case dict():
            return {name: value_of(each, told, parameters) for name, each in expression.items()}
        case list():
            return [value_of(each, told, parameters) for each in expression]
        case str() if expression.startswith("$response.body#/"):
            for part in expression.removeprefix("$response.body#/").split("/"):
                told = told[int(part) if isinstance(told, list) else part]
            return told
        case str() if expression.startswith("$request.path."):
            return parameters[expression.removeprefix("$request.path.")]
        case _:
            return expression


class Client:
    """Calls operations as the document says; `answered` has all that were called, with the status."""

    def __init__(self, front: Front, operations: Mapping[str, Operation]) -> None:
        self._front, self._operations = front, operations
        self.answered: set[tuple[str, int]] = set()

    async def walk(self, first: str, parameters: dict[str, Any], body: Json, way: Way) -> None:
        """Takes a way, until a step is refused for what the steps before it have done."""
        told = await self._call(first, parameters, body)
        for step in way:
            parameters = {
                name: value_of(each, told, parameters) for name, each in step.link.get("parameters", {}).items()
            }
            body = value_of(step.link["requestBody"], told, parameters) if "requestBody" in step.link else None
            told = await self._call(step.to, parameters, body)
            if told is None:
                return

    async def _call(self, name: str, parameters: Mapping[str, Any], body: Json) -> Json:
        operation = self._operations[name]
        path = operation.path.format_map({"cart_id": str(uuid4()), **parameters})
        body = {} if body is None and operation.method in {"POST", "PUT", "PATCH"} else body
        sent = {} if body is None else {"body": body}
        answer = await self._front.call(operation.method, path, **sent)
        self.answered.add((name, answer.status))
        assert answer.status < 500, (name, path, answer)
        assert answer.status not in _LEADS_NOWHERE, (name, path, body, answer)
        return answer.body if answer.status < 300 else None


@pytest.mark.usefixtures("sync")
async def test_links_lead_through_whole_sales(front: Front) -> None:
    document = (await front.get("/openapi.json")).body
    operations = operations_of(document)
    client = Client(front, operations)
    museum = (await front.call("POST", "/v1/events", TIMED_EVENT)).body["id"]
    starts: dict[str, tuple[dict[str, Any], Json]] = {
        "create_event": ({}, _EVENT),
        "create_venue": ({}, HALL),
        "create_booking": ({"event_id": museum}, BOOKING),
        "create_webhook": ({}, WEBHOOK),
    }
    linked = {name for operation in operations.values() for name in operation.links}
    taken: set[str] = set()
    for first, (parameters, body) in starts.items():
        for way in ways(operations, first):
            await client.walk(first, dict(parameters), body, way)
            taken |= {step.to for step in way}
    assert linked - taken == set()
    assert _SOLD - client.answered == set()
