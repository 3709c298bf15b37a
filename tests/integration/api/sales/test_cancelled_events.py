"""Events that are cancelled or paused: what nobody can do any more, what ends, and everybody's money back."""

import asyncio

import pytest

from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.results.payments import Paying
from engine.results.refunds import RefundDue
from engine.settings import Settings
from sync.worker import run_sync
from tests.integration.api.conftest import GatewayLedger, SlowGateway, StartApi, resolving
from tests.support.api.api_client import Answer, Front, Json
from tests.support.api.two_event_carts import PRICE, Tour, new_cart
from tests.support.sync.box_office import running
from tests.support.waiting import wait_until


async def set_status(front: Front, event_id: int, status: str) -> Answer:
    return await front.call("PATCH", f"/v1/events/{event_id}", {"status": status})


async def cancel(front: Front, event_id: int) -> None:
    answer = await set_status(front, event_id, "cancelled")
    assert (answer.status, answer.body["status"]) == (200, "cancelled")


async def progress(front: Front, event_id: int) -> Json:
    answer = await front.get(f"/v1/events/{event_id}/refund")
    assert answer.status == 200, answer
    return answer.body


async def test_nothing_of_a_cancelled_event_can_be_taken_paid_or_booked(front: Front) -> None:
    event = await front.event(5)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 2))
    cart = new_cart()
    item = {"event_id": event["id"], "price_id": ticket_id, "quantity": 1}
    assert (await front.call("POST", cart, item)).status == 200
    await cancel(front, event["id"])
    assert await front.counts(ticket_id) == (5, 0, 0), "live holds have ended"
    assert (await front.read(held))["status"] == "cancelled"
    assert (await front.pay(held)).code == "sale_closed"
    assert (await front.reserve((ticket_id, 1))).code == "sale_closed"
    assert await front.refused("PUT", f"{cart}/book") == "sale_closed"
    assert (await front.call("POST", cart, item)).code == "sale_closed"


async def test_reservations_that_customers_cancelled_stay_cancelled(front: Front) -> None:
    event = await front.event(5)
    held = await front.held((event["tickets"][0]["id"], 2))
    await cancel(front, event["id"])
    assert (await front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204


@pytest.mark.parametrize("status", ["draft", "on_sale", "paused", "closed"])
async def test_cancelling_is_final(front: Front, status: str) -> None:
    event = await front.event(5)
    await cancel(front, event["id"])
    assert (await set_status(front, event["id"], status)).code == "sale_closed"
    await cancel(front, event["id"])
    renamed = await front.call("PATCH", f"/v1/events/{event['id']}", {"name": "Called off"})
    assert (renamed.body["name"], renamed.body["status"]) == ("Called off", "cancelled")


async def test_the_rest_of_a_cart_is_booked_without_the_cancelled_event(tour: Tour) -> None:
    cart = await tour.take((0, 0), (1, 0))
    await cancel(tour.front, tour.events[0]["id"])
    payment = (await tour.end(await tour.book(cart), "complete")).body
    assert (payment["status"], payment["amount"]) == ("completed", PRICE)
    assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "saaa"]


async def test_money_that_comes_late_goes_back(front: Front, shop: Settings, ledger: GatewayLedger) -> None:
    event = await front.event(5)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 1))
    async with Engine(shop) as engine:
        assert isinstance(await engine.submit(BeginPayment(held["id"], "pay-late", 2500, "")), Paying)
        await cancel(front, event["id"])
        assert await front.counts(ticket_id) == (4, 1, 0), "pinned: its money may still come"
        ledger.complete_late("pay-late", 2500)
        assert isinstance(await engine.submit(ConfirmPayment(held["id"], "pay-late")), RefundDue)

    async def released() -> bool:
        return await front.counts(ticket_id) == (5, 0, 0)

    await wait_until(released, what="the counts, which other processes change, are shown")
    async with resolving(shop):

        async def refunded() -> bool:
            return bool((await front.read(held))["status"] == "refunded")

        await wait_until(refunded)
    assert ledger.returned() == [2500]


async def test_a_payment_that_the_cancellation_overtakes_is_refused_as_closed(
    front: Front, ledger: GatewayLedger, slow_gateway: SlowGateway
) -> None:
    event = await front.event(5)
    held = await front.held((event["tickets"][0]["id"], 1))
    slow_gateway.open.clear()
    paying = asyncio.ensure_future(front.pay(held))

    async def is_charged() -> bool:
        return bool(ledger.kept())

    await wait_until(is_charged)
    await cancel(front, event["id"])
    slow_gateway.open.set()
    refused = await paying
    assert (refused.status, refused.code) == (409, "sale_closed")
    assert (await front.read(held))["status"] in ("refund_due", "refunded")


async def test_a_booked_cart_of_a_cancelled_event_is_owed_back(tour: Tour, shop: Settings) -> None:
    payment_id = await tour.book(await tour.take((0, 0), (1, 0)))
    await cancel(tour.front, tour.events[0]["id"])
    completed = (await tour.end(payment_id, "complete")).body
    gone, sold = await tour.reservations_of(completed)
    assert (gone["status"], sold["status"]) == ("refund_due", "paid")
    assert [await tour.statuses(show) for show in (0, 1)] == ["aaaa", "saaa"]


async def test_a_payment_that_fails_ends_its_hold(front: Front, shop: Settings) -> None:
    event = await front.event(5)
    held = await front.held((event["tickets"][0]["id"], 1))
    async with Engine(shop) as engine:
        await engine.submit(BeginPayment(held["id"], "pay-never", 2500, ""))
    await cancel(front, event["id"])
    async with resolving(shop):

        async def ended() -> bool:
            return bool((await front.read(held))["status"] == "cancelled")

        await wait_until(ended)
    assert await front.counts(event["tickets"][0]["id"]) == (5, 0, 0)


async def test_a_paused_sale_takes_nothing_new_and_lets_holds_be_paid(front: Front) -> None:
    event = await front.event(5)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 1))
    assert (await set_status(front, event["id"], "paused")).body["status"] == "paused"
    refused = await front.reserve((ticket_id, 1))
    assert (refused.status, refused.code) == (409, "sale_paused")
    assert (await front.pay(held)).body["status"] == "paid"
    await set_status(front, event["id"], "on_sale")
    assert (await front.reserve((ticket_id, 1))).status == 201


async def test_everybody_who_paid_is_refunded(front: Front, ledger: GatewayLedger, sync: None) -> None:
    event, other = await front.event(100), await front.event(5)
    ticket_id = event["tickets"][0]["id"]
    for _ in range(12):
        await front.paid((ticket_id, 2))
    bystander = await front.paid((other["tickets"][0]["id"], 1))
    await front.held((ticket_id, 1))
    path = f"/v1/events/{event['id']}/refund"
    assert (await front.call("POST", path)).code == "in_use", "not before it is cancelled"
    await cancel(front, event["id"])
    begun = await front.call("POST", path)
    assert begun.status == 202
    assert begun.body["reservations"] == 12
    assert begun.body["amount"] == {"amount": 12 * 5000, "currency": "EUR"}

    async def everybody() -> bool:
        return bool((await progress(front, event["id"]))["refunded"] == 12)

    await wait_until(everybody)
    assert (await front.call("POST", path)).body == await progress(front, event["id"])
    assert (await progress(front, event["id"]))["refund_due"] == 0
    assert sorted(ledger.refunds().values()) == [5000] * 12
    assert await front.counts(ticket_id) == (100, 0, 0)
    assert (await front.read(bystander))["status"] == "paid"


async def test_what_was_kept_of_refunds_goes_back_when_the_event_is_cancelled(
    front: Front, ledger: GatewayLedger, sync: None
) -> None:
    """A manager kept a fee of places that were returned: of one reservation with the last place, of another not."""
    event = await front.event(5, price=1000)
    ticket_id = event["tickets"][0]["id"]
    one: Json = {"restock": True, "items": [{"ticket_id": ticket_id, "quantity": 1}]}
    kept_some, kept_nothing, partly = [await front.paid((ticket_id, count)) for count in (1, 1, 2)]
    for reservation, amount in ((kept_some, 400), (kept_nothing, 1000), (partly, 250)):
        wish = one | {"amount": {"amount": amount, "currency": "EUR"}}
        assert (await front.call("POST", f"/v1/reservations/{reservation['id']}/refund", wish)).status == 200
    await cancel(front, event["id"])
    before = await progress(front, event["id"])
    assert (before["reservations"], before["refunded"], before["refund_due"]) == (3, 1, 0)
    assert before["amount"] == {"amount": 4000, "currency": "EUR"}, "what is still to go back, too"
    await front.call("POST", f"/v1/events/{event['id']}/refund")

    async def everybody() -> bool:
        return bool((await progress(front, event["id"]))["refunded"] == 3)

    await wait_until(everybody)
    assert (await progress(front, event["id"]))["amount"] == before["amount"]
    assert sorted(ledger.refunds().values()) == [250, 400, 600, 1000, 1750]
    for reservation in (kept_some, kept_nothing, partly):
        shown = await front.read(reservation)
        assert (shown["status"], "refunded" in shown) == ("refunded", False)


async def test_places_that_a_manager_kept_off_sale_stay_so_when_everybody_is_refunded(front: Front, sync: None) -> None:
    """All that was returned of a reservation, less a fee; all of it; and a part: money goes back, and no place does."""
    event = await front.event(6, price=1000)
    ticket_id = event["tickets"][0]["id"]
    one: Json = {"restock": False, "items": [{"ticket_id": ticket_id, "quantity": 1}]}
    less_a_fee, in_full, partly = [await front.paid((ticket_id, count)) for count in (1, 1, 2)]
    for reservation, amount in ((less_a_fee, 400), (in_full, 1000), (partly, 1000)):
        wish = one | {"amount": {"amount": amount, "currency": "EUR"}}
        assert (await front.call("POST", f"/v1/reservations/{reservation['id']}/refund", wish)).status == 200
    await cancel(front, event["id"])
    await front.call("POST", f"/v1/events/{event['id']}/refund")

    async def everybody() -> bool:
        return bool((await progress(front, event["id"]))["refunded"] == 3)

    await wait_until(everybody)
    shown = (await front.get(f"/v1/tickets/{ticket_id}")).body
    assert [shown[name] for name in ("available", "sold", "kept")] == [3, 0, 3]


async def test_the_refund_of_everybody_goes_on_where_it_was_left(
    start_api: StartApi, shop: Settings, ledger: GatewayLedger
) -> None:
    """It was asked for while no worker ran; then two run at once."""
    front = await start_api(list_patience_ms=1)
    event = await front.event(100)
    for _ in range(6):
        await front.paid((event["tickets"][0]["id"], 1))
    await cancel(front, event["id"])
    await front.call("POST", f"/v1/events/{event['id']}/refund")

    async def everybody() -> bool:
        return bool((await progress(front, event["id"]))["refunded"] == 6)

    async with running(run_sync(shop), run_sync(shop)):
        await wait_until(everybody)
    assert sorted(ledger.refunds().values()) == [2500] * 6


async def test_holds_that_a_crash_left_are_ended_by_the_worker(
    front: Front, monkeypatch: pytest.MonkeyPatch, sync: None
) -> None:
    """The status was committed, and the process died before it ended the holds."""

    async def die(*_: object) -> None:
        raise OutcomeUnknown("it died")

    monkeypatch.setattr("sync.catalogue.editor.end_holds", die)
    event = await front.event(5)
    ticket_id = event["tickets"][0]["id"]
    held = await front.held((ticket_id, 2))
    assert (await set_status(front, event["id"], "cancelled")).status == 503

    async def given_back() -> bool:
        return await front.counts(ticket_id) == (5, 0, 0)

    await wait_until(given_back)
    assert (await front.read(held))["status"] == "cancelled"


async def test_webhooks_are_sent_once(front: Front) -> None:
    event = await front.event(5)
    hook = {"url": "http://127.0.0.1:9/hook", "events": ["event.cancelled"]}
    webhook = (await front.call("POST", "/v1/webhooks", hook)).body
    for _ in range(2):
        await cancel(front, event["id"])
    deliveries = (await front.get(f"/v1/webhooks/{webhook['id']}/deliveries")).body["items"]
    assert [(each["type"], each["subject"]) for each in deliveries] == [("event.cancelled", str(event["id"]))]
