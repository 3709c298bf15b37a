"""Bad input that no HTTP library sends: bytes, written to the socket."""

import asyncio
import gzip
import json

from engine.settings import Settings
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json, order
from tests.support.api.sample_requests import World, nothing_changes


async def test_a_body_without_a_content_type(front: Front, world: World, shop: Settings) -> None:
    async with nothing_changes(shop):
        for method, path, body, _ in world.takers_of_bodies():
            raw = json.dumps(body).encode()
            head, problem = await _exchange(front, method.encode(), path.encode(), raw, b"")
            assert (_status(head), problem["code"]) == (415, "unsupported_media_type")
            head, problem = await _exchange(front, method.encode(), path.encode(), None, b"")
            assert (_status(head), problem["code"]) == (415, "unsupported_media_type")


async def test_bytes_that_no_client_sends(front: Front, world: World, shop: Settings) -> None:
    json_type = b"Content-Type: application/json\r\n"
    body = json.dumps(order((world.ticket_id, 1))).encode()
    async with nothing_changes(shop):
        for path in (b"/v1/events/\xff", b"/v1/\xff\xfe", b"/v1/reservations/\xed\xa0\x80", b"/v1/events/%ED%A0%80"):
            head, problem = await _exchange(front, b"GET", path, None, b"")
            assert (_status(head), problem["code"]) in ((404, "not_found"), (400, "malformed_json"))
        for query in (b"\xff=1", b"%ED%A0%80=1", b"x=\xff"):
            for path in (b"/v1/events?", b"/healthz?"):
                head, problem = await _exchange(front, b"GET", path + query, None, b"")
                assert (_status(head), problem["code"]) in ((422, "invalid"), (400, "malformed_json"))
        for encoding, sent in (
            (b"gzip", body),
            (b"gzip", gzip.compress(body)[:20]),
            (b"deflate", b"\x00\x01"),
            (b"br", body),
            (b"nonsense", b"{"),
        ):
            encoded = json_type + b"Content-Encoding: " + encoding + b"\r\n"
            head, problem = await _exchange(front, b"POST", b"/v1/reservations", sent, encoded)
            assert _status(head) == (400 if encoding in (b"gzip", b"deflate") else 415), (encoding, head)
            assert problem is not None
        bomb = gzip.compress(b" " * 50_000_000)
        head, problem = await _exchange(
            front, b"POST", b"/v1/reservations", bomb, json_type + b"Content-Encoding: gzip\r\n"
        )
        assert (_status(head), problem["code"]) == (413, "too_large")
        for key in (b"\xff", b"a\x80"):
            head, problem = await _exchange(
                front, b"POST", b"/v1/reservations", body, json_type + b"Idempotency-Key: " + key + b"\r\n"
            )
            assert (_status(head), problem["code"]) == (422, "invalid")


async def test_a_client_that_hangs_up_in_its_body(front: Front, world: World, shop: Settings) -> None:
    async with nothing_changes(shop):
        for sent in (b'{"items"', b""):
            reader, writer = await _connected(front)
            writer.write(b"POST /v1/reservations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: 100\r\n\r\n" + sent)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            assert reader is not None
    assert (await front.get("/healthz")).status == 200
    async with asyncio.timeout(5):
        counted = await (await front.client.get("/metrics")).text()
    totals = [line for line in counted.splitlines() if line.startswith("onsale_requests_total")]
    broken = [line for line in totals if 'status="500"' in line]
    assert broken
    assert all(line.endswith(" 0.0") for line in broken), broken


async def _connected(front: Front) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(5):
        return await asyncio.open_connection("127.0.0.1", front.client.port)


async def _exchange(front: Front, method: bytes, path: bytes, body: bytes | None, headers: bytes) -> tuple[bytes, Json]:
    """One request as bytes. The head of the answer, and its problem document if it is one."""
    reader, writer = await _connected(front)
    length = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    writer.write(method + b" " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + headers + length + b"\r\n")
    writer.write(body or b"")
    async with asyncio.timeout(10):
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if b"application/problem+json" not in head:
        return head, None
    problem = json.loads(content)
    shapes.check_problem(_status(head), "application/problem+json", problem)
    return head, problem


def _status(head: bytes) -> int:
    return int(head.split()[1])
