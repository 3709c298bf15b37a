"""Connections beyond the limit of a process are refused until later."""

import asyncio

from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front
from tests.support.waiting import wait_until

_ASK = b"GET /healthz HTTP/1.1\r\nHost: onsale\r\n\r\n"
_TIMEOUT_SECONDS = 10


async def connect(front: Front) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = front.client.make_url("")
    return await asyncio.open_connection(url.host, url.port)


async def ask(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bytes:
    reader, writer = connection
    writer.write(_ASK)
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        return await reader.readuntil(b"\r\n\r\n")


async def test_a_connection_beyond_the_limit_is_refused_and_others_go_on(start_api: StartApi) -> None:
    front = await start_api(max_connections=2)
    first, second, third = [await connect(front) for _ in range(3)]
    assert (await ask(first)).startswith(b"HTTP/1.1 200 ")
    assert (await ask(second)).startswith(b"HTTP/1.1 200 ")
    refused = await ask(third)
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: " in refused
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        assert b'"code":"unavailable"' in await third[0].read(), "the body, and then the end"
    first[1].close()

    async def is_served() -> bool:
        again = await connect(front)
        try:
            return (await ask(again)).startswith(b"HTTP/1.1 200 ")
        finally:
            again[1].close()

    await wait_until(is_served, what="there is room again")
    for _, writer in (second, third):
        writer.close()
