"""Things that a request made before it failed: its repeat finds them, finishes the work, and makes nothing twice."""

from itertools import count
from typing import Any, NamedTuple

import pytest

import api.webhooks.handlers
import sync.catalogue.event_publisher
import sync.catalogue.venues
import sync.codes.editor
from api.app_keys import CODES, POSTGRES
from engine.errors import Unready
from tests.support.api.api_client import Front, Json, ticket
from tests.support.api.sample_requests import HALL, TIMED_EVENT, WEBHOOK

_KEY = {"Idempotency-Key": "made-once"}


class Kind(NamedTuple):
    """A request that makes something, how its things are listed, and what fails at first, after they are committed.

    `{event}` in a path is an event that is there.
    """

    path: str
    body: Json
    listed: str
    module: Any
    function: str
    fails_at: int = 1
    """Which call of the function fails."""


_DISCOUNT = {"kind": "discount", "percent": 10, "tag": "fans"}

KINDS = {
    "event": Kind("/v1/events", TIMED_EVENT, "/v1/events", sync.catalogue.event_publisher, "publish_event"),
    "ticket": Kind(
        "/v1/events/{event}/tickets",
        ticket("VIP", 5),
        "/v1/tickets",
        sync.catalogue.event_publisher,
        "publish_event",
    ),
    "venue": Kind("/v1/venues", HALL, "/v1/venues", sync.catalogue.venues, "publish_venue"),
    "webhook": Kind("/v1/webhooks", WEBHOOK, "/v1/webhooks", api.webhooks.handlers, "_reply"),
    "codes by name": Kind(
        "/v1/events/{event}/codes",
        {"codes": ["B", "A"], **_DISCOUNT},
        "/v1/events/{event}/codes",
        sync.codes.editor,
        "PutCodes",
    ),
    "random codes": Kind(
        "/v1/events/{event}/codes",
        {"count": 1500, "prefix": "FAN-", **_DISCOUNT},
        "/v1/events/{event}/codes",
        sync.codes.editor,
        "PutCodes",
        fails_at=2,
    ),
}


def fail(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    """Redis goes away in one call of the function."""
    original, calls = getattr(kind.module, kind.function), count(1)

    def failing(*arguments: Any, **named: Any) -> Any:
        if next(calls) == kind.fails_at:
            raise Unready("Redis is away; nothing was done; try again later")
        return original(*arguments, **named)

    monkeypatch.setattr(kind.module, kind.function, failing)


@pytest.mark.parametrize("name", KINDS)
async def test_a_repeat_with_the_same_key_makes_nothing_twice(
    front: Front, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    event, kind = await front.event(10), KINDS[name]
    path, listed = kind.path.format(event=event["id"]), kind.listed.format(event=event["id"])
    before = await front.pages(listed, limit=100)
    fail(monkeypatch, kind)
    assert (await front.call("POST", path, kind.body, headers=_KEY)).status == 503
    made = await front.call("POST", path, kind.body, headers=_KEY)
    assert made.status == 201
    again = await front.call("POST", path, kind.body, headers=_KEY)
    assert (again.body, again.headers["Idempotency-Replayed"]) == (made.body, "true")
    there = await front.pages(listed, limit=100)
    assert len(there) - len(before) == kind.body.get("count", len(kind.body.get("codes", "1")))
    if "created" in made.body:
        assert set(made.body["codes"]) <= {each["code"] for each in there}
    other = await front.call("POST", path, kind.body, headers={"Idempotency-Key": "another"})
    if name != "codes by name":
        assert other.status == 201
        assert other.body != made.body, "another key is another request"


async def test_a_repeat_without_a_key_finishes_codes_that_it_names(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, kind = await front.event(10), KINDS["codes by name"]
    path, ticket_id = kind.path.format(event=event["id"]), event["tickets"][0]["id"]
    fail(monkeypatch, kind)
    assert (await front.call("POST", path, kind.body)).status == 503
    order = {"items": [{"ticket_id": ticket_id, "quantity": 1}], "customer": {"id": "22"}, "code": "A"}
    assert await front.refused("POST", "/v1/reservations", order) == "code_unknown"
    for wrong in ({"percent": 20}, {"codes": ["A"]}, {"codes": ["A", "B", "C"]}, {"tag": "press"}):
        assert await front.refused("POST", path, kind.body | wrong) == "in_use"
    assert (await front.call("POST", path, kind.body)).body == {"created": 2, "codes": ["B", "A"]}
    assert (await front.call("POST", "/v1/reservations", order)).status == 201
    assert await front.client.server.app[CODES].publish_missing() == 0  # type: ignore[attr-defined]  # of a TestServer


async def test_the_worker_may_finish_codes_before_they_are_sent_again(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, kind = await front.event(10), KINDS["codes by name"]
    path, codes = kind.path.format(event=event["id"]), front.client.server.app[CODES]  # type: ignore[attr-defined]
    fail(monkeypatch, kind)
    assert (await front.call("POST", path, kind.body, headers=_KEY)).status == 503
    async with codes._postgres.connection() as connection:
        await connection.execute("UPDATE code_terms SET created_at = created_at - interval '1 minute'")
    assert await codes.publish_missing() == 1
    assert await front.refused("POST", path, kind.body) == "in_use", "without the key it is another request"
    assert (await front.call("POST", path, kind.body, headers=_KEY)).status == 201


async def test_deleted_creations_are_made_again(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = KINDS["event"]
    fail(monkeypatch, kind)
    assert (await front.call("POST", kind.path, kind.body, headers=_KEY)).status == 503
    postgres = front.client.server.app[POSTGRES]  # type: ignore[attr-defined]  # of a TestServer
    async with postgres.connection() as connection:
        lost = await connection.fetchval("SELECT id FROM events")
    assert (await front.call("DELETE", f"/v1/events/{lost}")).status == 204
    made = await front.call("POST", kind.path, kind.body, headers=_KEY)
    assert made.status == 201
    assert made.body["id"] != lost
