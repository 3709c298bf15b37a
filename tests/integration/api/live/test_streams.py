"""Live updates over HTTP, on real servers."""

import asyncio
import gc
import random
import sys
from typing import Any, NamedTuple

from api.direct.connection import DirectConnection
from api.live.streams import STREAMS
from api.metrics import METRICS
from cli.dev.embedded import EmbeddedValkey
from tests.integration.api.conftest import StartApi
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json
from tests.support.api.event_stream import EventStream
from tests.support.effort import effort
from tests.support.waiting import wait_until

STREAMS_OPENED = effort(300, 5_000)

HALL = {
    "name": "Hall",
    "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 6}, {"name": "B", "seats": 6}]}],
}


def availability_path(event: Json) -> str:
    return f"/v1/events/{event['id']}/availability"


def watch(front: Front, event: Json, last_event_id: str | None = None) -> EventStream:
    return EventStream(front.client, f"{availability_path(event)}/stream", last_event_id=last_event_id)


async def test_a_stream_begins_with_the_counts_and_the_sale(front: Front) -> None:
    event = await front.event(5)
    async with watch(front, event) as stream:
        assert stream.response.status == 200
        assert stream.response.content_type == "text/event-stream"
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in stream.response.headers
        snapshot, sale = await stream.next(), await stream.next()
    assert snapshot
    assert sale
    assert (snapshot.kind, sale.kind) == ("snapshot", "sale")
    shapes.check_availability(snapshot.data)
    now = (await front.get(availability_path(event))).body
    assert snapshot.data | {"as_of": None} == now | {"as_of": None}
    shapes.check_instant(sale.data.pop("server_time"))
    assert sale.data == {"status": "on_sale", "sale_opens_at": None, "sale_closes_at": None}


async def test_changes_name_only_what_changed(front: Front) -> None:
    event = await front.event(5, 7)
    first, second = (ticket["id"] for ticket in event["tickets"])
    async with watch(front, event) as stream:
        await stream.next_of("sale")
        held = await front.held((second, 2))
        change = await stream.next_of("change")
        assert [(ticket["ticket_id"], ticket["held"]) for ticket in change.data["tickets"]] == [(second, 2)]
        assert change.data["next_return_at"] is None
        await front.call("DELETE", f"/v1/reservations/{held['id']}")
        assert (await stream.next_of("change")).data["tickets"][0]["held"] == 0
        whole = await front.held((first, 5))
        last = await stream.next_of("change")
        assert last.data["next_return_at"] == whole["expires_at"], "all is held, and may return"


async def test_a_client_with_the_current_state_gets_no_snapshot(front: Front) -> None:
    event = await front.event(5)
    await front.held((event["tickets"][0]["id"], 1))
    async with watch(front, event) as stream:
        position = (await stream.next_of("sale")).position
    async with watch(front, event, position) as stream:
        assert (await stream.next_of("sale")).position == position
    await front.held((event["tickets"][0]["id"], 1))
    async with watch(front, event, position) as stream:
        # A process that has not looked since sends what it knows to be this client's state, and then the change.
        told = await stream.next()
        while told and told.kind == "sale":
            told = await stream.next()
        assert told
        assert told.data["tickets"][0]["held"] == 2


async def test_a_client_that_missed_an_edit_gets_a_snapshot(front: Front) -> None:
    event = await front.event(5)
    price = {"amount": 9900, "currency": "EUR"}
    async with watch(front, event) as stream:
        position = (await stream.next_of("sale")).position
    assert (await front.call("PATCH", f"/v1/tickets/{event['tickets'][0]['id']}", {"price": price})).status == 200
    async with watch(front, event, position) as stream:
        assert (await stream.next_of("snapshot")).data["tickets"][0]["price"] == price


async def test_an_edited_ticket_is_a_change_and_the_new_version_a_snapshot(front: Front) -> None:
    event = await front.event(5, 7)
    ticket_id = event["tickets"][0]["id"]
    async with watch(front, event) as stream:
        await stream.next_of("sale")
        assert (await front.call("PATCH", f"/v1/tickets/{ticket_id}", {"capacity": 9})).status == 200
        change, whole = await stream.next(), await stream.next()
    assert change
    assert whole
    assert (change.kind, whole.kind) == ("change", "snapshot")
    assert [(each["ticket_id"], each["capacity"]) for each in change.data["tickets"]] == [(ticket_id, 9)]
    assert whole.data | {"as_of": None} == (await front.get(availability_path(event))).body | {"as_of": None}


async def test_an_edited_event_sends_its_sale(front: Front) -> None:
    event = await front.event(5)
    async with watch(front, event) as stream:
        await stream.next_of("sale")
        await front.call("PATCH", f"/v1/events/{event['id']}", {"status": "closed"})
        assert (await stream.next_of("sale")).data["status"] == "closed"


async def seated(front: Front) -> tuple[Json, str]:
    """An event in a hall, and the path of the seats of its section."""
    venue = (await front.call("POST", "/v1/venues", HALL)).body
    section = venue["sections"][0]["id"]
    stalls = {"ticket_type": "Stalls", "price": {"amount": 2500, "currency": "EUR"}, "section_ids": [section]}
    event = await front.event(venue_id=venue["id"], tickets=[stalls])
    return event, f"/v1/events/{event['id']}/sections/{section}/seats"


async def test_a_client_that_missed_a_blocked_seat_gets_a_snapshot(front: Front) -> None:
    event, path = await seated(front)
    seat_id = (await front.get(path)).body["items"][0]["seat_id"]
    async with EventStream(front.client, f"{path}/stream") as stream:
        position = (await stream.next_of("snapshot")).position
    block = {"seat_ids": [seat_id], "blocked": True}
    assert (await front.call("PATCH", f"/v1/events/{event['id']}/seats", block)).status == 200
    async with EventStream(front.client, f"{path}/stream", last_event_id=position) as stream:
        told = await stream.next()
        assert told
        assert told.kind in ("snapshot", "change"), "a process that has not looked since sends the change"


async def test_streams_of_a_new_draft_end(front: Front, start_api: StartApi) -> None:
    event, path = await seated(front)
    public = await start_api(auth="jwt", jwt_secret="a secret of thirty-two bytes or more")
    async with (
        EventStream(public.client, f"{path}/stream") as seats,
        EventStream(public.client, f"{availability_path(event)}/stream") as counts,
    ):
        await seats.next_of("snapshot")
        await counts.next_of("sale")
        assert (await front.call("PATCH", f"/v1/events/{event['id']}", {"status": "draft"})).status == 200
        for stream in (seats, counts):
            while await stream.next():
                pass


async def test_seats_change_one_by_one(front: Front) -> None:
    event, path = await seated(front)
    seats = [seat["seat_id"] for seat in (await front.get(path)).body["items"]]
    async with EventStream(front.client, f"{path}/stream") as stream:
        snapshot = await stream.next_of("snapshot")
        assert [row["seats"] for row in snapshot.data["rows"]] == ["aaaaaa", "aaaaaa"]
        items = [{"ticket_id": event["tickets"][0]["id"], "seat_ids": [seats[2], seats[7]]}]
        held = await front.call("POST", "/v1/reservations", {"items": items, "customer": {"id": "22"}})
        assert (await stream.next_of("change")).data["seats"] == [[seats[2], 1], [seats[7], 1]]
        await front.call("DELETE", f"/v1/reservations/{held.body['id']}")
        assert (await stream.next_of("change")).data["seats"] == [[seats[2], 0], [seats[7], 0]]


async def test_unknown_ids_are_404(front: Front) -> None:
    event = await front.event(1)
    for path in ("/v1/events/999999/availability/stream", f"/v1/events/{event['id']}/sections/1/seats/stream"):
        assert await front.refused("GET", path) == "not_found"


async def test_comments_keep_a_stream_open(start_api: StartApi) -> None:
    front = await start_api(stream_heartbeat_ms=30)
    async with watch(front, await front.event(1)) as stream:
        await stream.next_of("sale")
        await stream.heartbeat()
        await stream.heartbeat()


async def test_too_many_streams_are_refused_until_later(start_api: StartApi) -> None:
    front = await start_api(max_streams=2)
    event = await front.event(1)
    async with watch(front, event) as one, watch(front, event) as two:
        await one.next_of("sale")
        await two.next_of("sale")
        assert await front.refused("GET", f"{availability_path(event)}/stream") == "unavailable"
    await wait_until(lambda: front.client.app[STREAMS].count == 0, what="both are forgotten")
    async with watch(front, event) as third:
        assert third.response.status == 200


class Kept(NamedTuple):
    """The figures of a process at an instant."""

    tasks: int
    connections: int
    blocks: int


async def test_closed_streams_leave_no_task_connection_or_memory(front: Front) -> None:
    event = await front.event(1)
    path = f"{availability_path(event)}/stream"
    request = f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()

    async def open_and_close(number: int) -> None:
        opened = [await asyncio.open_connection(front.client.host, front.client.port) for _ in range(number)]
        for reader, writer in opened:
            writer.write(request)
            await reader.readuntil(b"event: sale")
        assert front.client.app[STREAMS].count == number
        for _, writer in opened:
            writer.close()
        for _, writer in opened:
            await writer.wait_closed()
        await wait_until(lambda: front.client.app[STREAMS].count == 0, what="all are forgotten")

    async def kept() -> Kept:
        await asyncio.sleep(0.1)
        gc.collect()
        connections = sum(isinstance(each, DirectConnection) for each in gc.get_objects())
        return Kept(len(asyncio.all_tasks()), connections, sys.getallocatedblocks())

    front.client.app[METRICS].publish(every=True)  # of its series, some are made later
    await open_and_close(STREAMS_OPENED)
    grown = []
    for _ in range(3):  # what streams leave grows each time; a cluster's clients are made once
        before = await kept()
        await open_and_close(STREAMS_OPENED)
        after = await kept()
        assert (after.tasks, after.connections) == (before.tasks, before.connections)
        grown.append(after.blocks - before.blocks)
    assert min(grown) < STREAMS_OPENED, "less than a block for each"


async def test_streams_may_be_served_elsewhere(start_api: StartApi) -> None:
    front = await start_api(streams=False)
    event = await front.event(1)
    assert await front.refused("GET", f"{availability_path(event)}/stream") == "unavailable"


async def test_head_has_the_head_alone(front: Front) -> None:
    event = await front.event(1)
    async with front.client.head(f"{availability_path(event)}/stream") as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert await response.read() == b""


async def test_streams_outlive_redis_and_then_tell_the_truth(start_api: StartApi, own_valkey: EmbeddedValkey) -> None:
    front = await start_api(redis_url=own_valkey.url, stream_heartbeat_ms=30, command_timeout_ms=300)
    event = await front.event(5)
    async with watch(front, event) as stream:
        await stream.next_of("sale")
        await front.held((event["tickets"][0]["id"], 2))
        await stream.next_of("change")
        own_valkey.kill()
        for _ in range(40):  # for longer than a command waits for Redis
            await stream.heartbeat()
        own_valkey.start()
        assert (await stream.next_of("snapshot")).data["tickets"][0]["held"] == 2


async def test_the_last_event_equals_what_get_returns(front: Front) -> None:
    event = await front.event(40, 40)
    chance = random.Random(20270601)  # noqa: S311  # the same schedule in each run
    async with watch(front, event) as stream:
        state: dict[int, Any] = {}

        async def follow() -> None:
            while told := await stream.next():
                if told.kind in ("snapshot", "change"):
                    state.update({ticket["ticket_id"]: ticket for ticket in told.data["tickets"]})

        following = asyncio.ensure_future(follow())
        live: list[str] = []
        for _ in range(60):
            if live and chance.random() < 0.4:
                await front.call("DELETE", f"/v1/reservations/{live.pop(chance.randrange(len(live)))}")
            else:
                live.append((await front.held((chance.choice(event["tickets"])["id"], 1)))["id"])
        await asyncio.sleep(0)

        async def now() -> bool:
            tickets = (await front.get(availability_path(event))).body["tickets"]
            return bool(state == {ticket["ticket_id"]: ticket for ticket in tickets})

        await wait_until(now, what="the stream has what GET has")
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
