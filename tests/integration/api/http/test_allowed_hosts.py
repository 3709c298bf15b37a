"""DNS rebinding: the name of another site is made to lead to a server of this machine, which trusts everybody."""

import asyncio
from typing import Any

import pytest

from api.http.allowed_hosts import LOOPBACK_NAMES, AllowedHosts
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, order


@pytest.fixture
async def own(start_api: StartApi) -> Front:
    return await start_api(allowed_hosts=LOOPBACK_NAMES)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        *[(host, True) for host in ("127.0.0.1", "127.0.0.1:8080", "LOCALHOST:1", "[::1]", "[::1]:8080")],
        *[
            (host, False)
            for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", None, "[::2]:1")
        ],
        *[(host, False) for host in ("127.0.0.1:8080:9", "localhost:x", "::1", "[::2]:1")],
    ],
)
def test_only_names_of_this_machine_are_its_own(host: str | None, allowed: bool) -> None:
    assert AllowedHosts(LOOPBACK_NAMES).allows(host) is allowed
    assert AllowedHosts("").allows(host)


@pytest.mark.parametrize("direct", [True, False])
async def test_a_page_of_another_site_neither_reads_nor_takes(start_api: StartApi, direct: bool) -> None:
    own = await start_api(allowed_hosts=LOOPBACK_NAMES, direct_requests=direct)
    event = await own.event(5)
    ticket_id = event["tickets"][0]["id"]
    taken = order((ticket_id, 1))
    assert (await own.call("POST", "/v1/reservations", taken)).status == 201
    for method, path, body in (
        ("GET", "/v1/reservations", None),
        ("GET", "/v1/events", None),
        ("GET", "/docs", None),
        ("POST", "/v1/reservations", taken),
        ("PATCH", f"/v1/events/{event['id']}", {"status": "closed"}),
        ("GET", "/v1/nothing", None),
    ):
        async with own.client.request(method, path, json=body, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421, path
            assert (await answer.json())["code"] == "invalid"
    assert await own.counts(ticket_id) == (4, 1, 0)


async def test_a_request_by_another_name_on_a_known_connection(own: Front) -> None:
    """The short way of holds looks at each request, not at the connection."""
    ticket_id = (await own.event(5))["tickets"][0]["id"]
    body = b'{"items":[{"ticket_id":%d,"quantity":1}],"customer":{"id":"1"}}' % ticket_id
    reader, writer = await asyncio.open_connection(own.client.host, own.client.port)

    async def post(host: bytes) -> Any:
        head = b"POST /v1/reservations HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\n" % host
        writer.write(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        async with asyncio.timeout(10):
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        return int(answer.split()[1])

    assert [await post(b"127.0.0.1:80"), await post(b"evil.example"), await post(b"127.0.0.1")] == [201, 421, 201]
    writer.close()
