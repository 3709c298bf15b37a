"""Common parts of all answers: request ids, CORS, HEAD and OPTIONS, ETags, compression."""

import asyncio
import gzip
import json
import re
import zlib
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture, capture_logs

from api.http.compression import accepted_coding
from api.http.cors import Cors
from api.routes import ROUTES
from engine.errors import Misconfigured, Overloaded
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front
from tests.support.api.sample_requests import World
from tests.support.api.schemas import check_problem
from tests.support.waiting import wait_until

SHOP = "https://shop.example"


def path_of(route_path: str, world: World) -> str:
    """A path of the route, about what there is, or about nothing."""
    path = route_path.replace("{event_id}", str(world.event_id)).replace("{reservation_id}", world.held["id"])
    path = path.replace("{cart_id}", "6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49").replace("{asset}", "swagger-ui.css")
    return path.replace("{", "").replace("}", "")


async def raw(front: Front, method: str, path: str, **headers: str) -> Any:
    """The answer as it comes over the wire, and its body."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with front.client.session.request(
        method, front.client.make_url(path), headers=sent, auto_decompress=False
    ) as response:
        # A stream has no end.
        return response, b"" if response.content_type == "text/event-stream" else await response.read()


async def test_options_and_head_on_every_path(front: Front, world: World) -> None:
    methods: dict[str, set[str]] = {}
    for route in ROUTES:
        methods.setdefault(path_of(route.path, world), {"OPTIONS"}).update(
            {"GET", "HEAD"} if route.method == "GET" else {route.method}
        )
    for path, allowed in methods.items():
        options, body = await raw(front, "OPTIONS", path)
        assert (options.status, body) == (204, b"")
        assert set(options.headers["Allow"].split(", ")) == allowed
        head, body = await raw(front, "HEAD", path)
        if "HEAD" in allowed:
            got, _ = await raw(front, "GET", path)
            assert (head.status, body, head.content_type) == (got.status, b"", got.content_type), path
        else:
            assert (head.status, set(head.headers["Allow"].split(", "))) == (405, allowed)
    assert (await raw(front, "OPTIONS", "/v1/nothing"))[0].status == 404


async def asked_about(front: Front, method: str, target: str) -> tuple[int, dict[str, str], bytes]:
    """The status, headers in lower case and body of the answer to a target that clients do not send."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.client.port)
        writer.write(f"{method} {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        body = await reader.read()
        writer.close()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
    return int(start.split()[1]), headers, body


async def test_options_of_the_server_as_a_whole(front: Front) -> None:
    """`*` is no path, so no route has it."""
    status, headers, body = await asked_about(front, "OPTIONS", "*")
    assert (status, body) == (204, b"")
    assert set(headers["allow"].split(", ")) == {route.method for route in ROUTES} | {"HEAD", "OPTIONS"}
    assert headers["x-request-id"]
    for method, target in (
        ("OPTIONS", "**"),
        ("OPTIONS", "nothing"),
        ("GET", "*"),
        ("DELETE", "*"),
    ):
        status, headers, body = await asked_about(front, method, target)
        problem = json.loads(body)
        check_problem(status, headers["content-type"], problem)
        assert status in (400, 404, 405), (method, target, problem)


async def test_a_target_without_a_path_is_that_of_the_start(front: Front) -> None:
    """An absolute address may have none (RFC 9112, 3.2), and that of CONNECT never has one."""
    status, headers, _ = await asked_about(front, "GET", "http://a")
    assert (status, headers["location"]) == (302, "/shop")
    for method, target, expected in (
        ("OPTIONS", "http://a", 204),
        ("DELETE", "http://a", 405),
        ("GET", "http://a?unknown=1", 422),
        ("CONNECT", "a:443", 405),
        ("CONNECT", "/v1/events", 405),
        ("CONNECT", "*", 405),
    ):
        status, headers, body = await asked_about(front, method, target)
        assert (status, headers["server"]) == (expected, "onsale"), (method, target)
        if status != 204:
            check_problem(status, headers["content-type"], json.loads(body))
        assert headers["x-request-id"]


async def test_pages_of_the_list_may_call(start_api: StartApi, world: World) -> None:
    front = await start_api(cors_origins=f"{SHOP} http://127.0.0.1:3000", auth="jwt", jwt_secret="s" * 32)
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
    for route in ROUTES:
        path = path_of(route.path, world)
        preflight, _ = await raw(front, "OPTIONS", path, Origin=SHOP, **asked)
        assert preflight.status == 204, path
        assert preflight.headers["Access-Control-Allow-Origin"] == SHOP
        assert route.method in preflight.headers["Access-Control-Allow-Methods"]
        for name in ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "If-Match", "X-Request-ID"):
            assert name in preflight.headers["Access-Control-Allow-Headers"]
        assert {"traceparent", "tracestate"} <= set(preflight.headers["Access-Control-Allow-Headers"].split(", "))
        assert int(preflight.headers["Access-Control-Max-Age"]) > 0
    for path in ("/v1/events", "/v1/reservations", "/v1/nothing"):
        answer, _ = await raw(front, "GET", path, Origin=SHOP)
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        assert exposed >= {"Location", "ETag", "Retry-After", "X-Request-ID", "Idempotency-Replayed"}
        assert exposed >= {"Date", "RateLimit", "RateLimit-Policy", "WWW-Authenticate"}
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


async def test_pages_of_others_may_not(front: Front, start_api: StartApi) -> None:
    listed = await start_api(cors_origins=SHOP)
    for origin in ("https://shop.example.evil", "http://shop.example", "https://shop.example:444", "null", ""):
        for method in ("GET", "OPTIONS"):
            answer, _ = await raw(listed, method, "/v1/events", Origin=origin, Access_Control_Request_Method="GET")
            assert not [name for name in answer.headers if name.startswith("Access-Control")]
            assert "Origin" in answer.headers["Vary"], "a cache must not show it to the shop's pages"
    answer, _ = await raw(front, "GET", "/v1/events", Origin=SHOP)
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    open_to_all = await start_api(cors_origins="*")
    answer, _ = await raw(open_to_all, "GET", "/v1/events", Origin="https://anybody.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("origins", ["shop.example", f"{SHOP}/", f"* {SHOP}", "null"])
def test_origins_that_are_none(origins: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(SHOP)):
        Cors(origins)


async def test_unchanged_answers_are_not_sent_again(front: Front, world: World) -> None:
    section = f"/v1/events/{world.seated_event_id}/sections/{world.venue['sections'][0]['id']}/seats"
    event, ticket = f"/v1/events/{world.event_id}", f"/v1/tickets/{world.ticket_id}"
    venue = f"/v1/venues/{world.venue['id']}"
    paths = [event, f"{event}/availability", "/v1/events", "/v1/tickets", ticket, section]
    paths += [venue, f"{venue}/sections", "/v1/venues"]
    tags = {}
    for path in paths:
        first = await front.get(path)
        tags[path] = first.headers["ETag"]
        assert "public" in first.headers["Cache-Control"]
        again = await front.call("GET", path, headers={"If-None-Match": tags[path]})
        assert (again.status, again.body, again.headers["ETag"]) == (304, None, tags[path]), path
        assert again.headers["Vary"] == first.headers["Vary"] == "Accept-Encoding"
        other = await front.call("GET", path, headers={"If-None-Match": 'W/"other"'})
        assert (other.status, other.body | {"as_of": ""}) == (200, first.body | {"as_of": ""}), path
    await front.held((world.ticket_id, 1))
    for path in (event, "/v1/events", "/v1/tickets", ticket):
        changed = await front.call("GET", path, headers={"If-None-Match": tags[path]})
        assert changed.status == 200, "counts are exact"


async def test_large_answers_are_compressed_on_request(front: Front) -> None:
    for _ in range(10):
        await front.event(5)
    plain, text = await raw(front, "GET", "/v1/events", Accept_Encoding="identity")
    assert "Content-Encoding" not in plain.headers
    for accepted, coding in {"gzip": "gzip", "deflate": "deflate", "br, *;q=0.1": "gzip"}.items():
        answer, body = await raw(front, "GET", "/v1/events", Accept_Encoding=accepted)
        assert (answer.headers["Content-Encoding"], answer.headers["ETag"]) == (coding, plain.headers["ETag"])
        assert (gzip if coding == "gzip" else zlib).decompress(body) == text
        assert len(body) < len(text) / 5
        assert "Accept-Encoding" in answer.headers["Vary"]
        head, nothing = await raw(front, "HEAD", "/v1/events", Accept_Encoding=accepted)
        assert (head.headers["Content-Encoding"], nothing) == (coding, b"")


async def test_small_answers_are_left_alone(front: Front, world: World) -> None:
    for path in (f"/v1/events/{world.event_id}/availability", f"/v1/reservations/{world.held['id']}", "/healthz"):
        answer, body = await raw(front, "GET", path, Accept_Encoding="gzip")
        assert "Content-Encoding" not in answer.headers
        assert json.loads(body)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("", None),
        ("gzip, deflate, br", "gzip"),
        ("GZIP", "gzip"),
        ("deflate, gzip;q=0.5", "deflate"),
        ("gzip;q=0", None),
        ("gzip;q=0, *", "deflate"),
        ("*", "gzip"),
        ("br", None),
        ("identity", None),
        ("gzip;q=much", None),
        ("gzip; q=1.0", "gzip"),
        (",;=,", None),
    ],
)
def test_codings(accepted: str, coding: str | None) -> None:
    assert accepted_coding(accepted) == coding


async def test_request_ids_are_taken_over(front: Front) -> None:
    for given in ("abc-1.2_3", "x" * 64):
        assert (await raw(front, "GET", "/healthz", X_Request_ID=given))[0].headers["X-Request-ID"] == given
    made = set()
    for given in ("", "x" * 65, "a b", "é", '"', "a\tb"):
        answer, _ = await raw(front, "GET", "/v1/nothing", X_Request_ID=given)
        made.add(answer.headers["X-Request-ID"])
        assert answer.headers["X-Request-ID"] != given
    assert len(made) == 6


async def test_request_ids_are_in_the_logs(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = LogCapture()
    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("api.catalogue.cache.CatalogueCache.events", broken)
    try:
        answer, _ = await raw(front, "GET", "/v1/events", X_Request_ID="mine")
    finally:
        structlog.configure(**before)
    assert answer.status == 500
    assert [entry["request_id"] for entry in capture.entries if entry["event"] == "request_broke"] == ["mine"]


async def test_refusals_are_counted_in_the_log(front: Front, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise Overloaded("the queue is full; nothing was done; try again later")

    monkeypatch.setattr("engine.partition.Partition.append", full)
    with capture_logs() as lines:
        for _ in range(30):
            answer = await front.reserve((world.ticket_id, 1))
            assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "unavailable", "1")

        async def are_told() -> bool:
            return sum(int(line.get("count", 0)) for line in lines) == 30

        await wait_until(are_told, timeout=5)
    assert len(lines) <= 3
    assert {(line["event"], line["route"], line["status"]) for line in lines} == {("requests", "/v1/reservations", 503)}
