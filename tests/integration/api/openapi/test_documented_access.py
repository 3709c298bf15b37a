"""Every operation of the OpenAPI document, asked by every role and scope: the status that the document promises.

It is generated from the served document alone: a new route is in it at once. What each asker gets about what is its own
and what is not is in the matrix of tests/support/api/expected_access.py.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import pytest

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json

SHARED = "a secret of thirty-two bytes or more"
_ROLES = re.compile(r"^For ((?:\w+, )*\w+)\.$", re.MULTILINE)
_NOT_OURS = {"event_id": "1", "reservation_id": "1-AAAAAAAAAAAAAAAA"}
"""Placeholders that name an event which the token of a manager of another event is not good for."""

_OTHERS = {"asset": "start.js", "shop_asset": "main.js", "customer_id": "22", "payment_id": "pay-1"}
_UUID = str(UUID(int=7))


class Operation(NamedTuple):
    """A method on a path, who may call it, and the statuses that it may answer with."""

    method: str
    path: str
    roles: frozenset[str]
    statuses: frozenset[int]
    security: Json

    def where(self) -> str:
        """A path with placeholders in it."""
        names = re.findall(r"{(\w+)}", self.path)
        values = {
            name: _NOT_OURS.get(name) or _OTHERS.get(name) or (_UUID if name in ("cart_id", "booking_id") else "1")
            for name in names
        }
        return self.path.format(**values)


def operations(document: Json) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            told = _ROLES.search(operation.get("description", ""))
            roles = frozenset(told[1].split(", ")) if told else frozenset()
            statuses = frozenset(int(status) for status in operation["responses"])
            yield Operation(method.upper(), path, roles, statuses, operation["security"])


@pytest.fixture
async def guarded(start_api: StartApi) -> Front:
    return await start_api(auth="jwt", jwt_secret=SHARED, shop=True, unsigned_callbacks=True)


def tokens() -> dict[str, str]:
    settings = Settings(jwt_secret=SHARED)
    made = {role.value: mint_token(settings, role, "somebody", 600) for role in Role}
    made["of another event"] = mint_token(settings, Role.MANAGER, "bar", 600, [2])
    made["forged"] = mint_token(Settings(jwt_secret="x" * 32), Role.MANAGER, "boss", 600)
    return made


async def status_of(front: Front, operation: Operation, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body: Json = None if operation.method == "GET" else {}
    where = operation.where()
    async with front.client.request(
        operation.method, where, json=body, headers=headers, allow_redirects=False
    ) as answer:
        return answer.status


async def test_every_operation_refuses_whom_the_document_does_not_name(guarded: Front) -> None:
    document = (await guarded.get("/openapi.json")).body
    known, wrong, asked = tokens(), [], 0
    for operation in operations(document):
        guards = bool(operation.roles)
        assert guards == (operation.security == [{"bearer": []}]), f"{operation} tells roles and security apart"
        if guards:
            assert {401, 403, 429} <= operation.statuses, f"{operation} does not tell of its refusals"
        expected: dict[str, frozenset[int]] = {
            "nobody": frozenset({401}) if guards else operation.statuses - {401, 403},
            "forged": frozenset({401}) if guards else operation.statuses - {401, 403},
        }
        for role in Role:
            allowed = not guards or role.value in operation.roles
            expected[role.value] = operation.statuses - {401, 403} if allowed else frozenset({403})
        if guards and any(f"{{{name}}}" in operation.path for name in _NOT_OURS):
            expected["of another event"] = frozenset({403})
        for asker, statuses in expected.items():
            asked += 1
            status = await status_of(guarded, operation, known.get(asker))
            if status not in statuses:
                wrong.append((operation.method, operation.path, asker, status, sorted(statuses)))
    assert wrong == []
    assert asked > 300


def test_a_role_that_is_not_named_is_noticed() -> None:
    """The negative control of what is read from the document."""
    told = {"description": "Reads.\n\nFor manager, service.", "responses": {"200": {}, "401": {}}}
    paths: Json = {"/a/{event_id}": {"get": told | {"security": [{"bearer": []}]}}}
    (operation,) = operations({"paths": paths})
    assert set(operation.roles) == {"manager", "service"}
    assert set(operation.statuses) == {200, 401}
    assert operation.where() == "/a/1"
