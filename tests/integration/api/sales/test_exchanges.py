"""Exchanges: a paid reservation moves to other places, and the difference is charged or refunded, all or nothing."""

from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from api.access.callers import Role
from engine.settings import Settings
from sync.audit.audit import audit
from sync.worker import run_sync
from tests.integration.api.audit_log.test_audit_log import CUSTOMER, SHOP, as_, entries
from tests.integration.api.conftest import GatewayLedger, StartApi, resolving
from tests.support.api import schemas as shapes
from tests.support.api.api_client import Answer, Front, Json, ticket
from tests.support.api.two_event_carts import CHILD, GENERAL, PRICE, Tour
from tests.support.sync.box_office import running
from tests.support.waiting import wait_until

EUR = "EUR"
CHEAP, DEAR = 2500, 4000


@pytest.fixture
async def tickets(front: Front) -> tuple[int, int]:
    """Two tickets of an event with five places each, one dearer than the other."""
    event = await front.event(tickets=[ticket("Cheap", 5, CHEAP), ticket("Dear", 5, DEAR)], max_per_customer=4)
    cheap, dear = (each["id"] for each in event["tickets"])
    return cheap, dear


async def exchange(
    front: Front, reservation: Json, *items: tuple[int, int] | Json, headers: dict[str, str] | None = None, **more: Json
) -> Answer:
    wished = [item if isinstance(item, dict) else {"ticket_id": item[0], "quantity": item[1]} for item in items]
    path = f"/v1/reservations/{reservation['id']}/exchange"
    answer = await front.call("POST", path, {"items": wished, "payment_token": "tok_visa"} | more, headers=headers)
    if answer.status < 400:
        shapes.check_reservation(answer.body)
    return answer


def has(reservation: Json) -> list[tuple[int, int]]:
    return [(item["ticket_id"], item["quantity"]) for item in reservation["items"]]


async def test_dearer_places_are_charged_for(front: Front, tickets: tuple[int, int], ledger: GatewayLedger) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 2))
    answer = await exchange(front, paid, (dear, 1), (cheap, 1))
    assert (answer.status, answer.body["status"], answer.body["total"]["amount"]) == (200, "paid", CHEAP + DEAR)
    assert has(answer.body) == [(dear, 1), (cheap, 1)]
    assert answer.body["payment"]["amount"] == 2 * CHEAP, "the payment that bought it"
    assert sorted(ledger.kept()) == [DEAR - CHEAP, 2 * CHEAP]
    assert await front.counts(cheap) == (4, 0, 1)
    assert await front.counts(dear) == (4, 0, 1)


async def test_an_exchange_for_cheaper_places_refunds_the_difference(
    front: Front, tickets: tuple[int, int], ledger: GatewayLedger
) -> None:
    cheap, dear = tickets
    paid = await front.paid((dear, 2))
    answer = await exchange(front, paid, (cheap, 2), payment_token=None)
    assert (answer.status, answer.body["total"]["amount"]) == (200, 2 * CHEAP)
    assert answer.body["refunded"] == {"amount": 2 * (DEAR - CHEAP), "currency": EUR}
    assert list(ledger.refunds().values()) == [2 * (DEAR - CHEAP)]
    payment = (await front.get(f"/v1/payments/{answer.body['payment']['id']}")).body
    assert [(each["amount"], each["status"]) for each in payment["refunds"]] == [(2 * (DEAR - CHEAP), "completed")]
    assert await front.counts(dear) == (5, 0, 0)


async def test_nothing_changes_when_the_card_is_declined(
    front: Front, tickets: tuple[int, int], ledger: GatewayLedger
) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 2))
    for token, code in (("card_error", "card_declined"), ("payment_error", "payment_failed")):
        answer = await exchange(front, paid, (dear, 2), payment_token=token)
        assert (answer.status, answer.code) == (402, code)
        assert "Nothing was exchanged" in answer.body["detail"]
    after = await front.read(paid)
    assert (after["items"], after["total"], after["status"]) == (paid["items"], paid["total"], "paid")
    assert ledger.kept() == [2 * CHEAP]
    assert (await front.counts(cheap), await front.counts(dear)) == ((3, 0, 2), (5, 0, 0))


async def test_new_places_are_nobody_elses_until_the_gateway_tells(
    front: Front, tickets: tuple[int, int], ledger: GatewayLedger, shop: Settings
) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 3))
    answer = await exchange(front, paid, (dear, 4), payment_token="timeout")
    assert (answer.status, answer.body["status"], has(answer.body)) == (202, "paid", [(cheap, 3)])
    assert (await front.counts(cheap), await front.counts(dear)) == ((2, 0, 3), (1, 4, 0))
    assert (await front.reserve((dear, 2))).code == "sold_out"
    assert (await exchange(front, paid, (cheap, 1))).code == "payment_in_progress"
    everything = {"restock": True}
    path = f"/v1/reservations/{paid['id']}/refund"
    assert (await front.call("POST", path, everything)).code == "payment_in_progress"
    async with resolving(shop):
        await wait_until(_has(front, paid, [(dear, 4)]))
    assert (await front.counts(cheap), await front.counts(dear)) == ((5, 0, 0), (1, 0, 4))
    assert sorted(ledger.kept()) == [3 * CHEAP, 4 * DEAR - 3 * CHEAP]


def _has(front: Front, reservation: Json, places: list[tuple[int, int]]) -> Callable[[], Awaitable[bool]]:
    async def looked() -> bool:
        return has(await front.read(reservation)) == places

    return looked


async def test_statistics_count_what_an_exchange_pins(front: Front, tickets: tuple[int, int], shop: Settings) -> None:
    cheap, dear = tickets
    event_id = (await front.get(f"/v1/tickets/{cheap}")).body["event"]["id"]
    paid = await front.paid((cheap, 3))
    assert (await exchange(front, paid, (cheap, 1), (dear, 3), payment_token="timeout")).status == 202

    async def figures() -> list[tuple[int, int, int]]:
        rows = [(await front.get(f"/v1/events/{event_id}/statistics")).body]
        rows += await front.pages("/v1/statistics/ticket-types")
        return [(row["reserved"], row["held"], row["sold"]) for row in rows]

    async def are_pinned() -> bool:
        return await figures() == [(6, 3, 3), (3, 0, 3), (3, 3, 0)]

    assert (await front.counts(cheap), await front.counts(dear)) == ((2, 0, 3), (2, 3, 0))
    async with running(run_sync(replace(shop, resolve_after_ms=60_000))):
        await wait_until(are_pinned, what="statistics say the same as availability")

    async def are_swapped() -> bool:
        return await figures() == [(4, 0, 4), (1, 0, 1), (3, 0, 3)]

    async with running(run_sync(shop)):
        await wait_until(are_swapped)


async def test_a_refund_takes_back_all_that_was_charged(
    front: Front, tickets: tuple[int, int], ledger: GatewayLedger
) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 2))
    assert (await exchange(front, paid, (dear, 2))).status == 200
    path = f"/v1/reservations/{paid['id']}/refund"
    some: Json = {"restock": True, "items": [{"ticket_id": dear, "quantity": 1}]}
    answer = await front.call("POST", path, some)
    assert (answer.status, answer.body["refunded"]["amount"]) == (200, DEAR)
    assert sorted(ledger.kept() + ledger.returned()) == [2 * (DEAR - CHEAP)], "the money that came last goes back first"
    answer = await front.call("POST", path, {"restock": True})
    assert (answer.status, answer.body["status"]) == (200, "refunded")
    assert sorted(ledger.returned()) == [2 * (DEAR - CHEAP), 2 * CHEAP]
    assert (await exchange(front, paid, (cheap, 1))).code == "not_held"


async def test_every_payment_is_found_with_its_refunds(front: Front, sync: None) -> None:
    """600 for two cheap places, 1400 more for two dear ones, and all but 300 back for one cheap place."""
    event = await front.event(tickets=[ticket("A", 5, 1000), ticket("B", 5, 300)])
    dear, cheap = (each["id"] for each in event["tickets"])
    paid = await front.paid((cheap, 2), customer="22")
    assert "payments" not in paid, "it has one"
    assert (await exchange(front, paid, (dear, 2), payment_token="card_error")).code == "card_declined"
    assert "payments" not in await front.read(paid), "the other one has no money"
    dearer = (await exchange(front, paid, (dear, 2))).body
    assert [each["amount"] for each in dearer["payments"]] == [600, 1400]
    assert dearer["payments"][0] == dearer["payment"] == paid["payment"]
    last = (await exchange(front, paid, (cheap, 1))).body
    assert (last["total"]["amount"], last["refunded"]["amount"]) == (300, 1700)
    assert last["payments"] == dearer["payments"]
    refunds: list[list[int]] = []
    for each in last["payments"]:
        payment = (await front.get(f"/v1/payments/{each['id']}")).body
        assert (payment["status"], payment["amount"]) == ("completed", each["amount"])
        assert payment["reservations"] == [paid["id"]]
        refunds.append([refund["amount"] for refund in payment["refunds"]])
    assert refunds == [[300], [1400]], "the money that came last goes back first"
    (shown,) = (await front.get("/v1/customers/22/data")).body["reservations"]
    assert shown == await front.read(paid)
    assert shown["payments"] == last["payments"]


async def test_a_payment_under_way_is_found(front: Front, tickets: tuple[int, int], shop: Settings) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 1))
    waiting = (await exchange(front, paid, (dear, 1), payment_token="timeout")).body
    assert [each["status"] for each in waiting["payments"]] == ["completed", "pending"]
    pending = (await front.get(f"/v1/payments/{waiting['payments'][1]['id']}")).body
    assert (pending["status"], pending["amount"]) == ("pending", DEAR - CHEAP)


async def test_places_that_stay_keep_the_price_that_was_paid(front: Front, tickets: tuple[int, int]) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 2))
    dearer = {"price": {"amount": CHEAP + 500, "currency": EUR}}
    assert (await front.call("PATCH", f"/v1/tickets/{cheap}", dearer)).status == 200
    answer = await exchange(front, paid, (cheap, 3))
    assert answer.body["total"]["amount"] == 3 * CHEAP + 500
    shown: Json = {"amount": 1, "currency": EUR}
    refused = await exchange(front, paid, (cheap, 3), (dear, 1), expected_total=shown)
    assert (refused.code, refused.body["total"]["amount"]) == ("price_changed", 3 * CHEAP + 500 + DEAR)


async def test_a_repeat_has_no_further_effect(front: Front, tickets: tuple[int, int], ledger: GatewayLedger) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 1))
    key = {"Idempotency-Key": "one"}
    first = await exchange(front, paid, (dear, 1), headers=key)
    again = await exchange(front, paid, (dear, 1), headers=key)
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (await exchange(front, paid, (cheap, 1), headers=key)).code == "key_reused"
    same = await exchange(front, paid, (dear, 1))
    assert (same.status, same.body["items"]) == (200, first.body["items"]), "what it has already is no exchange"
    assert sorted(ledger.kept()) == [DEAR - CHEAP, CHEAP]


async def test_an_exchange_for_unavailable_places_changes_nothing(front: Front, tickets: tuple[int, int]) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 1))
    without = await exchange(front, paid, (dear, 1), payment_token=None)
    assert (without.status, without.body["fields"][0]["path"]) == (422, "payment_token")
    assert (await exchange(front, paid, (dear, 6))).code == "sold_out"
    assert (await exchange(front, paid, (dear, 5))).code == "limit_exceeded"
    other = (await front.event(5))["tickets"][0]["id"]
    assert (await exchange(front, paid, (other, 1))).code == "invalid"
    assert (await exchange(front, paid, (999_999, 1))).code == "not_found"
    for unknown in ("zz", f"{paid['event']['id']}-AAAAAAAAAAAAAAAA"):
        assert (await exchange(front, {"id": unknown}, (other, 1))).code == "not_found", unknown
    held = await front.held((cheap, 1))
    refused = await exchange(front, held, (dear, 1))
    assert (refused.status, refused.code, refused.body["state"]) == (409, "not_held", "held")
    assert has(await front.read(paid)) == [(cheap, 1)]
    assert (await front.call("PATCH", f"/v1/events/{paid['event']['id']}", {"status": "cancelled"})).status == 200
    assert (await exchange(front, paid, (dear, 1))).code == "sale_closed"


async def test_seats_move_and_a_seat_may_change_its_ticket(tour: Tour, front: Front) -> None:
    seats = tour.seats
    adult, child, standing = (each["id"] for each in tour.events[0]["tickets"])
    body = {"items": [{"ticket_id": adult, "seat_ids": seats[:2]}], "customer": {"id": "22"}}
    held = (await front.call("POST", "/v1/reservations", body)).body
    paid = (await front.pay(held)).body
    moved = await exchange(front, paid, {"ticket_id": adult, "seat_ids": seats[1:3]}, payment_token=None)
    assert [seat["seat_id"] for seat in moved.body["items"][0]["seats"]] == seats[1:3]
    assert moved.body["total"]["amount"] == 2 * PRICE
    assert await tour.statuses(0) == "assa"
    cheaper = await exchange(front, paid, {"ticket_id": child, "seat_ids": seats[1:2]}, (standing, 1))
    assert cheaper.body["total"]["amount"] == CHILD + GENERAL
    assert await tour.statuses(0) == "asaa"
    taken = await exchange(front, paid, {"ticket_id": adult, "seat_ids": [seats[0]]})
    assert taken.status == 200
    best = {"ticket_id": adult, "quantity": 4, "best_available": True}
    assert (await exchange(front, paid, best)).status == 200, "its own seat is free for the choice"


async def test_managers_and_services_exchange_and_the_log_tells_who_went_over_the_limit(
    start_api: StartApi, front: Front, tickets: tuple[int, int], sync: None
) -> None:
    cheap, dear = tickets
    paid = await front.paid((cheap, 1), customer="22")
    guarded = await start_api(auth="jwt", jwt_secret="a secret of thirty-two bytes or more")
    assert (await exchange(guarded, paid, (dear, 1), headers=CUSTOMER)).code == "forbidden"
    assert (await exchange(guarded, paid, (dear, 5), headers=SHOP)).code == "limit_exceeded"
    assert (await exchange(guarded, paid, (dear, 5), headers=SHOP, override_limit=True)).status == 200
    assert (await exchange(guarded, paid, (dear, 4), headers=as_(Role.MANAGER, "boss"))).status == 200
    await wait_until(lambda: _logged(guarded))
    told = [each["after"] for each in await entries(guarded, action="exchange_reservation")]
    assert [each["change"] for each in told] == ["refunded", "exchanged", "exchanged", "exchanging"]
    assert [each.get("override_limit", False) for each in told] == [False, False, True, True]


async def _logged(guarded: Front) -> bool:
    return len(await entries(guarded, action="exchange_reservation")) == 4


async def test_everybody_of_a_cancelled_event_gets_the_money_of_exchanges_back(
    front: Front, tickets: tuple[int, int], sync: None, ledger: GatewayLedger, shop: Settings
) -> None:
    cheap, dear = tickets
    paid, other = await front.paid((cheap, 1)), await front.paid((cheap, 1))
    assert (await exchange(front, other, (dear, 1))).status == 200
    assert (await exchange(front, paid, (dear, 1), payment_token="answer_never")).status == 202
    path = f"/v1/events/{paid['event']['id']}"
    assert (await front.call("PATCH", path, {"status": "cancelled"})).status == 200
    assert (await front.call("POST", f"{path}/refund")).status == 202
    await wait_until(lambda: _all_back(front, other))
    assert has(await front.read(paid)) == [(cheap, 1)], "the outcome of the exchange is not known yet"
    ledger.complete_late((await _attempt_of(ledger)), DEAR - CHEAP)
    await wait_until(lambda: _all_back(front, paid))
    await wait_until(lambda: _returned(ledger, 4))
    assert await audit(shop) == []


async def _attempt_of(ledger: GatewayLedger) -> str:
    (pending,) = ledger.pending()
    return pending


async def _returned(ledger: GatewayLedger, charges: int) -> bool:
    return len(ledger.returned()) == charges and not ledger.kept()


async def _all_back(front: Front, reservation: Json) -> bool:
    return bool((await front.read(reservation))["status"] == "refunded")
