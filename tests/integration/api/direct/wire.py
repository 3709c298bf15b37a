"""A connection on which a test sends bytes."""

import asyncio
import re

from tests.support.api.api_client import Front


class Wire:
    """A connection on which bytes are sent and whole answers come back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, request: bytes, answers: int = 1) -> list[bytes]:
        """The answers, each with its head and body; fewer if the connection ends."""
        self._writer.write(request)
        told = []
        async with asyncio.timeout(20):
            for _ in range(answers):
                try:
                    head = await self._reader.readuntil(b"\r\n\r\n")
                except asyncio.IncompleteReadError as error:
                    told.append(error.partial)
                    break
                length = re.search(rb"Content-Length: (\d+)", head)
                told.append(head + (await self._reader.readexactly(int(length[1])) if length else b""))
        return told

    async def close(self) -> None:
        self._writer.close()
        await asyncio.sleep(0)


async def connect(front: Front) -> Wire:
    return Wire(*await asyncio.open_connection("127.0.0.1", front.client.port))
