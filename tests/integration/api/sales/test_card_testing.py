"""Stolen cards are tried on holds: that many attempts of a reservation, and a growing pause between a customer's."""

from tests.integration.api.conftest import GatewayLedger, StartApi


async def test_a_reservation_takes_so_many_declined_cards(start_api: StartApi, ledger: GatewayLedger) -> None:
    """It took 1,000 in 16 s."""
    front = await start_api(payment_attempts=4, gateway_timeout_ms=20_000)
    held = await front.held(((await front.event(5))["tickets"][0]["id"], 1))
    answers = [await front.pay(held, "card_error") for _ in range(8)]
    assert [answer.code for answer in answers] == ["card_declined"] * 4 + ["limit_exceeded"] * 4
    assert (answers[-1].status, answers[-1].body["limit"]) == (409, 4)
    assert (await front.pay(held)).code == "limit_exceeded", "a good card is refused, too"
    assert (await front.call("DELETE", f"/v1/reservations/{held['id']}")).status == 204, "reserve again"
    assert ledger.kept() == []


async def test_a_customer_has_to_wait_between_declined_cards(start_api: StartApi, ledger: GatewayLedger) -> None:
    front = await start_api(payment_pause_seconds=60, gateway_timeout_ms=20_000)
    item = ((await front.event(50))["tickets"][0]["id"], 1)
    for _ in range(3):
        assert (await front.pay(await front.held(item, customer="anna"), "card_error")).code == "card_declined"
    held, key = await front.held(item, customer="anna"), {"Idempotency-Key": "the-same"}
    for _ in range(2):
        refused = await front.pay(held, headers=key)
        assert (refused.status, refused.code, refused.body["limited"]) == (429, "rate_limited", "payments")
        assert 50 < int(refused.headers["Retry-After"]) <= 60
    other = await front.pay(await front.held(item, customer="piotr"))
    assert other.status == 200, "another customer is not concerned"
    assert len(ledger.kept()) == 1
