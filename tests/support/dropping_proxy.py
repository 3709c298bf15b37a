"""A TCP proxy before a server. It can lose the answer to a request, give one itself, or lead to another server."""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from cli.ports import LOOPBACK

_CHUNK_BYTES = 1 << 16


class LosingProxy:
    """Passes everything on, both ways. An async context manager: within it, `url` leads to the server through it.

    The request that must lose its answer reaches the server, which does what it says; then the connection ends.
    """

    def __init__(self, server_url: str) -> None:
        self._server = urlsplit(server_url)
        self._words: list[bytes] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._refusals: dict[bytes, tuple[bytes, float]] = {}
        self.lost = 0
        """Answers that were lost."""
        self.refused = 0
        """Requests that did not reach the server, because the proxy answered them."""

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._connect, LOOPBACK, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def url(self) -> str:
        """The server's URL, by way of this proxy."""
        port = self._listener.sockets[0].getsockname()[1]
        return self._server._replace(netloc=f"{LOOPBACK}:{port}").geturl()

    def lose(self, word: bytes, times: int = 1) -> None:
        """The next requests that have this word in them, that many, get no answer."""
        self._words += [word] * times

    def refuse(self, word: bytes, answer: bytes, times: float = 1) -> None:
        """The next requests that have this word in them, that many, do not reach the server and get this answer."""
        self._refusals[word] = (answer, times)

    def refuse_no_more(self) -> None:
        """Lets all requests reach the server from now on."""
        self._refusals.clear()

    def lead_to(self, server_url: str) -> None:
        """Connections that are made from now on lead to this server; those that there are stay where they are."""
        self._server = urlsplit(server_url)

    def cut(self) -> None:
        """Ends the connections that there are."""
        for connection in self._connections:
            connection.cancel()

    def refusal_of(self, request: bytes) -> bytes | None:
        """The answer to this request in place of the server, or None; it counts."""
        for word, (answer, times) in self._refusals.items():
            if word in request and times > 0:
                self._refusals[word] = (answer, times - 1)
                self.refused += 1
                return answer
        return None

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            await _Connection(self, reader, writer).run(self._server.hostname or LOOPBACK, self._server.port or 0)
        except asyncio.CancelledError:
            return  # only __aexit__ cancels, and asyncio would complain of it
        finally:
            self._connections.discard(connection)

    def lose_no_more(self) -> None:
        """Lets all requests be answered from now on."""
        self._words.clear()

    def is_to_lose(self, request: bytes) -> bool:
        """True if this request's answer must be lost; it counts."""
        for word in self._words:
            if word in request:
                self._words.remove(word)
                self.lost += 1
                return True
        return False


class _Connection:
    """One client's way to the server and back."""

    def __init__(self, proxy: LosingProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._loses = False

    async def run(self, host: str, port: int) -> None:
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            self._writer.close()
            return
        try:
            async with asyncio.TaskGroup() as ways:
                there = ways.create_task(self._there(writer))
                await self._back(reader)
                there.cancel()
        except* OSError:
            pass  # one of the two went away
        finally:
            writer.close()
            self._writer.close()

    async def _there(self, writer: asyncio.StreamWriter) -> None:
        while data := await self._reader.read(_CHUNK_BYTES):
            if (refusal := self._proxy.refusal_of(data)) is not None:
                self._writer.write(refusal)
                continue
            self._loses |= self._proxy.is_to_lose(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    async def _back(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            if self._loses:
                return
            self._writer.write(data)
            await self._writer.drain()
