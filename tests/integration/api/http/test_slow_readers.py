"""Clients that ask and do not read, or leave in the middle: they are dropped, and nothing of theirs stays in memory."""

import asyncio
import gc
import logging
import socket
from typing import Any

import pytest
from aiohttp import web

from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, ticket
from tests.support.waiting import wait_until

_SEATS = 300


async def page_of_seats(front: Front) -> str:
    """The path of an answer of some 80 kB."""
    manifest = {"name": "Hall", "sections": [{"name": "S", "rows": [{"name": "A", "seats": _SEATS}]}]}
    venue = (await front.call("POST", "/v1/venues", manifest)).body
    section_id = venue["sections"][0]["id"]
    stalls = {"ticket_type": "Stalls", "price": ticket("", 1)["price"], "section_ids": [section_id]}
    event = await front.event(venue_id=venue["id"], tickets=[stalls])
    return f"/v1/events/{event['id']}/sections/{section_id}/seats"


async def deaf(front: Front) -> socket.socket:
    """A connection of a client whose buffer is small, and which reads only what the test reads."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, (front.client.host, front.client.port))
    return client


def connections(front: Front) -> list[Any]:
    server = front.client.server.handler
    assert isinstance(server, web.Server)
    return server.connections


async def ask(client: socket.socket, path: str, times: int) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    await asyncio.get_running_loop().sock_sendall(client, request * times)


@pytest.fixture
async def impatient(start_api: StartApi) -> Front:
    return await start_api(write_seconds=1)


async def test_a_client_that_does_not_read_is_dropped(impatient: Front) -> None:
    path = await page_of_seats(impatient)
    before = len(connections(impatient))
    client = await deaf(impatient)
    await ask(client, path, 200)
    await wait_until(lambda: len(connections(impatient)) == before + 1)
    await wait_until(lambda: len(connections(impatient)) == before, 20, what="the connection is dropped")
    client.close()


async def test_a_client_that_reads_slowly_gets_all(impatient: Front) -> None:
    """The negative control: pauses shorter than the deadline, and more than the buffers hold."""
    path = await page_of_seats(impatient)
    client, loop = await deaf(impatient), asyncio.get_running_loop()
    await ask(client, path, 40)
    answers = 0
    async with asyncio.timeout(30):
        while answers < 40:
            answers += (await loop.sock_recv(client, 65_536)).count(b"HTTP/1.1 200 OK")
    client.close()


async def test_a_connection_that_is_closed_waits_for_its_client_for_a_while_only(impatient: Front) -> None:
    path = await page_of_seats(impatient)
    client = await deaf(impatient)
    request = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    before = asyncio.all_tasks()
    await asyncio.get_running_loop().sock_sendall(client, request)
    await wait_until(lambda: asyncio.all_tasks() <= before, 20, what="nothing of the connection is left")
    client.close()


async def test_downloads_that_are_aborted_leave_nothing_to_the_garbage_collector(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("aiohttp.access"), "disabled", True)  # pytest keeps what is logged
    path = await page_of_seats(front)

    def alive() -> int:
        return sum(isinstance(each, web.Request) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = alive()
        for _ in range(10):
            client = await deaf(front)
            await ask(client, path, 5)
            await asyncio.get_running_loop().sock_recv(client, 1000)
            client.close()
        await wait_until(lambda: alive() <= before, 10, what="every request is freed by its last reference")
    finally:
        gc.enable()
