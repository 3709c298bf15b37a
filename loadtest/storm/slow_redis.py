"""A Redis that takes longer: a proxy that holds each answer back for a while. `python -m loadtest.storm.slow_redis`."""

import asyncio
from typing import cast

import click
import uvloop

from cli.ports import LOOPBACK


class _Back(asyncio.Protocol):
    """The bytes from the server."""

    def __init__(self, client: asyncio.Transport, delay_seconds: float) -> None:
        self._client, self._delay = client, delay_seconds
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._loop.call_later(self._delay, self._client.write, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._client.close()


class _There(asyncio.Protocol):
    """The bytes from a client; kept until the server is reached."""

    def __init__(self, port: int, delay_seconds: float) -> None:
        self._port, self._delay = port, delay_seconds
        self._server: asyncio.Transport | None = None
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._client = client = cast("asyncio.Transport", transport)
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(
            loop.create_connection(lambda: _Back(client, self._delay), LOOPBACK, self._port)
        )
        self._connecting.add_done_callback(self._connected)

    def _connected(self, task: "asyncio.Task[tuple[asyncio.Transport, _Back]]") -> None:
        if task.cancelled() or task.exception() is not None:
            self._client.close()
            return
        self._server, _ = task.result()
        self._server.write(self._early)

    def data_received(self, data: bytes) -> None:
        if self._server is None:
            self._early += data
        else:
            self._server.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._server is not None:
            self._server.close()


async def _serve(port: int, target: int, delay_ms: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _There(target, delay_ms / 1000), LOOPBACK, port)
    await server.serve_forever()


@click.command()
@click.option("--port", type=int, required=True)
@click.option("--target", type=int, required=True)
@click.option("--delay-ms", type=int, required=True)
def main(port: int, target: int, delay_ms: int) -> None:
    """Pass on to a port, and hold each answer back."""
    uvloop.run(_serve(port, target, delay_ms))


if __name__ == "__main__":
    main()
