"""Public reads cost Redis nothing while nothing changes, however many there are."""

import re
from collections import Counter

from api.app_keys import ENGINE
from api.routes import ROUTES
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, ticket
from tests.support.api.sample_requests import TIMED_EVENT

_STREAMS = "/stream"
_NOT_BY_READERS = {
    *("cmdstat_config|resetstat", "cmdstat_info", "cmdstat_zrangebyscore", "cmdstat_hello", "cmdstat_client|setinfo"),
    *("cmdstat_cluster|slots", "cmdstat_cluster|nodes"),
}
"""Ours, the catalogue's look for changes, which comes by the clock, and what opens a connection for either.

In a cluster also looks at its topology, which come by the clock, too.
"""

_HALL = {"name": "Hall", "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 40}]}]}
_READS = 6


async def _paths(front: Front) -> list[str]:
    room = {"opens_at": "2026-06-01T18:00:00Z"}
    event = await front.event(30, 5, waiting_room=room, sale_opens_at="2099-06-01T18:00:00Z")
    venue = (await front.call("POST", "/v1/venues", _HALL)).body
    section_id = venue["sections"][0]["id"]
    stalls = ticket("Stalls", 0) | {"section_ids": [section_id]}
    del stalls["capacity"]
    seated = (await front.event(venue_id=venue["id"], tickets=[stalls]))["id"]
    day = {"ticket_type": "Day", "price": {"amount": 5, "currency": "EUR"}}
    timed = (await front.call("POST", "/v1/events", TIMED_EVENT | {"tickets": [day]})).body["id"]
    return [
        *("/v1/events", f"/v1/events/{event['id']}", f"/v1/events/{event['id']}/availability"),
        *("/v1/tickets", "/v1/tickets?available=true", f"/v1/tickets/{event['tickets'][0]['id']}"),
        *("/v1/venues", f"/v1/venues/{venue['id']}", f"/v1/venues/{venue['id']}/sections"),
        *(f"/v1/events/{seated}/sections", f"/v1/events/{seated}/sections/{section_id}/seats"),
        f"/v1/events/{timed}/slots?date=2031-09-12",
        f"/v1/events/{event['id']}/etickets/keys",
        *(f"/doors/{event['id']}", "/doors/worker.js", "/doors/assets/doors.css"),
        *("/docs", "/docs/start.js", "/openapi.json", "/healthz"),
        *("/", "/shop", f"/shop/events/{event['id']}", "/shop/orders/cart-1", f"/shop/queue/{event['id']}"),
        *("/shop/settings", "/shop/assets/main.js"),
        *("/console", "/console/now", "/console/assets/main.js", "/assets/dom.js"),
        *(f"/v1/events/{event['id']}/queue", f"/v1/events/{event['id']}/queue/audit"),
    ]


async def test_a_read_asks_redis_for_nothing_while_nothing_changes(start_api: StartApi) -> None:
    paths = await _paths(await start_api())
    front = await start_api(availability_age_ms=60_000)
    redis = front.client.app[ENGINE].redis
    asked = {}
    for path in paths:
        assert (await front.client.get(path)).status == 200, path
        nodes = await redis.primaries()
        for node in nodes:
            await node.execute_command("CONFIG", "RESETSTAT")
        for _ in range(_READS):
            assert (await front.client.get(path)).status == 200, path
        calls = Counter[str]()
        for node in nodes:
            calls.update({name: told["calls"] for name, told in (await node.info("commandstats")).items()})
        asked[path] = {name: count for name, count in calls.items() if name not in _NOT_BY_READERS}
    rooms = [
        calls.get("cmdstat_fcall", 0) for path, calls in asked.items() if re.fullmatch(r"/v1/.*/queue(/audit)?", path)
    ]
    assert len(rooms) == 2
    assert max(rooms) < _READS, "a waiting room is looked at each second"
    others = {path: calls for path, calls in asked.items() if calls and "/queue" not in path}
    assert not others
    public = {route.path for route in ROUTES if route.method == "GET" and route.roles is None}
    read = {route for route in public if any(_is_of(path, route) for path in paths)}
    missing = {route for route in public - read if not route.endswith(_STREAMS)}
    assert missing == {"/readyz"}, "whether Redis is there"


def _is_of(path: str, route: str) -> bool:
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", route), path.partition("?")[0]) is not None
