"""Records at the console: payments, check-ins, customers, changes, webhooks; what is done there, and what is saved."""

import csv
import json
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from api.access.callers import Role
from cli.tokens import mint_token, sign_in_link
from engine.settings import Settings
from tests.integration.api.access.test_access import SHARED
from tests.integration.api.shop.conftest import OpenShop
from tests.support.api.buyer import check_accessible
from tests.support.api.manager import Manager, managing
from tests.support.api.two_event_carts import open_tour
from tests.support.payments.charging import charge_at_gateway
from tests.support.shared_database import SharedDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")

NARROW = {"width": 320, "height": 800}
HOOK = "https://shop.example/hooks"


@pytest_asyncio.fixture(loop_scope="session")
async def manager(open_shop: OpenShop, browser: Browser) -> AsyncIterator[Manager]:
    async with managing(browser, open_shop.url, open_shop.front) as made:
        yield made


async def saved(page: Page, button: str) -> str:
    """The file that a button saves."""
    async with page.expect_download() as download:
        await page.get_by_role("button", name=button, exact=True).click()
    return Path(await (await download.value).path()).read_text(encoding="utf-8")


async def execute(url: str, sql: str, *values: object) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(sql, *values, timeout=30)
    finally:
        await connection.close(timeout=30)


async def test_a_disputed_payment_is_settled(manager: Manager) -> None:
    front, page = manager.front, manager.page
    tour = await open_tour(front)
    payment_id = await tour.book(await tour.take((0, 0)))
    pinned = await tour.book(await tour.take((0, 1)))
    await charge_at_gateway(front, payment_id, 1)
    assert (await tour.end(payment_id, "complete")).body["status"] == "disputed"
    await page.goto("/console/money")
    await expect(page.get_by_role("row", name="pinned").filter(has_text="€30.00")).not_to_have_count(0)
    await page.get_by_label("Status").select_option("disputed")
    await page.get_by_role("button", name="Look").click()
    await expect(page.get_by_role("row", name="pinned")).to_have_count(0)
    row = page.get_by_role("row", name="disputed").filter(has_text="€0.01")
    rows = list(csv.DictReader(StringIO(await saved(page, "Save as CSV"))))
    assert payment_id in {each["id"] for each in rows}
    assert pinned not in {each["id"] for each in rows}
    await row.get_by_role("button").click()
    await expect(manager.dialog).to_contain_text("€30.00 is owed, and the gateway has €0.01.")
    await manager.confirm("Settle", "Paid the rest in cash")
    await manager.says(f"The payment {payment_id} is settled.")
    await expect(row).to_have_count(0)
    assert (await front.get(f"/v1/payments/{payment_id}")).body["status"] == "completed"
    await manager.logged("Paid the rest in cash", or_more=True)


async def test_dead_webhooks_are_sent_again_and_dead_letters_tell_why(
    manager: Manager, shared_database: SharedDatabase
) -> None:
    front, page = manager.front, manager.page
    webhook = (await front.call("POST", "/v1/webhooks", {"url": HOOK})).body
    path = f"/v1/webhooks/{webhook['id']}"
    assert (await front.call("PATCH", path, {"enabled": False})).status == 200, "so that nothing is sent"
    for _ in range(3):
        assert (await front.call("POST", f"{path}/test")).status == 202
    give_up = "UPDATE webhook_deliveries SET status = 'dead', ended_at = now(), error = 'refused' WHERE webhook_id = $1"
    await execute(shared_database.url, give_up, webhook["id"])
    letter = "INSERT INTO dead_letters (partition, epoch, sequence, fact, error) VALUES (2, 7, 4711, 'abcd', $1)"
    await execute(shared_database.url, letter, "Expected `int`, got `str`")
    await page.goto("/console/webhooks")
    panel = manager.panel(HOOK)
    await expect(panel.get_by_role("row", name="refused")).to_have_count(3)
    await expect(manager.panel("Dead letters")).to_contain_text("Expected `int`, got `str`")
    await panel.get_by_role("button", name="Send webhook.test").first.click()
    await manager.confirm("Send again", "One first")
    await manager.says("1 message is sent again.")
    await expect(panel.get_by_role("row", name="refused")).to_have_count(2)
    await manager.logged("One first")
    await panel.get_by_role("button", name="Send all again").click()
    await expect(manager.dialog).to_contain_text("2 messages are sent again")
    await manager.confirm("Send again", "The shop is back")
    await manager.says("2 messages are sent again.")
    await expect(panel).to_contain_text("No message was given up.")
    deliveries = (await front.get(f"{path}/deliveries")).body["items"]
    assert {each["status"] for each in deliveries} == {"pending"}
    await manager.logged("The shop is back")
    assert (await front.call("DELETE", path)).status == 204


async def test_changes_are_found_with_their_reason_and_saved(manager: Manager) -> None:
    front, page = manager.front, manager.page
    event = await front.event(10, name="Ball")
    path = f"/v1/tickets/{event['tickets'][0]['id']}"
    why = {"X-Reason": "=SUM(A1)"}
    assert (await front.call("PATCH", path, {"capacity": 20}, headers=why)).status == 200
    await page.goto(f"/console/changes#event_id={event['id']}&action=change_ticket")
    row = page.get_by_role("row", name="change ticket")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("=SUM(A1)")
    await expect(row).to_contain_text("capacity: 10 → 20")
    (found,) = csv.DictReader(StringIO(await saved(page, "Save as CSV")))
    assert (found["action"], found["reason"]) == ("change_ticket", "'=SUM(A1)"), "no spreadsheet runs it"
    assert found["after.capacity"] == "20"
    await page.get_by_label("Action").fill("create_event")
    await page.get_by_role("button", name="Look").click()
    await expect(page.get_by_role("row", name="create event")).to_have_count(1)
    await expect(row).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("row", name="create event")).to_have_count(1)


async def test_all_of_a_customer_is_shown_saved_and_its_holds_released(manager: Manager) -> None:
    front, page = manager.front, manager.page
    customer = f"customer-{uuid4()}"
    events = [await front.event(10, name=name) for name in ("Ball", "Fair")]
    holds = [await front.held((event["tickets"][0]["id"], 1), customer=customer) for event in events]
    paid = await front.paid((events[0]["tickets"][0]["id"], 2), customer=customer)
    await page.goto("/console/customers")
    await page.get_by_label("Customer's id").fill(customer)
    await page.get_by_role("button", name="Show").click()
    reservations = page.get_by_role("table", name=f"Reservations of customer {customer}")
    await expect(reservations.get_by_role("row", name="held")).to_have_count(2)
    await expect(reservations.get_by_role("row", name="paid")).to_contain_text("2 × T0")
    data = json.loads(await saved(page, "Save all as JSON"))
    assert {each["id"] for each in data["reservations"]} == {each["id"] for each in (*holds, paid)}
    await page.get_by_role("button", name="Release this customer's holds").click()
    await manager.confirm("Release the holds", "Asked by phone")
    await manager.says("2 holds with 2 places are released.")
    await expect(reservations.get_by_role("row", name="cancelled")).to_have_count(2)
    assert [(await front.read(each))["status"] for each in (*holds, paid)] == ["cancelled", "cancelled", "paid"]
    await manager.logged("Asked by phone", times=2)
    await page.get_by_label("Customer's id").fill("nobody")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("#main")).to_contain_text("Nothing is known of customer nobody.")


async def test_check_ins_are_listed_by_gate_and_result(manager: Manager) -> None:
    front, page = manager.front, manager.page
    event = await front.event(10, name="Doors")
    paid = await front.paid((event["tickets"][0]["id"], 1))
    (eticket,) = (await front.get(f"/v1/reservations/{paid['id']}/etickets")).body["items"]
    for gate in ("North", "South"):
        scan = {"code": eticket["code"], "gate": gate, "nonce": str(uuid4())}
        assert (await front.call("POST", f"/v1/events/{event['id']}/check-ins", scan)).status == 200
    await page.goto(f"/console/doors#event={event['id']}")
    await expect(page.get_by_role("row", name="North")).to_contain_text("admitted")
    await expect(page.get_by_role("row", name="South")).to_contain_text("already in")
    await page.get_by_label("Result").select_option("already_in")
    await page.get_by_role("button", name="Look").click()
    await expect(page.get_by_role("row", name="North")).to_have_count(0)
    (found,) = csv.DictReader(StringIO(await saved(page, "Save as CSV")))
    assert (found["gate"], found["result"]) == ("South", "already_in")


async def test_a_long_list_is_shown_in_parts(manager: Manager) -> None:
    front, page = manager.front, manager.page
    event = await front.event(10)
    path = f"/v1/tickets/{event['tickets'][0]['id']}"
    for capacity in range(20, 75):
        assert (await front.call("PATCH", path, {"capacity": capacity})).status == 200
    await page.goto(f"/console/changes#event_id={event['id']}")
    rows = page.get_by_role("row", name="capacity:")
    await expect(rows).to_have_count(50)
    await page.get_by_role("button", name="Show more").click()
    await expect(rows).to_have_count(55)
    assert len(list(csv.DictReader(StringIO(await saved(page, "Save as CSV"))))) == 56


async def test_a_manager_of_some_events_sees_and_does_what_is_theirs(
    guarded: OpenShop, open_shop: OpenShop, browser: Browser
) -> None:
    own, foreign = await open_shop.front.event(5, name="Own"), await open_shop.front.event(5, name="Foreign")
    token = mint_token(Settings(jwt_secret=SHARED), Role.MANAGER, "stage", 600, [own["id"]])
    async with managing(browser, guarded.url, open_shop.front) as manager:
        await manager.page.goto(sign_in_link(guarded.url, token))
        await expect(manager.page.get_by_role("heading", name="Now")).to_be_visible()
        await manager.open_event(own)
        await expect(manager.page.get_by_label("Event", exact=True).locator("option")).to_have_count(1)
        await manager.page.get_by_role("button", name="Pause the sale").click()
        await manager.confirm("Pause the sale", "By the stage")
        (entry,) = await manager.logged("By the stage")
        assert entry["actor"] == "stage"
        links = manager.page.get_by_role("navigation", name="Views").get_by_role("link")
        assert await links.all_inner_texts() == ["Now", "Events", "Payments", "Check-ins", "Changes"]
        assert (await open_shop.front.get(f"/v1/events/{foreign['id']}")).body["status"] == "on_sale"


async def test_every_view_can_be_used_by_all_and_on_a_narrow_phone(open_shop: OpenShop, browser: Browser) -> None:
    front = open_shop.front
    tour = await open_tour(front)
    await front.paid((tour.events[0]["tickets"][2]["id"], 1), customer="22")
    async with managing(browser, open_shop.url, front, viewport=NARROW) as manager:
        event = f"events#event={tour.events[0]['id']}"
        for view in (event, "money", "doors", "customers#id=22", "changes", "webhooks"):
            await manager.page.goto(f"/console/{view}")
            await expect(manager.page.get_by_role("heading", level=1)).to_be_visible()
            await expect(manager.page.locator("#main")).not_to_have_attribute("aria-busy", "true")
            await check_accessible(manager.page)
