"""Attacks of hostile clients on a server, each until it is closed. A program of its own, so that it slows no test down.

    python -m tests.system.hostile "slow bodies" 127.0.0.1 8080

Its status is 0 if every connection was closed, and what was answered is as it should be.
"""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

CLOSED_WITHIN_SECONDS = 10
IDLE_CONNECTIONS = 10_000

# What comes over a network comes at some pace; without it these programs would take the machine, not the server.
BREATH_SECONDS = 0.01

Attack = Callable[[str, int], Awaitable[None]]


@asynccontextmanager
async def connected(host: str, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """All that the server says until it closes; fails if it does not in time."""
    with suppress(ConnectionError):
        async with asyncio.timeout(CLOSED_WITHIN_SECONDS):
            return await reader.read()
    return b""


async def slow_headers(host: str, port: int) -> None:
    """A header a moment, and never the last one."""
    async with connected(host, port) as (reader, writer):
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        end = asyncio.ensure_future(read_to_end(reader))
        number = 0
        while not end.done():
            number += 1
            with suppress(ConnectionError):
                writer.write(f"X-{number}: y\r\n".encode())
                await writer.drain()
            await asyncio.wait([end], timeout=0.2)
        await end


async def slow_body(host: str, port: int) -> None:
    """A byte a moment of a body that was announced as longer."""
    async with connected(host, port) as (reader, writer):
        writer.write(_post(b"Content-Length: 60000"))
        end = asyncio.ensure_future(read_to_end(reader))
        while not end.done():
            with suppress(ConnectionError):
                writer.write(b" ")
                await writer.drain()
            await asyncio.wait([end], timeout=0.2)
        assert (await end).startswith(b"HTTP/1.1 4")


async def endless_body(host: str, port: int) -> None:
    """Chunks without an end."""
    async with connected(host, port) as (reader, writer):
        writer.write(_post(b"Transfer-Encoding: chunked"))
        end = asyncio.ensure_future(read_to_end(reader))
        with suppress(ConnectionError):
            while not end.done():
                writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(BREATH_SECONDS)
        answer = await end
        assert not answer or b" 413 " in answer.splitlines()[0], "a reset may overtake the answer"


async def header_bomb(host: str, port: int) -> None:
    """A megabyte of headers."""
    async with connected(host, port) as (reader, writer):
        with suppress(ConnectionError):
            writer.write(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            for number in range(1000):
                writer.write(f"X-{number}: {'y' * 1000}\r\n".encode())
            await writer.drain()
        answer = await read_to_end(reader)
        assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer


async def pipelining_flood(host: str, port: int) -> None:
    """Request after request, and no answer is read."""
    async with connected(host, port) as (_, writer):
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20)
                    await writer.drain()
                    await asyncio.sleep(BREATH_SECONDS)


async def idle_crowd(host: str, port: int) -> None:
    """Connections that ask for nothing."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    async with AsyncExitStack() as crowd:
        readers = []
        for _ in range(IDLE_CONNECTIONS // 100):
            some = [crowd.enter_async_context(connected(host, port)) for _ in range(100)]
            readers += [reader for reader, _ in await asyncio.gather(*some)]
        assert set(await asyncio.gather(*(read_to_end(reader) for reader in readers))) == {b""}


ATTACKS: dict[str, tuple[Attack, int]] = {
    "slow headers": (slow_headers, 50),
    "slow bodies": (slow_body, 50),
    "endless bodies": (endless_body, 5),
    "header bombs": (header_bomb, 10),
    "pipelining floods": (pipelining_flood, 5),
    "idle connections": (idle_crowd, 1),
}
"""The attacks, and how many clients make each at once."""


def _post(header: bytes) -> bytes:
    return (
        b"POST /v1/reservations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + header
        + b"\r\n\r\n"
    )


async def attack(name: str, host: str, port: int) -> None:
    """As many of that kind as there are of it, at once."""
    one, at_once = ATTACKS[name]
    await asyncio.gather(*(one(host, port) for _ in range(at_once)))


if __name__ == "__main__":
    asyncio.run(attack(sys.argv[1], sys.argv[2], int(sys.argv[3])))
