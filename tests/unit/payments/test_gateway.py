"""Whatever a gateway does over HTTP comes out as a value, and in time."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.words import FailureReason
from payments.gateway import ChargeRefund, Completed, Failed, HttpGateway, NeverSeen, Refused, Unknown

TIMEOUT_SECONDS = 0.2
REFUND = ChargeRefund(id="1-a", amount=500)
COMPLETED = b'{"id": "pay-1", "status": "completed", "amount": 500, "currency": "EUR"}'

Call = Callable[[HttpGateway], Awaitable[object]]

CALLS: list[Call] = [
    lambda gateway: gateway.charge("pay-1", 500, "EUR", "tok_visa"),
    lambda gateway: gateway.status("pay-1"),
    lambda gateway: gateway.void("pay-1"),
    lambda gateway: gateway.refund("pay-1", REFUND),
]
every_call = pytest.mark.parametrize("call", CALLS, ids=["charge", "status", "void", "refund"])


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[HttpGateway]:
    async with aiohttp.ClientSession() as session:
        yield HttpGateway(session, url, TIMEOUT_SECONDS)


@asynccontextmanager
async def serving(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[HttpGateway]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server, asking(str(server.make_url("/"))) as gateway:
        yield gateway


@asynccontextmanager
async def answering(status: int, body: bytes) -> AsyncIterator[HttpGateway]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, body=body)

    async with serving(answer) as gateway:
        yield gateway


@every_call
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, COMPLETED),
        (503, b""),
        (429, b""),
        (204, b""),
        (200, b""),
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, b'{"id": "pay-1", "status": "perhaps"}'),
        (200, b'{"id": "pay-2", "status": "completed"}'),
        (202, b'{"id": "pay-1", "status": "pending"}'),
        (202, b'{"id": "pay-1", "status": "pending", "refunds": [{"id": "1-b", "amount": 500}]}'),
    ],
)
async def test_an_odd_answer_is_unknown(call: Call, status: int, body: bytes) -> None:
    async with answering(status, body) as gateway:
        assert await call(gateway) == Unknown()


@every_call
async def test_a_redirect_is_not_followed(call: Call) -> None:
    followed: list[str] = []

    async def redirect_once(request: web.Request) -> web.Response:
        if request.path != "/elsewhere":
            raise web.HTTPTemporaryRedirect("/elsewhere")
        followed.append(request.path)
        return web.Response(body=COMPLETED)

    async with serving(redirect_once) as gateway:
        assert await call(gateway) == Unknown()
    assert not followed


async def test_clear_answers_are_understood() -> None:
    async with answering(200, COMPLETED) as gateway:
        assert await gateway.charge("pay-1", 500, "EUR", "tok_visa") == Completed(500, "EUR")
        assert await gateway.status("pay-1") == Completed(500, "EUR")
        assert await gateway.refund("pay-1", REFUND) == Unknown(), "completed says nothing about the refund"
    async with answering(200, b'{"id": "pay-1", "status": "failed", "reason": "card_declined"}') as gateway:
        assert await gateway.charge("pay-1", 500, "EUR", "tok_visa") == Failed(FailureReason.CARD_DECLINED)
    async with answering(200, b'{"id": "pay-1", "status": "failed"}') as gateway:
        assert await gateway.void("pay-1") == Failed(FailureReason.PAYMENT_FAILED)


async def test_only_a_status_can_find_nothing() -> None:
    async with answering(404, b"") as gateway:
        assert await gateway.status("pay-1") == NeverSeen()
        assert await gateway.charge("pay-1", 500, "EUR", "tok_visa") == Unknown()
        assert await gateway.void("pay-1") == Unknown()
        assert await gateway.refund("pay-1", REFUND) == Refused(), "there is nothing to give back of"


@every_call
async def test_a_gateway_that_is_away_is_unknown(call: Call) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with asking(f"http://127.0.0.1:{unused.getsockname()[1]}") as gateway:
            assert await call(gateway) == Unknown()


@every_call
async def test_a_gateway_that_does_not_answer_is_unknown_in_time(call: Call) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with asking(f"http://127.0.0.1:{silent.getsockname()[1]}") as gateway:
            async with asyncio.timeout(TIMEOUT_SECONDS * 3):
                assert await call(gateway) == Unknown()


@every_call
async def test_an_answer_that_breaks_off_is_unknown(call: Call) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + COMPLETED)
        writer.close()

    async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asking(f"http://127.0.0.1:{port}") as gateway:
            assert await call(gateway) == Unknown()


async def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    asked: list[bytes] = []

    async def answer_the_second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if len(asked) > 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(COMPLETED), COMPLETED))
        writer.close()

    async with await asyncio.start_server(answer_the_second, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asking(f"http://127.0.0.1:{port}") as gateway:
            assert await gateway.charge("pay-1", 500, "EUR", "tok_visa") == Completed(500, "EUR")
    assert len(asked) == 2
