"""The demo page, as a newcomer uses it: a browser clicks, and the API is asked what came of it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import api.demo.handlers
from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.access.test_access import SHARED
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front
from tests.support.api.browser import Page, browsing
from tests.support.api.sample_requests import TIMED_EVENT
from tests.support.api.timed_event import NAMES
from tests.support.api.two_event_carts import Tour

_ELSEWHERE = re.compile(r"(?:https?:)?//[a-z0-9]", re.IGNORECASE)


Open = Callable[[], Awaitable[Page]]


@pytest.fixture
async def open_page(front: Front, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the page once there is something to see."""
    async with AsyncExitStack() as stack:
        url = str(front.client.make_url("/demo"))
        yield lambda: stack.enter_async_context(browsing(url, tmp_path / "browser"))


async def test_all_that_it_is_made_of_is_served_and_refers_to_nothing_outside(front: Front) -> None:
    folder = Path(api.demo.handlers.__file__).with_name("page")
    assets = {file.name for file in folder.iterdir()} - {"page.html", "queue.html"}
    assert assets == set(api.demo.handlers.DemoAsset.__args__)  # type: ignore[attr-defined]  # a Literal
    for path in ("/demo", "/demo/queue/1", *(f"/demo/{asset}" for asset in assets)):
        answer = await front.client.get(path)
        assert answer.status == 200
        assert _ELSEWHERE.search(re.sub(r"^\s*//.*$|; // .*$", "", await answer.text(), flags=re.MULTILINE)) is None


async def test_where_tokens_are_asked_for_it_is_there_if_it_is_wanted(start_api: StartApi) -> None:
    secret = {"auth": "jwt", "jwt_secret": SHARED}
    closed, opened = await start_api(**secret), await start_api(**secret, demo_page=True)
    for path in ("/demo", "/demo/demo.js"):
        assert await closed.refused("GET", path) == "not_found"
        assert (await opened.client.get(path)).status == 200


async def test_a_token_that_is_pasted_says_who_buys(start_api: StartApi, tmp_path: Path) -> None:
    event = await (await start_api()).event(10)
    front = await start_api(auth="jwt", jwt_secret=SHARED, demo_page=True)
    async with browsing(str(front.client.make_url("/demo")), tmp_path / "browser") as page:
        await page.click("Big event")
        await page.fill("#event input[type=number]", "1")
        await page.click("Buying as guest")
        await page.click("Hold", "#event")
        await page.reads("#problem", "Authorization")
        await page.fill("#token", mint_token(Settings(jwt_secret=SHARED), Role.CUSTOMER, "22", 600))
        await page.click("Use these")
        await page.click("Hold", "#event")
        await page.reads("#holds", "left")
    assert await front.counts(event["tickets"][0]["id"]) == (9, 1, 0)


async def test_places_are_held_paid_for_and_given_back(front: Front, open_page: Open) -> None:
    event = await front.event(10)
    ticket_id = event["tickets"][0]["id"]
    page = await open_page()
    await page.click("Big event")
    await page.reads("#event", "10 of 10")
    await page.click("Hold", "#event")
    await page.reads("#problem", "Say how many tickets you want.")

    await page.fill("#event input[type=number]", "2")
    await page.click("Hold", "#event")
    await page.reads("#holds", "left")
    assert await front.counts(ticket_id) == (8, 2, 0)
    await page.reads("#event", "8 of 10")
    assert re.search(r"1[45]:\d\d left", await page.text("#holds"))

    await page.fill("#holds select", "card_error")
    await page.click("Pay", "#holds")
    await page.reads("#problem", "declined")
    await page.fill("#holds select", "tok_visa")
    await page.click("Pay", "#holds")
    await page.reads("#holds", "paid")
    assert await front.counts(ticket_id) == (8, 0, 2)

    await page.click("Hold", "#event")
    await page.click("Cancel", "#holds")
    await page.reads("#holds", "cancelled")
    assert await front.counts(ticket_id) == (8, 0, 2)
    await page.reload()
    await page.reads("#holds", "paid")


async def test_who_waits_gets_the_place_that_returns(front: Front, open_page: Open) -> None:
    event = await front.event(1, waiting_list={})
    held = await front.held((event["tickets"][0]["id"], 1), customer="early")
    page = await open_page()
    await page.click("Big event")
    await page.reads("#event", "sold out")
    await page.fill("#event input[type=email]", "me@example.com")
    await page.click("Tell me when a place returns", "#event")
    await page.reads("#event", "You are number 1 in line.")
    assert (await front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204
    await page.reads("#event", "A place is yours")
    await page.click("Pay", "#holds")
    await page.reads("#holds", "paid")
    assert await front.counts(event["tickets"][0]["id"]) == (0, 0, 1)


async def test_seats_are_chosen_by_mouse_and_keyboard_and_paid_for_as_one(tour: Tour, open_page: Open) -> None:
    page = await open_page()
    await page.click("Big event")
    await page.click("Row A, seat 2, available")
    await page.reads("#cart", "A2")
    for key in ("ArrowRight", "Enter"):
        await page.press(key)
    await page.reads("#cart", "A3")
    assert await tour.statuses(0) == "ahha"
    await page.click("Row A, seat 2, yours")
    await page.reads("#cart", "In all €30.00")
    assert await tour.statuses(0) == "aaha"

    other = await tour.take((0, 0))
    await page.click("Row A, seat 4, available")
    await page.reads("#cart", "A4")
    await page.reads("[aria-label='Row A, seat 1, held'][aria-disabled='true']", "…")
    await tour.remove(other, 0, 0)
    await page.click("Row A, seat 1, available")
    await page.reads("#cart", "A1")
    await page.click("Remove seat A1", "#cart")
    await page.reads("#cart", "In all €60.00")

    await page.click("Book", "#cart")
    await page.click("is paid", "#cart")
    await page.reads("#cart", "completed")
    assert await tour.statuses(0) == "aass"


@pytest.mark.usefixtures("sync")
async def test_a_place_in_a_slot_is_booked_changed_and_deleted(front: Front, open_page: Open) -> None:
    museum = (await front.call("POST", "/v1/events", TIMED_EVENT)).body
    bookings = f"/v1/events/{museum['id']}/bookings"
    page = await open_page()
    await page.click("Museum")
    await page.click("13:30", "#event")
    for name in ("first_name", "last_name", "phone_number"):
        await page.fill(f"input[name={name}]", NAMES[name])
    await page.click("Book", "#event")
    await page.reads("#bookings", "at 13:30")
    await page.reads("#event", "19 of 20 left")

    await page.fill("#bookings input[type=time]", "13:31")
    await page.click("Change", "#bookings")
    await page.reads("#problem", "There is no slot at 13:31")
    await page.fill("#bookings input[type=time]", "08:00")
    await page.click("Change", "#bookings")
    await page.reads("#bookings", "at 08:00")
    (booking,) = (await front.get(bookings, time="08:00")).body["items"]
    assert {name: booking[name] for name in NAMES} == NAMES

    await page.click("Delete", "#bookings")
    await page.reads("#nothing", "What you hold")
    assert (await front.get(bookings)).body["items"] == []
