"""Answers as they come over the wire: what is written in one piece is what aiohttp would have written."""

import asyncio
from typing import NamedTuple

import pytest
from aiohttp.test_utils import make_mocked_request

from api.http.replies import Reply
from tests.support.api.api_client import Front
from tests.support.api.sample_requests import World

_OF_ONE_ANSWER = ("date", "x-request-id")
"""Headers that differ from one answer to the next."""


class Wire(NamedTuple):
    """An answer, and whether the connection stays."""

    version: str
    status: str
    headers: dict[str, str]
    body: bytes
    stays: bool


async def ask(front: Front, method: str, path: str, version: str, connection: str = "", *more: str) -> Wire:
    """One request on a connection of its own, and another one after it, to see whether it is still there."""
    lines = [
        f"{method} {path} HTTP/{version}",
        "Host: a",
        *([f"Connection: {connection}"] if connection else []),
        *more,
    ]
    request = "\r\n".join([*lines, "", ""]).encode()
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.client.port)
        writer.write(request)
        start, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in rest if line)
        body = await reader.readexactly(0 if method == "HEAD" else int(headers.get("Content-Length", 0)))
        stays = True
        try:
            writer.write(request)
            stays = await reader.read(8) == b"HTTP/" + version.encode()
        except ConnectionError:
            stays = False
        writer.close()
    spoken, _, status = start.partition(" ")
    return Wire(
        spoken, status, {k.lower(): v for k, v in headers.items() if k.lower() not in _OF_ONE_ANSWER}, body, stays
    )


@pytest.mark.parametrize("path", ["/v1/venues/{}", "/v1/venues/0"])
async def test_other_forms_of_a_request_get_the_same_answer(front: Front, world: World, path: str) -> None:
    path = path.format(world.venue["id"])
    in_one_piece = await ask(front, "GET", path, "1.1")
    assert in_one_piece.stays
    assert in_one_piece.version == "HTTP/1.1"
    assert int(in_one_piece.headers["content-length"]) == len(in_one_piece.body) > 0
    for method, version, connection, stays in (
        ("GET", "1.1", "close", False),
        ("GET", "1.0", "", False),
        ("GET", "1.0", "keep-alive", True),
        ("HEAD", "1.1", "", True),
    ):
        answer = await ask(front, method, path, version, connection)
        told = answer.headers.pop("connection", "")
        if method == "HEAD":
            answer.headers.setdefault("content-length", str(len(in_one_piece.body)))
        assert (answer.status, answer.headers) == (in_one_piece.status, in_one_piece.headers)
        assert answer.body == (b"" if method == "HEAD" else in_one_piece.body)
        assert (answer.version, answer.stays) == (f"HTTP/{version}", stays)
        assert told == (
            "close" if version == "1.1" and not stays else "keep-alive" if version == "1.0" and stays else ""
        )


async def test_answers_without_a_body_have_no_length(front: Front, world: World) -> None:
    path = f"/v1/venues/{world.venue['id']}"
    tag = (await ask(front, "GET", path, "1.1")).headers["etag"]
    known = [await ask(front, "GET", path, *how, f"If-None-Match: {tag}") for how in (("1.1", ""), ("1.1", "close"))]
    for answer in known:
        assert (answer.status, answer.body) == ("304 Not Modified", b"")
        assert not {"content-length", "content-type"} & set(answer.headers)
    assert known[0].stays


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb"])
async def test_a_header_has_one_line(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        await Reply(b"", {"Location": value}).prepare(make_mocked_request("GET", "/"))
