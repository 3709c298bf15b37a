"""Refunds: of everything or of some, with places back on sale or kept off it, and put back later."""

from functools import partial

import pytest

from api.app_keys import ENGINE
from engine.ids import event_of
from engine.redis_keys import partition_of
from tests.integration.api.conftest import GatewayLedger
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Answer, Front, Json, ticket
from tests.support.api.two_event_carts import HALL, PRICE
from tests.support.waiting import wait_until

EUR = "EUR"


async def refund(front: Front, reservation: Json, headers: dict[str, str] | None = None, **wish: Json) -> Answer:
    path = f"/v1/reservations/{reservation['id']}/refund"
    return await front.call("POST", path, {"restock": True} | wish, headers=headers)


async def restock(front: Front, reservation: Json) -> Answer:
    return await front.call("POST", f"/v1/reservations/{reservation['id']}/restock")


async def counts(front: Front, ticket_id: int) -> tuple[int, int, int, int]:
    """Available, held, sold and kept."""
    shown = (await front.get(f"/v1/tickets/{ticket_id}")).body
    shapes.check_ticket(shown)
    return shown["available"], shown["held"], shown["sold"], shown["kept"]


async def refunds_of(front: Front, reservation: Json) -> list[tuple[int, str]]:
    payment_id = (await front.read(reservation))["payment"]["id"]
    refunds = (await front.get(f"/v1/payments/{payment_id}")).body["refunds"]
    assert all(set(each) == {"id", "amount", "status", "created_at"} for each in refunds)
    return [(each["amount"], each["status"]) for each in refunds]


@pytest.fixture
async def ticket_id(front: Front) -> int:
    return int((await front.event(5))["tickets"][0]["id"])


async def test_places_that_were_refunded_without_restock_are_kept_until_they_are_put_back(
    front: Front, ticket_id: int, sync: None
) -> None:
    paid = await front.paid((ticket_id, 2))
    assert (await front.call("POST", f"/v1/reservations/{paid['id']}/refund", {})).body["status"] == "refunded"
    assert await counts(front, ticket_id) == (3, 0, 0, 2)
    event_id = paid["event"]["id"]
    await wait_until(lambda: is_counted(front, event_id, refunded=2, kept=2))
    (of_type,) = [each for each in await front.pages("/v1/statistics/ticket-types") if each["ticket_type"] == "T0"]
    assert of_type["kept"] == 2
    availability = (await front.get(f"/v1/events/{event_id}/availability")).body
    shapes.check_availability(availability)
    assert availability["tickets"][0]["kept"] == 2
    for _ in range(2):
        answer = await restock(front, paid)
        assert (answer.status, answer.body["status"]) == (200, "refunded")
        assert await counts(front, ticket_id) == (5, 0, 0, 0)
    await wait_until(lambda: is_counted(front, event_id, refunded=2, kept=0))


async def is_counted(front: Front, event_id: int, *, refunded: int, kept: int) -> bool:
    statistics = (await front.get(f"/v1/events/{event_id}/statistics")).body
    return [statistics[name] for name in ("sold", "refunded", "kept")] == [0, refunded, kept]


async def test_a_second_refund_with_restock_puts_them_back_too(front: Front, ticket_id: int) -> None:
    paid = await front.paid((ticket_id, 2))
    await refund(front, paid, restock=False)
    assert (await refund(front, paid, restock=True)).body["status"] == "refunded"
    assert await counts(front, ticket_id) == (5, 0, 0, 0)
    assert await refunds_of(front, paid) == [(5000, "completed")], "no money went back twice"


async def test_unpaid_reservations_have_nothing_to_restock(front: Front, ticket_id: int) -> None:
    held = await front.held((ticket_id, 1))
    assert (await restock(front, held)).code == "not_held"
    paid = await front.paid((ticket_id, 1))
    assert (await restock(front, paid)).status == 200, "nothing of it was refunded, and nothing changes"
    assert await counts(front, ticket_id) == (3, 1, 1, 0)


async def test_some_places_are_refunded_and_the_rest_stays_paid(
    front: Front, ticket_id: int, ledger: GatewayLedger
) -> None:
    paid = await front.paid((ticket_id, 3))
    answer = await refund(front, paid, items=[{"ticket_id": ticket_id, "quantity": 1}])
    assert (answer.status, answer.body["status"]) == (200, "paid")
    shapes.check_reservation(answer.body)
    assert answer.body["refunded"] == {"amount": 2500, "currency": EUR}
    assert [item["quantity"] for item in answer.body["items"]] == [2]
    assert await counts(front, ticket_id) == (3, 0, 2, 0)
    answer = await refund(front, paid, restock=False, items=[{"ticket_id": ticket_id, "quantity": 1}])
    assert answer.body["refunded"]["amount"] == 5000
    assert await counts(front, ticket_id) == (3, 0, 1, 1)
    too_many = await refund(front, paid, items=[{"ticket_id": ticket_id, "quantity": 2}])
    assert too_many.code == "not_held"
    assert "not in the reservation" in too_many.body["detail"]
    assert (await refund(front, paid, items=[{"ticket_id": 999_999, "quantity": 1}])).code == "not_found"
    answer = await refund(front, paid)
    assert (answer.body["status"], "refunded" in answer.body) == ("refunded", False)
    assert await counts(front, ticket_id) == (4, 0, 0, 1)
    assert await refunds_of(front, paid) == [(2500, "completed")] * 3
    assert sum(ledger.refunds().values()) == 7500
    assert (await restock(front, paid)).status == 200
    assert await counts(front, ticket_id) == (5, 0, 0, 0)


async def test_an_amount_goes_back_with_places_or_without(front: Front, ticket_id: int, ledger: GatewayLedger) -> None:
    paid = await front.paid((ticket_id, 2))
    answer = await refund(front, paid, amount={"amount": 700, "currency": EUR})
    assert (answer.body["refunded"]["amount"], len(answer.body["items"])) == (700, 1)
    fee: Json = {"items": [{"ticket_id": ticket_id, "quantity": 1}], "amount": {"amount": 2000, "currency": EUR}}
    assert (await refund(front, paid, **fee)).body["refunded"]["amount"] == 2700
    too_much = await refund(front, paid, amount={"amount": 2301, "currency": EUR})
    assert (too_much.status, too_much.code, too_much.body["total"]["amount"]) == (422, "amount_mismatch", 2300)
    assert "refund at most that" in too_much.body["detail"]
    assert (await refund(front, paid, amount={"amount": 1, "currency": "USD"})).code == "currency_not_supported"
    assert (await refund(front, paid)).body["status"] == "refunded", "the rest"
    assert sum(ledger.refunds().values()) == 5000


async def test_an_amount_of_nothing_is_no_refund(front: Front, ticket_id: int) -> None:
    paid = await front.paid((ticket_id, 2))
    nothing = {"amount": 0, "currency": EUR}
    refused = await refund(front, paid, amount=nothing)
    assert (refused.status, refused.body["fields"][0]["path"]) == (422, "amount.amount")
    assert await refunds_of(front, paid) == []
    with_a_place = await refund(front, paid, items=[{"ticket_id": ticket_id, "quantity": 1}], amount=nothing)
    assert (with_a_place.status, len(with_a_place.body["items"])) == (200, 1)


async def test_money_kept_when_the_last_place_went_is_refunded_later(
    front: Front, ticket_id: int, ledger: GatewayLedger, sync: None
) -> None:
    """A fee is kept; some of it goes back, then the rest. Nothing more than was charged."""
    paid = await front.paid((ticket_id, 2))
    places: Json = {"items": [{"ticket_id": ticket_id, "quantity": 2}]}
    returned = await refund(front, paid, **places, amount={"amount": 3000, "currency": EUR})
    assert (returned.status, returned.body["status"]) == (200, "refunded")
    shapes.check_reservation(returned.body)
    assert returned.body["refunded"] == {"amount": 3000, "currency": EUR}, "and the rest was kept"
    assert (await refund(front, paid, **places)).code == "not_held", "the places are gone"
    too_much = await refund(front, paid, amount={"amount": 2001, "currency": EUR})
    assert (too_much.code, too_much.body["total"]["amount"]) == ("amount_mismatch", 2000)
    for _ in range(2):
        more = await refund(front, paid, {"Idempotency-Key": "more"}, amount={"amount": 500, "currency": EUR})
        assert (more.status, more.body["status"], more.body["refunded"]["amount"]) == (200, "refunded", 3500)
    for _ in range(2):
        rest = await refund(front, paid)
        assert (rest.status, rest.body["status"], "refunded" in rest.body) == (200, "refunded", False)
    assert (await refund(front, paid, amount={"amount": 1, "currency": EUR})).code == "not_held"
    assert sorted(ledger.refunds().values()) == [500, 1500, 3000]
    assert await refunds_of(front, paid) == [(3000, "completed"), (500, "completed"), (1500, "completed")]
    assert await counts(front, ticket_id) == (5, 0, 0, 0)
    await wait_until(lambda: is_counted(front, paid["event"]["id"], refunded=2, kept=0))


async def test_money_kept_of_an_archived_reservation_is_refunded_later(
    front: Front, ticket_id: int, ledger: GatewayLedger, sync: None
) -> None:
    paid = await front.paid((ticket_id, 1))
    one: Json = {"items": [{"ticket_id": ticket_id, "quantity": 1}], "amount": {"amount": 1000, "currency": EUR}}
    assert (await refund(front, paid, **one)).body["status"] == "refunded"

    async def written(refunded: int) -> bool:
        """Postgres has what Redis is about to forget."""
        (listed,) = (await front.get("/v1/reservations", ticket_id=str(ticket_id))).body["items"]
        return bool(listed["status"] == "refunded" and listed["refunded"]["amount"] == refunded)

    for before, amount, after in ((1000, 700, 1700), (1700, 800, None)):
        await wait_until(partial(written, before))
        await forget(front, paid["id"])
        answer = await refund(front, paid, amount={"amount": amount, "currency": EUR})
        assert (answer.status, answer.body["status"]) == (200, "refunded")
        assert answer.body.get("refunded", {}).get("amount") == after
    assert sorted(ledger.refunds().values()) == [700, 800, 1000]


async def test_money_of_several_payments_that_was_kept_goes_back_to_each(
    front: Front, ticket_id: int, ledger: GatewayLedger
) -> None:
    """An exchange cost more, so there are two payments; the newest money goes back first."""
    paid = await front.paid((ticket_id, 1))
    exchange = {"items": [{"ticket_id": ticket_id, "quantity": 3}], "payment_token": "tok_visa"}
    assert (await front.call("POST", f"/v1/reservations/{paid['id']}/exchange", exchange)).status == 200
    places: Json = {"items": [{"ticket_id": ticket_id, "quantity": 3}]}
    fee = await refund(front, paid, **places, amount={"amount": 4000, "currency": EUR})
    assert (fee.body["status"], fee.body["refunded"]["amount"]) == ("refunded", 4000)
    assert (await refund(front, paid, restock=False)).body["status"] == "refunded"
    assert sorted(ledger.returned()) == [2500, 5000], "each payment, all of it"
    assert [each["status"] for each in (await front.read(paid))["payments"]] == ["refunded", "refunded"]


async def test_the_payment_of_an_archived_reservation_is_found_behind_many_that_failed(
    front: Front, ticket_id: int, ledger: GatewayLedger, sync: None
) -> None:
    """Redis keeps eight attempts, and drops those without money; Postgres has them all."""
    paid = await front.paid((ticket_id, 1))
    exchange = {"items": [{"ticket_id": ticket_id, "quantity": 2}], "payment_token": "card_error"}
    for _ in range(9):
        assert (await front.call("POST", f"/v1/reservations/{paid['id']}/exchange", exchange)).code == "card_declined"
    shown = await front.read(paid)

    async def written() -> bool:
        (listed,) = (await front.get("/v1/reservations", ticket_id=str(ticket_id))).body["items"]
        return bool(listed["payment"] == shown["payment"])

    await wait_until(written, what="Postgres has the payment")
    await forget(front, paid["id"])
    assert (await refund(front, paid)).body["status"] == "refunded"
    assert ledger.returned() == [2500]


async def test_a_payment_completed_when_it_did_whatever_goes_back(front: Front, ticket_id: int, sync: None) -> None:
    paid = await front.paid((ticket_id, 2))
    completed_at = paid["payment"]["completed_at"]
    some = await refund(front, paid, items=[{"ticket_id": ticket_id, "quantity": 1}])
    assert some.body["payment"]["completed_at"] == completed_at
    everything = await refund(front, paid)
    assert everything.body["payment"]["status"] == "refunded"
    assert everything.body["payment"]["completed_at"] == completed_at

    async def is_listed_so() -> bool:
        (listed,) = await front.pages("/v1/reservations", event_id=paid["event"]["id"])
        return bool(listed["payment"] == everything.body["payment"])

    await wait_until(is_listed_so, 10, "Postgres has it so")


async def test_the_same_key_refunds_once(front: Front, ticket_id: int, ledger: GatewayLedger) -> None:
    paid = await front.paid((ticket_id, 3))
    wish = {"items": [{"ticket_id": ticket_id, "quantity": 1}]}
    answers = [await refund(front, paid, {"Idempotency-Key": "once"}, **wish) for _ in range(3)]
    assert {answer.body["refunded"]["amount"] for answer in answers} == {2500}
    assert list(ledger.refunds().values()) == [2500]


async def test_seats_are_refunded_one_by_one(front: Front) -> None:
    venue = (await front.call("POST", "/v1/venues", HALL)).body
    (section,) = (await front.get(f"/v1/venues/{venue['id']}/sections")).body["items"]
    seats = [seat["id"] for row in section["rows"] for seat in row["seats"]]
    adult = ticket("Adult", 0, PRICE) | {"section_ids": [section["id"]]}
    del adult["capacity"]
    event = await front.event(venue_id=venue["id"], tickets=[adult])
    number = event["tickets"][0]["id"]
    body = {"items": [{"ticket_id": number, "seat_ids": seats[:3]}], "customer": {"id": "22"}}
    held = (await front.call("POST", "/v1/reservations", body)).body
    paid = (await front.pay(held)).body

    async def statuses() -> str:
        path = f"/v1/events/{event['id']}/sections/{section['id']}/seats"
        return "".join(seat["status"]["name"][0] for seat in (await front.get(path)).body["items"])

    answer = await refund(front, paid, restock=False, items=[{"ticket_id": number, "seat_ids": [seats[1]]}])
    assert [seat["seat_id"] for seat in answer.body["items"][0]["seats"]] == [seats[0], seats[2]]
    assert (await statuses(), await counts(front, number)) == ("sssa", (1, 0, 2, 1))
    again = await refund(front, paid, items=[{"ticket_id": number, "seat_ids": [seats[1]]}])
    assert again.code == "not_held"
    compact = await front.get(f"/v1/events/{event['id']}/sections/{section['id']}/seats", format="compact")
    assert compact.body["rows"][0]["seats"] == "sssa"
    block = {"seat_ids": [seats[1]], "blocked": True}
    assert (await front.call("PATCH", f"/v1/events/{event['id']}/seats", block)).code == "seat_taken"
    await restock(front, paid)
    assert (await statuses(), await counts(front, number)) == ("sasa", (2, 0, 2, 0))


async def test_archived_reservations_are_refunded_in_part_and_restocked(
    front: Front, ticket_id: int, sync: None
) -> None:
    paid = await front.paid((ticket_id, 3))

    async def forgotten() -> bool:
        """The record's time in Redis is over, once Postgres has it."""
        listed = (await front.get("/v1/reservations", ticket_id=str(ticket_id))).body["items"]
        return bool(listed and listed[0]["status"] == "paid")

    await wait_until(forgotten)
    await forget(front, paid["id"])
    answer = await refund(front, paid, restock=False, items=[{"ticket_id": ticket_id, "quantity": 2}])
    assert (answer.status, answer.body["refunded"]["amount"]) == (200, 5000)
    assert await counts(front, ticket_id) == (2, 0, 1, 2)

    async def written() -> bool:
        items = (await front.get("/v1/reservations", ticket_id=str(ticket_id))).body["items"]
        return bool(items[0].get("refunded") and (await refunds_of(front, paid))[0][1] == "completed")

    await wait_until(written)
    await forget(front, paid["id"])
    assert (await restock(front, paid)).body["refunded"]["amount"] == 5000
    assert await counts(front, ticket_id) == (4, 0, 1, 0)


async def forget(front: Front, reservation_id: str) -> None:
    app = front.client.server.app  # type: ignore[attr-defined]  # a TestServer has its app
    engine = app[ENGINE]
    keys = engine.keys[partition_of(event_of(reservation_id) or 0, len(engine.keys))]
    await engine.redis.delete(keys.hold(reservation_id))
