"""Availability as it is shown: only places that can be bought at this instant."""

from datetime import UTC, datetime, timedelta

from tests.support.api import schemas as shapes
from tests.support.api.api_client import Front, Json
from tests.support.waiting import wait_until


def _in(**offset: float) -> str:
    return (datetime.now(UTC) + timedelta(**offset)).isoformat()


async def _offered(front: Front, event: Json) -> tuple[bool, bool]:
    """The event's view of its ticket type, and whether the list of available tickets has it."""
    ticket_id, listed = event["tickets"][0]["id"], dict[str, list[int]]()
    for _ in range(3):  # it may change between the two lists
        shown = (await front.get(f"/v1/events/{event['id']}")).body
        listed = {
            available: [
                ticket["id"] for ticket in await front.pages("/v1/tickets", event_id=event["id"], available=available)
            ]
            for available in ("true", "false")
        }
        if [*listed["true"], *listed["false"]] == [ticket_id]:
            return bool(shown["ticket_types"]["T0"]), bool(listed["true"])
    raise AssertionError(listed)


async def test_unavailable_places_are_not_offered(front: Front) -> None:
    cases: list[tuple[Json, bool]] = [
        ({}, True),
        ({"status": "draft"}, False),
        ({"status": "paused"}, False),
        ({"status": "closed"}, False),
        ({"status": "cancelled"}, False),
        ({"sale_opens_at": _in(days=1)}, False),
        ({"sale_closes_at": _in(seconds=-1)}, False),
        ({"starts_at": _in(days=-1)}, False),
        ({"starts_at": _in(days=-1), "sale_closes_at": _in(days=1)}, True),
    ]
    for fields, offered in cases:
        event = await front.event(5, **fields)
        assert await _offered(front, event) == (offered, offered), fields
        reserved = await front.reserve((event["tickets"][0]["id"], 1))
        assert (reserved.status == 201) == offered, fields


async def test_a_page_changes_when_a_sale_opens_and_closes(front: Front) -> None:
    """Nothing is published then, and nothing is sold: the clock alone changes what is shown."""
    event = await front.event(5, sale_opens_at=_in(seconds=2), sale_closes_at=_in(seconds=4))
    path = f"/v1/events/{event['id']}"
    before = await front.get(path)
    assert await _offered(front, event) == (False, False)

    async def opens() -> bool:
        return await _offered(front, event) == (True, True)

    async def closes() -> bool:
        return await _offered(front, event) == (False, False)

    await wait_until(opens, timeout=5)
    assert (await front.call("GET", path, headers={"If-None-Match": before.headers["ETag"]})).status == 200
    await wait_until(closes, timeout=5)


async def test_availability_tells_the_terms_with_the_counts(front: Front) -> None:
    event = await front.event(5, price=2500)
    path, ticket = f"/v1/events/{event['id']}", f"/v1/tickets/{event['tickets'][0]['id']}"
    first = await front.get(f"{path}/availability")
    shapes.check_availability(first.body)
    assert (first.body["status"], first.body["tickets"][0]["price"]["amount"]) == ("on_sale", 2500)

    await front.call("PATCH", ticket, {"price": {"amount": 2600, "currency": "EUR"}})
    dearer = await front.call("GET", f"{path}/availability", headers={"If-None-Match": first.headers["ETag"]})
    assert (dearer.status, dearer.body["tickets"][0]["price"]["amount"]) == (200, 2600)
    await front.call("PATCH", path, {"status": "paused"})
    paused = await front.get(f"{path}/availability")
    assert paused.body["status"] == "paused"
    assert first.body["version"] < dearer.body["version"] < paused.body["version"]
