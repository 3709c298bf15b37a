"""Answers of Valkey and of the gateway are lost on their way: one effect per key, and the same answer."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from engine.engine import Engine
from engine.facts import decode_facts
from engine.outbox import BEGINNING, read_outbox
from engine.settings import Settings
from tests.integration.api.conftest import GatewayLedger, StartApi
from tests.support.api.api_client import Answer, Front, Json
from tests.support.dropping_proxy import LosingProxy
from tests.support.waiting import wait_until

pytestmark = pytest.mark.single_server(
    "its proxy stands before one server; nodes of a cluster tell clients their own addresses"
)

KEY = {"Idempotency-Key": "k"}
PRICE = 2500

Ask = Callable[[], Awaitable[Answer]]


def refunds(front: Front, reservation: Json) -> Ask:
    path = f"/v1/reservations/{reservation['id']}/refund"
    return lambda: front.call("POST", path, {"restock": True}, headers=KEY)


async def insist(ask: Ask, proxy: LosingProxy) -> Answer:
    """Repeats with the same key what is answered 503, when answers come through again.

    More than once, because a busy machine may stand still for as long as calls may take.
    """
    answer = await ask()
    for _ in range(5):
        if answer.status != 503:
            break
        proxy.lose_no_more()
        answer = await ask()
    return answer


async def facts(settings: Settings) -> Counter[str]:
    """The facts, by word. Needs an outbox that nobody reads."""
    async with Engine(settings) as engine:
        entries = [
            entry
            for keys in engine.keys
            for entry in await read_outbox(engine.redis, keys, BEGINNING, limit=100, block_ms=1)
        ]
    return Counter(fact.word.value for entry in entries for fact in decode_facts(entry.payload))


@pytest.fixture
async def to_valkey(shop: Settings) -> AsyncIterator[LosingProxy]:
    async with LosingProxy(shop.redis_url) as proxy:
        yield proxy


@pytest.fixture
async def to_gateway(shop: Settings) -> AsyncIterator[LosingProxy]:
    async with LosingProxy(shop.gateway_url) as proxy:
        yield proxy


WRITES = {
    **{word: msgspec.msgpack.encode(word) for word in ("hold", "begin_payment", "confirm_payment", "refund")},
    "settle_refund": msgspec.msgpack.encode("settle_refund"),
    "claim": b"answer:{",
    "answer": b"onsale_keep",
}
"""The calls whose answer may be lost, as they go to Valkey."""

FOR_A_WHILE = 1000
"""Until the client learns that the outcome is unknown: before, the engine itself asks again, with the same ids."""


@pytest.mark.parametrize("lost", WRITES)
@pytest.mark.parametrize("times", [1, FOR_A_WHILE], ids=["once", "for-a-while"])
async def test_an_answer_of_valkey_that_is_lost(
    start_api: StartApi, to_valkey: LosingProxy, shop: Settings, ledger: GatewayLedger, lost: str, times: int
) -> None:
    front = await start_api(redis_url=to_valkey.url, command_timeout_ms=300)
    event = await front.event(10)
    ticket_id = event["tickets"][0]["id"]
    to_valkey.lose(WRITES[lost], times)

    def hold() -> Awaitable[Answer]:
        return front.reserve((ticket_id, 1), customer="22", headers=KEY)

    held = await insist(hold, to_valkey)
    assert held.status == 201

    def pay() -> Awaitable[Answer]:
        return front.pay(held.body, headers=KEY)

    paid = await insist(pay, to_valkey)
    assert (paid.status, paid.body["status"]) == (200, "paid")
    refund = refunds(front, held.body)
    refunded = await insist(refund, to_valkey)
    assert (refunded.status, refunded.body["status"]) == (200, "refunded")
    assert to_valkey.lost >= 1, "what the test is about has happened"

    for ask, first in ((hold, held), (pay, paid), (refund, refunded)):
        again = await ask()
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert await facts(shop) == {"held": 1, "paying": 1, "paid": 1, "refund_due": 1, "refunded": 1}
    assert (ledger.kept(), ledger.returned()) == ([], [PRICE])
    assert await front.counts(ticket_id) == (10, 0, 0)


async def test_without_a_key_a_lost_answer_is_a_second_effect(start_api: StartApi, to_valkey: LosingProxy) -> None:
    """The negative control of the test above."""
    front = await start_api(redis_url=to_valkey.url, command_timeout_ms=300)
    ticket_id = (await front.event(10))["tickets"][0]["id"]
    to_valkey.lose(WRITES["hold"], FOR_A_WHILE)
    assert (await insist(lambda: front.reserve((ticket_id, 1), customer="22"), to_valkey)).status == 201
    assert await front.counts(ticket_id) == (8, 2, 0)


@pytest.mark.usefixtures("sync")
@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("lost", [b"POST /charges HTTP", b"/refund HTTP"], ids=["charge", "refund"])
async def test_an_answer_of_the_gateway_that_is_lost(
    start_api: StartApi, to_gateway: LosingProxy, ledger: GatewayLedger, lost: bytes, times: int
) -> None:
    front = await start_api(gateway_url=to_gateway.url)
    event = await front.event(10)
    held = await front.held((event["tickets"][0]["id"], 1))
    to_gateway.lose(lost, times)
    refund = refunds(front, held)
    paid = await front.pay(held, headers=KEY)
    await becomes(front, held, "paid")
    returned = await refund()
    await becomes(front, held, "refunded")
    assert to_gateway.lost == min(times, 2), "a connection that ends is tried once more, and no more in one request"
    known = [paid.status, returned.status]
    assert known == [200, 200] if times == 1 else sorted(known) == [200, 202]

    for ask, first in ((lambda: front.pay(held, headers=KEY), paid), (refund, returned)):
        again = await ask()
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert ledger.refunds() == {held["id"]: PRICE}
    assert (ledger.kept(), ledger.returned()) == ([], [PRICE])
    assert await front.counts(event["tickets"][0]["id"]) == (10, 0, 0)


async def becomes(front: Front, reservation: Json, status: str) -> None:
    async def has() -> bool:
        return bool((await front.read(reservation))["status"] == status)

    await wait_until(has, what=f"{status} of a reservation")
