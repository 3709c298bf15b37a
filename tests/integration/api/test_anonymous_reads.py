"""Reads without a token: while nothing changes they cost Redis nothing, HEAD builds nothing, and they are limited."""

import asyncio

import pytest

from api.routes import ROUTES
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, ticket
from tests.support.api.timed_event import TIMES
from tests.support.redis_nodes import commands_done

_TIMES = 20
_POLL_MS = 60_000
"""Polls of the process, which cost the same however many ask, are rare here."""


def commands(url: str) -> int:
    """Commands that the servers ever ran, without those by which they are counted."""
    return commands_done(url)


async def public_paths(front: Front) -> list[str]:
    """A path of every route that needs no token, but for those of operations, documents and streams."""
    manifest = {"name": "Hall", "sections": [{"name": "S", "rows": [{"name": "A", "seats": 5}]}]}
    venue = (await front.call("POST", "/v1/venues", manifest)).body
    section_id = venue["sections"][0]["id"]
    stalls = {"ticket_type": "Stalls", "price": ticket("", 1)["price"], "section_ids": [section_id]}
    event = await front.event(venue_id=venue["id"], tickets=[stalls])
    timed = await front.event(tickets=[], schedule={"times": TIMES, "capacity": 5})
    names = {"event_id": event["id"], "ticket_id": event["tickets"][0]["id"], "venue_id": venue["id"],
             "section_id": section_id}  # fmt: skip
    paths = []
    for route in ROUTES:
        is_room = (
            "/queue" in route.path
        )  # which these events have not, and which is read once a second, however many ask
        if route.roles is None and route.path.startswith("/v1/") and not route.path.endswith("/stream") and not is_room:
            of = names | ({"event_id": timed["id"]} if route.path.endswith("/slots") else {})
            paths.append(route.path.format(**of))
    return paths


@pytest.fixture
async def quiet(start_api: StartApi) -> Front:
    return await start_api(catalogue_age_ms=_POLL_MS, availability_age_ms=_POLL_MS)


async def test_reads_cost_redis_nothing_while_nothing_changes(quiet: Front, shop: Settings) -> None:
    paths = await public_paths(quiet)
    assert len(paths) >= 9
    for path in [*paths, *paths]:
        assert (await quiet.get(path)).status == 200, path
    idle = commands(shop.redis_url)
    before = commands(shop.redis_url)
    own = before - idle  # what asking costs
    asked = [(method, path) for path in paths for method in ("GET", "HEAD") for _ in range(_TIMES)]
    for method, path in asked:
        assert (await quiet.call(method, path)).status == 200
    spent = commands(shop.redis_url) - before - own
    assert spent == 0, f"{spent} commands for {len(asked)} requests"


async def test_readiness_is_looked_at_once_a_second(quiet: Front, shop: Settings) -> None:
    await quiet.get("/readyz")
    before = commands(shop.redis_url)
    answers = await asyncio.gather(*(quiet.get("/readyz") for _ in range(3 * _TIMES)))
    assert {answer.status for answer in answers} == {200}
    assert commands(shop.redis_url) - before < 3 * _TIMES / 2


async def test_a_change_is_seen_by_one_look_for_all(quiet: Front, shop: Settings) -> None:
    """The negative control: what was taken through this process is looked at again, once, however many ask."""
    event = await quiet.event(5)
    path = f"/v1/tickets/{event['tickets'][0]['id']}"
    await quiet.get(path)
    await quiet.held((event["tickets"][0]["id"], 1))
    before = commands(shop.redis_url)
    answers = await asyncio.gather(*(quiet.get(path) for _ in range(_TIMES)))
    assert {answer.body["available"] for answer in answers} == {4}
    spent = commands(shop.redis_url) - before
    assert 1 <= spent < 2 * _TIMES, "one look is a function, which runs a dozen commands; twenty looks were 250"


async def test_an_address_reads_so_fast_and_no_faster(start_api: StartApi) -> None:
    front = await start_api(reads_per_minute=1, reads_burst=3, trusted_proxies="127.0.0.0/8")

    async def read(address: str, path: str = "/v1/events", method: str = "GET") -> int:
        return (await front.call(method, path, headers={"X-Forwarded-For": address})).status

    assert [await read("192.0.2.1", method=method) for method in ("GET", "HEAD", "GET", "HEAD", "GET")] == [
        *[200] * 3,
        *[429] * 2,
    ]
    assert await read("192.0.2.2") == 200
    assert await read("192.0.2.1", "/healthz") == 200, "monitoring is not limited"


async def test_head_of_a_page_that_is_not_there_builds_none(quiet: Front) -> None:
    paths = await public_paths(quiet)
    pages = [path for path in paths if not path.endswith(("/slots", "/etickets/keys"))]
    for path in pages:
        head = await quiet.call("HEAD", f"{path}?")
        assert head.status == 200, path
        assert "ETag" not in head.headers, "an ETag is that of a body"
    for path in pages:
        await quiet.get(path)
        assert "ETag" in (await quiet.call("HEAD", path)).headers, path
