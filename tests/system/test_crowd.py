"""Many more buyers than places, all at once."""

import asyncio
from collections import Counter

from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

from cli.dev.embedded import EmbeddedValkey
from tests.support.system.ledgers import check_books
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.support.waiting import wait_until

PLACES = 50
BUYERS = 300


async def everybody_wants_one(storefront: Storefront, ticket_id: int) -> Counter[tuple[int, str | None]]:
    """The answers to the buyers: status and code."""
    async with asyncio.TaskGroup() as buyers:
        answers = [buyers.create_task(storefront.hold(ticket_id, f"buyer-{n}")) for n in range(BUYERS)]
    return Counter((task.result().status, task.result().code) for task in answers)


async def test_as_many_get_a_place_as_there_are_places(stack: Stack, storefront: Storefront) -> None:
    stack.api_workers = 2
    await stack.start("sync", "api")
    event = await storefront.create_event(capacity=PLACES)

    answers = await everybody_wants_one(storefront, event.ticket_id)

    assert answers == {(201, None): PLACES, (409, "sold_out"): BUYERS - PLACES}
    ticket = await storefront.ticket(event.ticket_id)
    assert (ticket["available"], ticket["held"], ticket["sold_out"]) == (0, PLACES, True)

    async def availability_tells() -> bool:
        answer = await storefront.ask("GET", f"/v1/events/{event.event_id}/availability")
        return [(each["available"], each["held"]) for each in answer.body["tickets"]] == [(0, PLACES)]

    await wait_until(availability_tells)
    await check_books(stack)


async def test_reading_then_writing_oversells(valkey: EmbeddedValkey) -> None:
    """The negative control: the same buyers find more places than there are where stock is read and written back."""
    async with Redis.from_url(valkey.url, max_connections=BUYERS) as redis:

        async def hold(_request: web.Request) -> web.Response:
            available = int(await redis.get("available") or 0)
            if available < 1:
                return web.json_response({"code": "sold_out"}, status=409)
            await redis.set("available", available - 1)
            return web.json_response({}, status=201)

        app = web.Application()
        app.router.add_post("/v1/reservations", hold)
        await redis.set("available", PLACES)
        async with TestServer(app) as server, Storefront.at(str(server.make_url("")).rstrip("/")) as storefront:
            answers = await everybody_wants_one(storefront, ticket_id=1)
        await redis.delete("available")

    assert answers.keys() <= {(201, None), (409, "sold_out")}
    assert answers[201, None] > PLACES
