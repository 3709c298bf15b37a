"""If-Match: a change that was made from something old changes nothing, and of several at once one is made."""

import asyncio

import pytest

from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front, Json
from tests.support.api.sample_requests import World
from tests.support.api.timed_event import open_museum


def _changes(world: World) -> dict[str, tuple[str, list[Json]]]:
    """A changeable resource: the path that has its tag, and changes of it."""
    names: list[Json] = [{"name": f"Name {number}"} for number in range(6)]
    prices: list[Json] = [{"price": {"amount": number, "currency": "EUR"}} for number in range(6)]
    people: list[Json] = [{"first_name": f"Name {number}"} for number in range(6)]
    notes: list[Json] = [{"description": f"Note {number}"} for number in range(6)]
    return {
        "event": (f"/v1/events/{world.event_id}", names),
        "ticket": (f"/v1/tickets/{world.ticket_id}", prices),
        "webhook": (f"/v1/webhooks/{world.webhook_id}", notes),
        "booking": (world.booking_path, people),
    }


async def _patch(front: Front, path: str, body: Json, tag: str | None) -> Answer:
    return await front.call("PATCH", path, body, headers=None if tag is None else {"If-Match": tag})


async def _tag(front: Front, path: str) -> str:
    answer = await front.get(path)
    assert answer.status == 200
    tag = answer.headers["ETag"]
    assert tag.startswith('"'), "a strong one"
    return tag


async def test_a_change_is_made_from_what_was_read_or_not_at_all(front: Front, world: World) -> None:
    for path, bodies in _changes(world).values():
        first = await _tag(front, path)
        changed = await _patch(front, path, bodies[0], first)
        assert changed.status == 200
        second = changed.headers["ETag"]
        assert await _tag(front, path) == second != first

        old = await _patch(front, path, bodies[1], first)
        assert (old.status, old.code) == (412, "precondition_failed")
        for never in (f"W/{second}", '"none"', second.strip('"'), f'{first}, W/{second}, "a,b"'):
            assert (await _patch(front, path, bodies[1], never)).status == 412, never
        assert await _tag(front, path) == second, "nothing was changed"

        listed = await _patch(front, path, bodies[2], f'"none" , {second},{first}')
        assert listed.status == 200
        assert (await _patch(front, path, bodies[3], "*")).status == 200
        assert (await _patch(front, path, bodies[4], None)).status == 200
        known = await front.call("GET", path, headers={"If-None-Match": await _tag(front, path)})
        assert (known.status, known.body) == (304, None)


@pytest.mark.parametrize("alike", [False, True])
async def test_of_changes_at_once_from_the_same_one_is_made(front: Front, world: World, *, alike: bool) -> None:
    for path, bodies in _changes(world).values():
        tag = await _tag(front, path)
        at_once = bodies[:1] * 6 if alike else bodies
        answers = await asyncio.gather(*(_patch(front, path, body, tag) for body in at_once))
        assert sorted(answer.status for answer in answers) == [200] + [412] * 5
        (winner,) = (answer for answer in answers if answer.status == 200)
        assert (await front.get(path)).body == winner.body


async def test_a_sale_meanwhile_refuses_no_edit(front: Front, world: World) -> None:
    event, ticket = f"/v1/events/{world.event_id}", f"/v1/tickets/{world.ticket_id}"
    tags = await _tag(front, event), await _tag(front, ticket)
    await front.held((world.ticket_id, 1))
    assert await _tag(front, event) != tags[0], "a cache must notice"
    assert (await _patch(front, ticket, {"capacity": 60}, tags[1])).status == 200
    assert (await _patch(front, event, {"name": "Late"}, tags[0])).status == 412, "its ticket is another"


async def test_a_refused_change_is_no_change(front: Front) -> None:
    event = await front.event(5, 5)
    ticket, other = (f"/v1/tickets/{each['id']}" for each in event["tickets"])
    await front.held((event["tickets"][0]["id"], 3))
    tag, tag_of_other = await _tag(front, ticket), await _tag(front, other)
    assert (await _patch(front, ticket, {"capacity": 2}, tag)).code == "below_taken"
    assert (await _patch(front, ticket, {"capacity": 3}, tag)).status == 200
    assert (await _patch(front, other, {"capacity": 6}, tag_of_other)).status == 200, "it is as it was read"


async def test_seats_are_blocked_of_the_event_that_was_read(front: Front, world: World) -> None:
    event = f"/v1/events/{world.seated_event_id}"
    body = {"seat_ids": [world.seat_id], "blocked": True}
    tag = await _tag(front, event)
    assert (await _patch(front, f"{event}/seats", body, tag)).status == 200
    assert (await _patch(front, f"{event}/seats", body | {"blocked": False}, tag)).status == 412
    assert (await front.get(event)).body["tickets"][0]["capacity"] == 1


async def test_only_the_booking_that_was_read_is_deleted(front: Front, world: World) -> None:
    museum = await open_museum(front)
    booking = museum.at(await museum.booked())
    for path, change in ((f"/v1/webhooks/{world.webhook_id}", {"enabled": False}), (booking, {"first_name": "Asha"})):
        tag = await _tag(front, path)
        assert (await _patch(front, path, change, tag)).status == 200
        refused = await front.call("DELETE", path, headers={"If-Match": tag})
        assert (refused.status, refused.code) == (412, "precondition_failed")
        assert (await front.call("DELETE", path, headers={"If-Match": await _tag(front, path)})).status == 204
        assert (await front.call("DELETE", path, headers={"If-Match": "*"})).status == 404


async def test_creations_answer_with_an_etag(front: Front, world: World) -> None:
    made = await front.call(
        "POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/hooks"}, headers={"Idempotency-Key": "k"}
    )
    again = await front.call(
        "POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/hooks"}, headers={"Idempotency-Key": "k"}
    )
    assert made.headers["ETag"] == again.headers["ETag"] == await _tag(front, made.headers["Location"])
    ticket = {"ticket_type": "VIP", "price": {"amount": 1, "currency": "EUR"}, "capacity": 1}
    offered = await front.call("POST", f"/v1/events/{world.event_id}/tickets", ticket)
    assert offered.headers["ETag"] == await _tag(front, offered.headers["Location"])
    event = await front.call("POST", "/v1/events", {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z"})
    assert event.headers["ETag"] == await _tag(front, event.headers["Location"])


async def test_a_large_answer_has_another_tag_in_each_coding(front: Front) -> None:
    path = f"/v1/events/{(await front.event(*[5] * 20))['id']}"
    tags = {}
    for coding in ("identity", "gzip", "deflate"):
        answer = await front.call("GET", path, headers={"Accept-Encoding": coding})
        tags[coding] = answer.headers["ETag"]
    assert len(set(tags.values())) == 3
    known = await front.call("GET", path, headers={"Accept-Encoding": "gzip", "If-None-Match": tags["gzip"]})
    assert (known.status, known.headers["ETag"]) == (304, tags["gzip"])
    changed = await _patch(front, path, {"name": "Bigger"}, tags["gzip"])
    assert changed.status == 200
    assert (await _patch(front, path, {"name": "Biggest"}, changed.headers["ETag"])).status == 200


async def test_what_a_client_has_is_told_with_the_headers_that_it_has(start_api: StartApi, world: World) -> None:
    """A 304 says the tag of the 200 in the coding that the client accepts, whatever makes the answer."""
    front = await start_api(compress_bytes=1)
    plan = f"/v1/venues/{world.venue['id']}?format=pretix"
    keys = f"/v1/events/{world.event_id}/etickets/keys"
    for path in (*(path for path, _ in _changes(world).values()), f"/v1/venues/{world.venue['id']}", plan, keys):
        for coding in ("identity", "gzip", "deflate"):
            whole = await front.call("GET", path, headers={"Accept-Encoding": coding})
            known = {"Accept-Encoding": coding, "If-None-Match": whole.headers["ETag"]}
            same = await front.call("GET", path, headers=known)
            assert (whole.status, same.status) == (200, 304), path
            for name in ("ETag", "Vary", "Cache-Control"):
                assert same.headers.get(name) == whole.headers.get(name), (path, coding, name)
