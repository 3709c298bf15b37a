"""Public pages: how often Redis is asked, how fresh they are, and which work is not repeated."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from api.app_keys import ENGINE
from api.catalogue.cache import CATALOGUE
from api.catalogue.stock import STOCK, Watch
from api.http.cached_pages import CachedPage
from engine.commands.events import Count
from engine.commands.seats import ReadSeatMap
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, order
from tests.support.api.sample_requests import World
from tests.support.redis_nodes import commands_done
from tests.support.waiting import wait_until

_FOR_EVER = 3_600_000
_NOT_OF_REQUESTS = ("zrangebyscore",)
Commands = Callable[[], Awaitable[int]]


@pytest.fixture
def commands(shop: Settings) -> Commands:
    """The commands that Redis has run, without those of this count and those that follow the catalogue."""

    async def done() -> int:
        return await asyncio.to_thread(partial(commands_done, shop.redis_url, without=_NOT_OF_REQUESTS))

    return done


def _public(world: World) -> list[str]:
    """All that everybody may read."""
    event, seated = f"/v1/events/{world.event_id}", f"/v1/events/{world.seated_event_id}"
    section, venue = world.venue["sections"][0]["id"], f"/v1/venues/{world.venue['id']}"
    return [
        *(event, f"{event}/availability", "/v1/events", "/v1/events?limit=1&status=on_sale", "/v1/tickets"),
        *("/v1/tickets?available=true", f"/v1/tickets?event_id={world.event_id}&price_from=1&price_to=99999"),
        *(f"/v1/tickets/{world.ticket_id}", "/v1/venues", venue, f"{venue}/sections"),
        *(f"{seated}/sections/{section}/seats", f"{seated}/sections/{section}/seats?format=compact"),
    ]


async def test_redis_is_not_asked_for_a_request_while_nothing_changes(
    start_api: StartApi, world: World, commands: Commands
) -> None:
    front = await start_api(availability_age_ms=_FOR_EVER, catalogue_age_ms=_FOR_EVER)
    paths = _public(world)
    for path in paths:
        assert (await front.get(path)).status == 200
    before = await commands()
    for path in paths:
        first = await front.get(path)
        for _ in range(3):
            again = await front.call("GET", path, headers={"If-None-Match": first.headers["ETag"]})
            head = await front.call("HEAD", path)
            assert (again.status, head.status) == (304, 200)
            assert head.headers["ETag"] == first.headers["ETag"]
    assert await commands() == before
    await front.held((world.ticket_id, 1))
    await front.get(f"/v1/events/{world.event_id}")
    assert await commands() > before, "the control: it is asked for what changed"


async def test_unchanged_texts_are_not_made_again(
    start_api: StartApi, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = await start_api(availability_age_ms=_FOR_EVER, catalogue_age_ms=_FOR_EVER)
    paths = _public(world)
    first = {path: (await front.get(path)).body for path in paths}

    def no_more(*_: object, **__: object) -> None:
        raise AssertionError("it is made again")

    with monkeypatch.context() as patch:
        patch.setattr(CachedPage, "__init__", no_more)
        for path in paths:
            assert (await front.get(path)).body == first[path]
    await front.held((world.ticket_id, 1))
    for path in paths[:3]:
        if not path.endswith("availability"):
            assert (await front.get(path)).body != first[path]


async def test_a_process_shows_what_it_changed_itself(start_api: StartApi, world: World) -> None:
    front = await start_api(availability_age_ms=_FOR_EVER)
    for left in range(40, 30, -1):
        before = await front.counts(world.ticket_id)
        await front.held((world.ticket_id, 1))
        available, held, _ = await front.counts(world.ticket_id)
        assert (available, held) == (before[0] - 1, before[1] + 1), left
        listed = (await front.get("/v1/tickets", event_id=world.event_id)).body["items"]
        assert [each["available"] for each in listed] == [available]


async def test_a_process_shows_what_others_changed_within_the_age(start_api: StartApi, world: World) -> None:
    ours, theirs = await start_api(), await start_api(availability_age_ms=_FOR_EVER)
    for front in (ours, theirs):
        await front.get(f"/v1/tickets/{world.ticket_id}")
    available, _, _ = await ours.counts(world.ticket_id)
    other = await start_api()
    await other.held((world.ticket_id, 1))

    async def is_seen() -> bool:
        return (await ours.counts(world.ticket_id))[0] == available - 1

    await wait_until(is_seen, timeout=1)
    assert (await theirs.counts(world.ticket_id))[0] == available, "the control: counts may be as old as they like"


async def test_seats_follow_too(start_api: StartApi, world: World) -> None:
    front = await start_api(availability_age_ms=_FOR_EVER)
    section = world.venue["sections"][0]["id"]
    path = f"/v1/events/{world.seated_event_id}/sections/{section}/seats"
    event = (await front.get(f"/v1/events/{world.seated_event_id}")).body
    seats = (await front.get(path)).body["items"]
    for taken in seats[:3]:
        body = {"items": [{"ticket_id": event["tickets"][0]["id"], "seat_ids": [taken["seat_id"]]}]}
        assert (await front.call("POST", "/v1/reservations", order() | body)).status == 201
        taken["status"] = {"id": 1, "name": "held"}
        assert (await front.get(path)).body["items"] == seats
        compact = (await front.get(path, format="compact")).body
        assert compact["rows"][0]["seats"].count("h") == seats.index(taken) + 1


async def test_of_a_partition_that_stands_still_one_event_is_asked_for(front: Front) -> None:
    """And of one that moves all, together."""
    app = front.client.app
    assert app is not None
    engine, stock, catalogue = app[ENGINE], app[STOCK], app[CATALOGUE]
    made = [await front.event(5) for _ in range(9)]
    asked: list[object] = []
    submit = engine.submit

    def counting(command: Any) -> Any:
        if isinstance(command, Count | ReadSeatMap):
            asked.append(command)
        return submit(command)

    engine.submit = counting
    watch = Watch(stock.counts_of(event) for event in await catalogue.events())
    await stock.look(watch)
    assert len(asked) == 9
    number = watch.number
    for expected in (3, 3):
        asked.clear()
        for shelf in {group.shelf for group in watch.groups}:
            shelf.asked_at = float("-inf")
        for group in watch.groups:
            for known in group.things:
                known.asked_at = float("-inf")
            group.shelf.moves = False
        await stock.look(watch)
        assert (len(asked), watch.number) == (expected, number), "one of each of the three partitions"
    await front.held((made[-1]["tickets"][0]["id"], 1))
    asked.clear()
    await stock.look(watch)
    assert len(asked) >= 3, "all of the one where something happened"
    assert watch.number > number


async def test_a_crowd_does_not_wait_for_what_this_process_changed(front: Front, world: World) -> None:
    app = front.client.app
    assert app is not None
    engine, stock, catalogue = app[ENGINE], app[STOCK], app[CATALOGUE]
    event = await catalogue.event(world.event_id)
    assert event is not None
    watch = Watch([stock.counts_of(event)])
    await stock.look(watch)
    engine.changes[watch.groups[0].shelf.number] += 1
    assert not stock.is_good(watch), "the control"
    assert stock.is_good(watch, own=False)
    watch.groups[0].shelf.waiting = 64
    assert stock.is_good(watch)


async def test_many_readers_of_one_page_make_it_once(front: Front, world: World, commands: Commands) -> None:
    path = f"/v1/events/{world.event_id}"
    await front.get(path)
    before, began = await commands(), time.monotonic()
    answers = await asyncio.gather(*(front.get(path) for _ in range(200)))
    assert len({str(answer.body) for answer in answers}) == 1
    seconds = time.monotonic() - began
    # An FCALL and what it does, and the catalogue's own; a call of each reader would be 200 at least.
    assert await commands() - before <= 4 * 10 * seconds + 100
