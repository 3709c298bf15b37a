"""Deleting events and tickets: only if nothing of them was ever taken, cancelled or not."""

import asyncio

import pytest

from engine.catalogue import EventSnapshot
from engine.commands.events import Count
from engine.engine import Engine
from engine.results.events import UnknownPool
from engine.settings import Settings
from sync.catalogue.event_publisher import EventPublisher
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json, ticket
from tests.support.api.timed_event import open_museum


async def _seated(front: Front) -> Json:
    """An event with two tickets for the seats of one section."""
    hall = {"name": "Hall", "sections": [{"name": "S", "rows": [{"name": "A", "seats": 3}]}]}
    venue = (await front.call("POST", "/v1/venues", hall)).body
    offer = {"price": ticket("", 1)["price"], "section_ids": [venue["sections"][0]["id"]]}
    return await front.event(
        venue_id=venue["id"], tickets=[offer | {"ticket_type": kind} for kind in ("Adult", "Child")]
    )


async def test_untouched_events_are_deleted_everywhere(front: Front, start_api: StartApi, shop: Settings) -> None:
    other = await start_api()
    event, seated = await front.event(5, 5), await _seated(front)
    ticket_id, path = event["tickets"][0]["id"], f"/v1/events/{event['id']}"
    assert (await front.call("DELETE", f"/v1/tickets/{ticket_id}")).status == 204
    assert (await front.call("DELETE", f"/v1/tickets/{seated['tickets'][1]['id']}")).status == 204
    for each in (front, other):
        assert [one["id"] for one in (await each.get(path)).body["tickets"]] == [event["tickets"][1]["id"]]
        assert await each.refused("GET", f"/v1/tickets/{ticket_id}") == "not_found"
        assert (await each.reserve((ticket_id, 1))).code == "not_found"
    seats = {"items": [{"ticket_id": seated["tickets"][0]["id"], "quantity": 2, "best_available": True}]}
    assert (await front.call("POST", "/v1/reservations", seats | {"customer": {"id": "1"}})).status == 201
    assert (await front.reserve((event["tickets"][1]["id"], 1))).status == 201

    draft = await front.event(5, status="draft")
    blocked = await _seated(front)
    for gone in (draft, blocked):
        assert (await front.call("DELETE", f"/v1/events/{gone['id']}")).status == 204
        for each in (front, other):
            assert await each.refused("GET", f"/v1/events/{gone['id']}") == "not_found"
            assert gone["id"] not in [one["id"] for one in await each.pages("/v1/events")]
        assert await front.refused("DELETE", f"/v1/events/{gone['id']}") == "not_found"
        async with Engine(shop) as engine:
            assert isinstance(await engine.submit(Count(gone["id"])), UnknownPool)


async def test_takings_prevent_deletion(front: Front) -> None:
    await _check_it_stays(front, synced=False)


@pytest.mark.usefixtures("sync")
async def test_takings_that_only_postgres_knows_prevent_deletion(front: Front) -> None:
    await _check_it_stays(front, synced=True)


async def _check_it_stays(front: Front, *, synced: bool) -> None:
    event = await front.event(5, 5)
    (one, two), path = (each["id"] for each in event["tickets"]), f"/v1/events/{event['id']}"
    held = await front.held((one, 1))
    for path_in_use in (f"/v1/tickets/{one}", path):
        assert await front.refused("DELETE", path_in_use) == "in_use"
    assert (await front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204
    if synced:
        assert len(await front.pages("/v1/reservations", event_id=event["id"])) == 1, "Postgres has it"
    for path_in_use in (f"/v1/tickets/{one}", path):
        refused = await front.call("DELETE", path_in_use)
        assert (refused.status, refused.code) == (409, "in_use")
    assert (await front.reserve((one, 1))).status == 201, "and it sells"
    assert (await front.call("DELETE", f"/v1/tickets/{two}")).status == 204

    museum = await open_museum(front)
    await museum.booked()
    assert await front.refused("DELETE", museum.path) == "in_use"


@pytest.mark.usefixtures("sync")
@pytest.mark.parametrize("how", ["exchange", "refund"])
async def test_a_ticket_that_was_paid_and_left_stays(front: Front, how: str) -> None:
    """No reservation has places of it any more, but e-tickets and refunds name it."""
    event = await front.event(5, 5)
    one, two = (each["id"] for each in event["tickets"])
    paid = await front.paid((one, 1), (two, 1))
    gone = {"items": [{"ticket_id": one, "quantity": 1}], "restock": True}
    body = {"items": [{"ticket_id": two, "quantity": 1}]} if how == "exchange" else gone
    assert (await front.call("POST", f"/v1/reservations/{paid['id']}/{how}", body)).status == 200
    (left,) = await front.pages("/v1/reservations", event_id=event["id"])
    assert [item["ticket_id"] for item in left["items"]] == [two], "Postgres has it"
    assert await front.refused("DELETE", f"/v1/tickets/{one}") == "in_use"
    assert (await front.reserve((one, 1))).status == 201, "and it sells"


async def test_somebody_takes_a_place_while_it_is_deleted(front: Front) -> None:
    """Either it is taken and stays, or it is gone and not taken."""
    for _ in range(5):
        event = await front.event(5)
        (ticket_id,) = (each["id"] for each in event["tickets"])
        deleted, *reserved = await asyncio.gather(
            front.call("DELETE", f"/v1/tickets/{ticket_id}"), *(front.reserve((ticket_id, 1)) for _ in range(4))
        )
        taken = [answer.status for answer in reserved].count(201)
        if deleted.status == 204:
            assert taken == 0
        else:
            assert deleted.code == "in_use"
            assert await front.counts(ticket_id) == (5 - taken, taken, 0)


async def test_what_is_deleted_before_its_publication_was_created(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it were deleted a moment later: 201 for its creator, 204 for the other manager, and then 404."""
    publish, paths = EventPublisher.publish_existing, list[str]()

    async def published(self: EventPublisher, event_id: int) -> EventSnapshot:
        monkeypatch.setattr(EventPublisher, "publish_existing", publish)
        async with self._postgres.connection() as connection:
            ticket_id = await connection.fetchval("SELECT max(id) FROM tickets WHERE event_id = $1", event_id)
        paths.append(f"/v1/tickets/{ticket_id}" if paths else f"/v1/events/{event_id}")
        assert (await front.call("DELETE", paths[-1])).status == 204
        return await publish(self, event_id)

    monkeypatch.setattr(EventPublisher, "publish_existing", published)
    body = {"name": "Late", "starts_at": "2027-06-01T18:00:00Z", "tickets": [ticket("VIP", 5)]}
    made = await front.call("POST", "/v1/events", body)
    there = await front.event(5)
    monkeypatch.setattr(EventPublisher, "publish_existing", published)
    added = await front.call("POST", f"/v1/events/{there['id']}/tickets", ticket("Balcony", 5))

    assert [(each.status, each.headers["Location"]) for each in (made, added)] == [(201, path) for path in paths]
    assert (made.body["name"], made.body["tickets"][0]["ticket_type"]) == ("Late", "VIP")
    assert (added.body["ticket_type"], added.body["event"]["id"]) == ("Balcony", there["id"])
    assert [await front.refused("GET", path) for path in paths] == ["not_found", "not_found"]
    assert len((await front.get(f"/v1/events/{there['id']}")).body["tickets"]) == 1


async def test_only_the_version_that_was_read_is_deleted(front: Front) -> None:
    event = await front.event(5)
    path, ticket_path = f"/v1/events/{event['id']}", f"/v1/tickets/{event['tickets'][0]['id']}"
    for each, change in ((ticket_path, {"capacity": 6}), (path, {"name": "Other"})):
        tag = (await front.get(each)).headers["ETag"]
        changed = await front.call("PATCH", each, change)
        assert (await front.call("DELETE", each, headers={"If-Match": tag})).status == 412
        current = {"If-Match": changed.headers["ETag"]}
        assert (await front.call("DELETE", each, headers=current)).status == 204
