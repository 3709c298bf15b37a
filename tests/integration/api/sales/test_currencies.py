"""Currencies: one for each event, from its prices to the gateway, the refund, the reports and the audit."""

import asyncio
import sqlite3

import pytest

from engine.settings import Settings
from sync.audit.audit import audit
from sync.postgres import Postgres
from sync.read_models.reports import Query, read_report
from tests.integration.api.conftest import GatewayLedger
from tests.support.api.api_client import Front, Json, order, ticket
from tests.support.api.two_event_carts import HALL, new_cart
from tests.support.waiting import wait_until

PRICES = {"JPY": 4500, "EUR": 2999, "KWD": 12_345}


def charged(ledger: GatewayLedger) -> list[tuple[int, str]]:
    """The requests to the gateway, in the order of the amounts."""
    with sqlite3.connect(ledger.data_file) as db:
        rows = db.execute("SELECT amount, currency FROM charges ORDER BY amount").fetchall()
    db.close()
    return [(int(amount), str(currency)) for amount, currency in rows]


async def sold_and_partly_refunded(front: Front, currency: str, price: int) -> Json:
    """A paid reservation of three places of an event in that currency, one of which is refunded."""
    event = await front.event(5, price=price, currency=currency)
    assert event["currency"] == currency
    ticket_id = event["tickets"][0]["id"]
    availability = (await front.get(f"/v1/events/{event['id']}/availability")).body
    assert availability["tickets"][0]["price"] == {"amount": price, "currency": currency}
    held = await front.held((ticket_id, 3))
    total = {"amount": 3 * price, "currency": currency}
    assert held["total"] == total
    assert held["items"][0]["unit_price"] == {"amount": price, "currency": currency}
    paid = await front.pay(held)
    assert (paid.status, paid.body["total"]) == (200, total)
    payment = (await front.get(f"/v1/payments/{paid.body['payment']['id']}")).body
    assert (payment["amount"], payment["currency"]) == (3 * price, currency)
    wish = {"restock": True, "items": [{"ticket_id": ticket_id, "quantity": 1}]}
    refunded = await front.call("POST", f"/v1/reservations/{held['id']}/refund", wish)
    assert (refunded.status, refunded.body["refunded"]) == (200, {"amount": price, "currency": currency})
    return paid.body


@pytest.mark.usefixtures("sync")
async def test_yen_euros_and_dinars_through_a_whole_sale(front: Front, ledger: GatewayLedger, shop: Settings) -> None:
    sold = {currency: await sold_and_partly_refunded(front, currency, price) for currency, price in PRICES.items()}
    assert charged(ledger) == sorted((3 * price, currency) for currency, price in PRICES.items())
    rows = await front.pages("/v1/statistics/ticket-types", limit=1)
    by_type = {row["revenue"]["currency"]: row["revenue"]["amount"] for row in rows if row["ticket_type"] == "T0"}
    assert by_type == {currency: 2 * price for currency, price in PRICES.items()}, "never added up over currencies"
    events = {row["event_id"]: row["revenue"] for row in await front.pages("/v1/statistics/events")}
    for currency, price in PRICES.items():
        assert events[sold[currency]["event"]["id"]] == {"amount": 2 * price, "currency": currency}
    async with Postgres(shop) as postgres:
        for name in ("sales", "types", "hours", "customers", "revenue", "refunds"):
            report = (await read_report(postgres, name, Query())).rows
            assert set(report.column("currency")) == set(PRICES)
    assert await audit(shop) == []


DEAREST = 100_000_000_000
"""The highest price, in minor units: a billion rupiah."""


@pytest.mark.usefixtures("sync")
async def test_the_highest_price_stays_exact(front: Front, ledger: GatewayLedger, shop: Settings) -> None:
    """No digit is lost, from the largest reservation to the sums of the reports."""
    price = DEAREST - 1  # all its digits count
    tickets = [ticket(f"T{number}", 200, price=price - number, currency="IDR") for number in range(20)]
    event = await front.event(currency="IDR", max_per_customer=5000, tickets=tickets)
    ids = [each["id"] for each in event["tickets"]]
    total = sum(100 * (price - number) for number in range(20))
    assert 10**14 < total < 10**15
    small = await front.held((ids[0], 1), (ids[1], 1))
    more = [{"ticket_id": each, "quantity": 100} for each in ids]
    changed = await front.call("PATCH", f"/v1/reservations/{small['id']}", {"items": more})
    assert (changed.status, changed.body["total"]["amount"]) == (200, total)
    assert [item["unit_price"]["amount"] for item in changed.body["items"]] == [price - n for n in range(20)]
    assert (await front.pay(changed.body)).status == 200
    assert charged(ledger) == [(total, "IDR")]
    path = f"/v1/reservations/{small['id']}/refund"
    wish = {"restock": True, "items": [{"ticket_id": ids[19], "quantity": 100}]}
    back = 100 * (price - 19)
    assert (await front.call("POST", path, wish)).body["refunded"]["amount"] == back
    rows = await front.pages("/v1/statistics/events")
    assert [row["revenue"] for row in rows] == [{"amount": total - back, "currency": "IDR"}]
    async with Postgres(shop) as postgres:
        report = (await read_report(postgres, "revenue", Query())).rows
        assert report.column("gross_minor") == [total - back]
    assert await audit(shop) == []


@pytest.mark.usefixtures("sync")
async def test_codes_save_exactly_of_the_highest_price(front: Front) -> None:
    event = await front.event(100, price=DEAREST, currency="IRR", max_per_customer=100)
    terms = {"codes": ["GALA"], "kind": "discount", "percent": 33, "budget": {"amount": DEAREST, "currency": "IRR"}}
    assert (await front.call("POST", f"/v1/events/{event['id']}/codes", terms)).status == 201
    held = await front.call("POST", "/v1/reservations", order((event["tickets"][0]["id"], 3)) | {"code": "GALA"})
    assert (held.status, held.body["total"]["amount"]) == (201, 201_000_000_000)
    code = (await front.get(f"/v1/events/{event['id']}/codes/GALA")).body
    assert code["saved"] == {"amount": 99_000_000_000, "currency": "IRR"}


async def test_a_price_above_the_highest_is_refused(front: Front) -> None:
    body = {"name": "E", "starts_at": "2027-06-01T18:00:00Z", "tickets": [ticket("T", 1, price=DEAREST + 1)]}
    refused = await front.call("POST", "/v1/events", body)
    assert (refused.status, refused.body["fields"][0]["path"]) == (422, "tickets[0].price.amount")


@pytest.mark.usefixtures("sync")
async def test_the_refund_of_a_cancelled_event_is_in_its_currency(front: Front) -> None:
    event = await front.event(5, price=4500, currency="JPY")
    await front.paid((event["tickets"][0]["id"], 2))
    path = f"/v1/events/{event['id']}"
    assert (await front.call("PATCH", path, {"status": "cancelled"})).status == 200
    begun = await front.call("POST", f"{path}/refund")
    assert begun.body["amount"] == {"amount": 9000, "currency": "JPY"}

    async def is_refunded() -> bool:
        return bool((await front.get(f"{path}/refund")).body["refunded"] == 1)

    await wait_until(is_refunded)


async def test_an_event_is_in_euros_unless_it_says_otherwise(front: Front) -> None:
    assert (await front.event(5))["currency"] == "EUR"
    for code in ("XAU", "eur", "ABC", "€"):
        body = {"name": "E", "starts_at": "2027-06-01T18:00:00Z", "currency": code}
        assert await front.refused("POST", "/v1/events", body) == "currency_not_supported"


async def test_the_currency_changes_until_something_was_taken(front: Front) -> None:
    event = await front.event(5, price=4500)
    path, ticket_id = f"/v1/events/{event['id']}", event["tickets"][0]["id"]
    changed = await front.call("PATCH", path, {"currency": "JPY"})
    assert (changed.status, changed.body["currency"]) == (200, "JPY")
    assert changed.body["tickets"][0]["price"] == {"amount": 4500, "currency": "JPY"}
    held = await front.held((ticket_id, 1))
    assert held["total"]["currency"] == "JPY"
    assert await front.refused("PATCH", path, {"currency": "EUR"}) == "in_use"
    assert (await front.call("PATCH", path, {"currency": "JPY", "name": "Same"})).status == 200
    await front.call("DELETE", f"/v1/reservations/{held['id']}")
    assert await front.refused("PATCH", path, {"currency": "EUR"}) == "in_use", "it was taken once"
    assert (await front.get(path)).body["currency"] == "JPY"


@pytest.mark.usefixtures("sync")
async def test_the_currency_stays_after_what_was_taken_is_known_in_postgres_alone(front: Front, shop: Settings) -> None:
    event = await front.event(5)
    held = await front.held((event["tickets"][0]["id"], 1))
    await front.call("DELETE", f"/v1/reservations/{held['id']}")

    async def is_written() -> bool:
        return [each["status"] for each in await front.pages("/v1/reservations")] == ["cancelled"]

    await wait_until(is_written)
    assert await front.refused("PATCH", f"/v1/events/{event['id']}", {"name": "New", "currency": "USD"}) == "in_use"
    assert (await front.get(f"/v1/events/{event['id']}")).body["name"] == "Big event"


async def test_holds_and_a_change_of_the_currency_at_once_are_in_one_currency(front: Front) -> None:
    for _ in range(5):
        event = await front.event(50)
        ticket_id, path = event["tickets"][0]["id"], f"/v1/events/{event['id']}"
        asked = [front.reserve((ticket_id, 1)) for _ in range(10)]
        changed, *holds = await asyncio.gather(front.call("PATCH", path, {"currency": "JPY"}), *asked)
        now = (await front.get(path)).body["currency"]
        assert now == ("JPY" if changed.status == 200 else "EUR")
        read = await asyncio.gather(*(front.read(hold.body) for hold in holds))
        assert {each["total"]["currency"] for each in read} == {now}


async def test_money_in_another_currency_is_refused(front: Front) -> None:
    event = await front.event(5, price=4500, currency="JPY")
    path, ticket_id = f"/v1/events/{event['id']}", event["tickets"][0]["id"]
    euros = {"amount": 4500, "currency": "EUR"}
    new = {"name": "E", "starts_at": "2027-06-01T18:00:00Z", "currency": "JPY", "tickets": [ticket("T", 5)]}
    order = {"items": [{"ticket_id": ticket_id, "quantity": 1}], "customer": {"id": "22"}, "expected_total": euros}
    held = await front.held((ticket_id, 1))
    reservation = f"/v1/reservations/{held['id']}"
    item = {"event_id": event["id"], "price_id": ticket_id, "quantity": 1, "expected_total": euros}
    for method, wanted, body in (
        ("POST", "/v1/events", new),
        ("POST", f"{path}/tickets", ticket("T1", 5)),
        ("PATCH", f"/v1/tickets/{ticket_id}", {"price": euros}),
        ("POST", "/v1/reservations", order),
        ("POST", f"{reservation}/pay", euros | {"payment_token": "tok_visa"}),
        ("POST", new_cart(), item),
    ):
        assert await front.refused(method, wanted, body) == "currency_not_supported", (method, wanted)
    assert (await front.pay(held)).status == 200
    wish = {"restock": False, "amount": {"amount": 1, "currency": "EUR"}}
    assert await front.refused("POST", f"{reservation}/refund", wish) == "currency_not_supported"
    assert (await front.read(held))["status"] == "paid"


async def test_a_cart_has_one_currency(front: Front, ledger: GatewayLedger) -> None:
    yen, more_yen = [await front.event(5, price=4500, currency="JPY") for _ in range(2)]
    euros = await front.event(5, price=2000)
    cart = new_cart()

    async def add(event: Json, quantity: int = 1) -> Json:
        item = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "quantity": quantity}
        return await front.call("POST", cart, item)

    assert (await add(yen)).body["total"] == {"amount": 4500, "currency": "JPY"}
    refused = await add(euros)
    assert (refused.status, refused.code) == (422, "currency_not_supported")
    assert await front.counts(euros["tickets"][0]["id"]) == (5, 0, 0)
    assert (await add(more_yen)).body["total"] == {"amount": 9000, "currency": "JPY"}
    payment_id = (await front.call("PUT", f"{cart}/book")).body["payment_id"]
    payment = (await front.get(f"/v1/payments/{payment_id}")).body
    assert (payment["amount"], payment["currency"]) == (9000, "JPY")
    assert (await front.call("POST", f"/v1/payments/{payment_id}/complete")).body["currency"] == "JPY"
    assert charged(ledger) == [(9000, "JPY")]


async def test_a_cart_that_is_emptied_may_have_another_currency(front: Front) -> None:
    yen, euros = await front.event(5, currency="JPY"), await front.event(5)
    cart = new_cart()
    for event in (yen, euros):
        item = {"event_id": event["id"], "price_id": event["tickets"][0]["id"]}
        assert (await front.call("POST", cart, item | {"quantity": 1})).status == 200
        assert (await front.call("POST", cart, item | {"quantity": 0})).status == 200


async def test_seats_and_sections_show_the_currency(front: Front) -> None:
    venue = (await front.call("POST", "/v1/venues", HALL)).body
    section_id = venue["sections"][0]["id"]
    price = {"amount": 12_345, "currency": "KWD"}
    tickets = [{"ticket_type": "Stalls", "price": price, "section_ids": [section_id]}]
    event = await front.event(venue_id=venue["id"], currency="KWD", tickets=tickets)
    path = f"/v1/events/{event['id']}/sections"
    (section,) = (await front.get(path)).body["items"]
    assert (section["price_from"], section["price_to"]) == (price, price)
    seats = (await front.get(f"{path}/{section_id}/seats")).body["items"]
    assert seats[0]["prices"][0]["price"] == price
