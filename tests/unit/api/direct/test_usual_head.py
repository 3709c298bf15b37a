"""Heads of usual requests: what is read here is what aiohttp's parser reads, and what is not HTTP is left to it."""

import asyncio
import random
from collections.abc import Iterator, Mapping

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpVersion11
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser

from api.direct.usual_head import read_usual
from tests.support.effort import effort

_BODY = b'{"items":[{"ticket_id":1,"quantity":2}]}'
_LINES = [
    *("Content-Type: application/json", "Authorization: Bearer a.b.c", "Idempotency-Key: k-1", "X-Request-ID: mine"),
    *(
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
        "Accept: */*",
        "Connection: keep-alive",
        "Origin: https://a.example",
    ),
    *("Connection: close", "Connection: Keep-Alive", "Transfer-Encoding: chunked", "Expect: 100-continue", "Accept:"),
    *("Upgrade: h2c", "Content-Encoding: gzip", "X-Own: b", "Cookie: a=b; c=d", 'sec-ch-ua: "Chromium";v="130"'),
    *(
        "Accept: ä",
        "Accept:a",
        "Accept:  a",
        "Accept: a ",
        "Accept : a",
        " folded",
        "Accept: \ta",
        "Host: again",
        ": a",
    ),
    *("X-Forwarded-For: 10.0.0.1, 10.0.0.2", "Content-Length: 0", "Content-Length: 40", "nothing", "Accept: a\nB: c"),
]
_ODD_BYTES = b"\r\n\t :\x00\x7f\xffaA-0"


def head(*lines: str, line: str = "POST /v1/reservations HTTP/1.1", length: int | str = len(_BODY)) -> bytes:
    return "\r\n".join([line, "Host: shop.example", *lines, f"Content-Length: {length}", "", ""]).encode("latin-1")


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def parsed(loop: asyncio.AbstractEventLoop, data: bytes) -> tuple[str, list[tuple[str, str]], bytes] | None:
    """The result of aiohttp's parser, if that is one whole request that keeps its connection as it is."""
    parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16, max_line_size=8190, max_field_size=8190)
    try:
        messages, upgraded, tail = parser.feed_data(data)
    except HttpProcessingError:
        return None
    if len(messages) != 1 or upgraded or tail:
        return None
    message, payload = messages[0]
    if message.should_close or message.chunked or message.upgrade or message.version != HttpVersion11:
        return None
    if message.method != "POST" or message.compression or not payload.is_eof():
        return None
    return message.path, _in_small_letters(message.headers), b"".join(payload._buffer)


def _in_small_letters(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers.items()]


def requests(seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)  # noqa: S311  # no secret
    for _ in range(effort(3_000, 30_000)):
        lines = chance.sample(_LINES, k=chance.choice([0, 1, 2, 2, 3, 5]))
        if chance.random() < 0.3:
            lines = [name.lower() + colon + value for name, colon, value in (each.partition(":") for each in lines)]
        line = chance.choice(
            ["POST /v1/reservations HTTP/1.1"] * 6 + ["POST /v1/reservations/ HTTP/1.1", "POST / HTTP/1.1"]
        )
        data = head(*lines, line=line) + _BODY
        if chance.random() < 0.4:
            at = chance.randrange(len(data))
            data = data[:at] + bytes([chance.choice(_ODD_BYTES)]) + data[at + chance.randrange(2) :]
        yield data


def test_a_usual_request_is_read_as_aiohttp_reads_it(loop: asyncio.AbstractEventLoop) -> None:
    read, refused = 0, 0
    for data in requests(seed=5):
        usual, theirs = read_usual(data), parsed(loop, data)
        if usual is not None:
            path, headers, body = usual
            assert theirs == (path, _in_small_letters(headers), body), data
            read += 1
        refused += theirs is None
    assert read > 300
    assert refused > 300, "of what is no usual request there was enough, too"


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Type: application/json", "Authorization: Bearer a.b.c", "Idempotency-Key: k-1"),
        ("content-type: application/json", "x-forwarded-for: 10.0.0.1", "user-agent: a", "traceparent: 00-a-b-01"),
    ],
)
def test_requests_of_clients_and_proxies_are_usual(lines: tuple[str, ...]) -> None:
    if lines[0].islower():
        data = head(*lines).replace(b"Host", b"host").replace(b"Content-Length", b"content-length")
    else:
        data = head(*lines)
    usual = read_usual(data + _BODY)
    assert usual is not None
    assert (usual[0], usual[2], len(usual[1])) == ("/v1/reservations", _BODY, len(lines) + 2)


@pytest.mark.parametrize(
    "data",
    [
        head("Transfer-Encoding: chunked") + _BODY,
        head("Expect: 100-continue") + _BODY,
        head("Connection: close") + _BODY,
        head("host: another.example") + _BODY,
        head("Content-Length: 40") + _BODY,
        head(length="040") + _BODY,
        head("Accept: a\nTransfer-Encoding: chunked") + _BODY,
        head() + _BODY[:-1],
        head() + _BODY + b"x",
        head().replace(b"Host: shop.example\r\n", b"") + _BODY,
        head("Accept: " + "a" * 4096) + _BODY,
    ],
)
def test_all_else_is_left_to_aiohttp(data: bytes) -> None:
    assert read_usual(data) is None
