"""Requests that no handler sees, and bodies that do not come: problem documents, and what is closed is closed."""

import asyncio
import gzip
import json
import logging
import zlib
from typing import NamedTuple

import pytest

from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json, order
from tests.support.api.sample_requests import World, nothing_changes

_JSON = b"Content-Type: application/json\r\n"
_HEAD = b"POST /v1/reservations HTTP/1.1\r\nHost: a\r\n" + _JSON


class Said(NamedTuple):
    """A problem, its headers in lower case, and whether the connection was closed after it."""

    status: int
    headers: dict[str, str]
    problem: Json
    closed: bool


async def say(front: Front, *parts: bytes) -> Said:
    """Sends bytes, part after part, and reads one answer."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.client.port)
        for number, part in enumerate(parts):
            if number:
                await asyncio.sleep(0.05)  # so that they come as several
            writer.write(part)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        start, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        problem = json.loads(await reader.readexactly(int(headers["content-length"])))
        closed = True
        try:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            closed = not await reader.read(1)
        except ConnectionError:
            closed = True
        writer.close()
    status = int(start.split()[1])
    shapes.check_problem(status, headers["content-type"], problem)
    assert headers["server"] == "onsale"
    assert headers["x-request-id"]
    return Said(status, headers, problem, closed)


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET /v1/events HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 400, "malformed_json"),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed_json"),
        (b"GET /v1/events HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 1000 + b"\r\n", 400, "malformed_json"),
        (b"GET /v1/events\r\nnonsense\r\n\r\n", 400, "malformed_json"),
        (b"GET /v1/events HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "malformed_json"),
        (_HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n", 400, "malformed_json"),
        (b"BREW /v1/events HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 405, "method_not_allowed"),
        (_HEAD + b"Expect: the-unexpected\r\nContent-Length: 2\r\n\r\n", 417, "invalid"),
    ],
)
async def test_unreadable_requests(
    front: Front, request_bytes: bytes, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    said = await say(front, request_bytes)
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in told] == [], "senders of nonsense must not fill the log"
    assert sum(len(record.getMessage()) for record in caplog.records) < 200
    assert (said.status, said.problem["code"], said.closed) == (status, code, True)
    assert said.headers["connection"] == "close"
    assert ("allow" in said.headers) == (status == 405)


async def test_a_chunk_that_is_none_after_the_head(front: Front) -> None:
    """The handler reads the body already; it must not wait for what cannot come."""
    said = await say(front, _HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b'2\r\n{"\r\n', b"nonsense\r\n")
    assert (said.status, said.problem["code"], said.closed) == (400, "malformed_json", True)


async def test_a_body_that_is_too_long_by_its_own_word(front: Front, world: World, shop: Settings) -> None:
    async with nothing_changes(shop):
        for head in (_HEAD, _HEAD + b"Expect: 100-continue\r\n"):
            said = await say(front, head + b"Content-Length: 100000000\r\n\r\n")
            assert (said.status, said.problem["code"], said.closed) == (413, "too_large", True)
            assert said.headers["connection"] == "close"


async def test_a_body_that_is_too_long(front: Front, world: World, shop: Settings) -> None:
    async with nothing_changes(shop):
        chunks = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        for body in (
            b"Content-Length: 70000\r\n\r\n" + b" " * 70_000,
            b"Transfer-Encoding: chunked\r\n\r\n" + chunks * 3,
        ):
            said = await say(front, _HEAD + body)
            assert (said.status, said.problem["code"], said.closed) == (413, "too_large", True)


async def test_a_body_that_comes_late(start_api: StartApi, world: World, shop: Settings) -> None:
    front = await start_api(body_timeout_ms=200)
    async with nothing_changes(shop):
        for length in (b"Content-Length: 20\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"):
            said = await say(front, _HEAD + length)
            assert (said.status, said.problem["status"], said.closed) == (408, 408, True)


@pytest.mark.parametrize("coding", [b"zstd", b"br", b"nonsense", b"gzip, gzip", b"compress", b"\xff"])
async def test_an_encoding_that_is_not_known(front: Front, world: World, coding: bytes) -> None:
    body = json.dumps(order((world.ticket_id, 1))).encode()
    said = await say(front, _HEAD + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (coding, len(body), body))
    assert (said.status, said.problem["code"]) == (415, "unsupported_media_type")
    assert said.headers["accept-encoding"] == "gzip, deflate"


async def test_encodings_that_are_known(front: Front, world: World) -> None:
    plain = json.dumps(order((world.ticket_id, 1))).encode()
    for coding, body in {
        "gzip": gzip.compress(plain),
        "deflate": zlib.compress(plain),
        "identity": plain,
        "GZIP": gzip.compress(plain),
    }.items():
        headers = {"Content-Type": "application/json", "Content-Encoding": coding}
        assert (await front.call("POST", "/v1/reservations", raw=body, headers=headers)).status == 201
        if coding != "identity":
            assert (
                await front.refused("POST", "/v1/reservations", raw=body[:-1], headers=headers) == "malformed_json"
            ), "a part of it"


async def test_members_and_keys_that_are_there_twice(front: Front, world: World, shop: Settings) -> None:
    headers = {"Content-Type": "application/json"}
    async with nothing_changes(shop) as wrong:
        for method, path, body, _ in world.takers_of_bodies():
            raw = json.dumps(body).encode()
            for name, value in body.items():
                twice = raw[:-1] + b", " + json.dumps({name: value}).encode()[1:]
                answer = await front.call(method, path, raw=twice, headers=headers)
                if (answer.status, answer.body["fields"][0]["path"]) != (422, name):
                    wrong.append((method, path, name, answer))
        body = json.dumps(order((world.ticket_id, 1))).encode()
        keys = b"Idempotency-Key: a\r\nIdempotency-Key: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        said = await say(front, _HEAD + keys + body)
        assert (said.status, said.problem["fields"][0]["path"]) == (422, "Idempotency-Key")


async def test_no_answer_tells_versions(front: Front, world: World) -> None:
    for path in ("/healthz", "/v1/events", "/v1/nothing", "/docs", "/docs/swagger-ui.css"):
        for method in ("GET", "HEAD", "OPTIONS"):
            async with front.client.session.request(method, front.client.make_url(path)) as answer:
                assert answer.headers["Server"] == "onsale", (method, path)
