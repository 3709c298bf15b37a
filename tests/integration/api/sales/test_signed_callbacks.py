"""With a secret configured, only the gateway ends payments: callbacks are signed as Standard Webhooks."""

import hmac
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from itertools import count

import msgspec
import pytest

from engine.settings import Settings
from tests.support.api.api_client import Answer
from tests.support.api.two_event_carts import Tour

SECRET, NEXT_SECRET, FOREIGN = (f"whsec_{b64encode(bytes([n]) * 24).decode()}" for n in (1, 2, 3))
BODY = b'{"type": "payment.completed", "data": {"note": "\xc3\xa9"}}'


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Of the specification, with nothing of a library."""
    key = b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return f"v1,{b64encode(hmac.new(key, signed, sha256).digest()).decode()}"


def headers(secret: str, message_id: str = "msg_1", *, age_seconds: int = 0, body: bytes = BODY) -> dict[str, str]:
    timestamp = str(int(time.time()) - age_seconds)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, message_id, timestamp, body),
    }


@pytest.fixture
async def shop(shop: Settings) -> Settings:
    return msgspec.structs.replace(shop, callback_secrets=f"{SECRET} {NEXT_SECRET}")


async def call(tour: Tour, payment_id: str, outcome: str, sent: dict[str, str], body: bytes = BODY) -> Answer:
    return await tour.front.call("POST", f"/v1/payments/{payment_id}/{outcome}", raw=body, headers=sent)


def forged() -> Iterator[dict[str, str]]:
    good = headers(SECRET)
    yield {}
    for name in good:
        yield {known: value for known, value in good.items() if known != name}
        yield good | {name: ""}
        yield good | {name: "x"}
    yield headers(FOREIGN)
    yield headers(SECRET, age_seconds=301)
    yield headers(SECRET, age_seconds=-310)
    yield headers(SECRET, body=BODY + b" ")
    yield good | {"webhook-id": "msg_2"}
    yield good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)}
    signed = good["webhook-signature"]
    for wrong in (signed[:-1], signed.replace("v1,", "v2,"), signed.replace("v1,", ""), "v1,é", "v1,,", "v1,a", ","):
        yield good | {"webhook-signature": wrong}
    yield {"Authorization": "Bearer x"}


async def test_only_signed_callbacks_end_a_payment(tour: Tour) -> None:
    payment_id = await tour.book(await tour.take((0, 0)))
    for sent in forged():
        for outcome in ("complete", "failed"):
            answer = await call(tour, payment_id, outcome, sent)
            assert (answer.status, answer.code) == (401, "unauthenticated"), sent
    assert await tour.statuses(0) == "haaa"
    first = await call(tour, payment_id, "complete", headers(SECRET, age_seconds=290))
    assert (first.status, first.body["status"]) == (200, "completed")


async def test_the_same_message_again_has_the_same_answer_and_is_good_for_nothing_else(tour: Tour) -> None:
    cart = await tour.take((0, 0))
    payment_id, other = await tour.book(cart), await tour.book(await tour.take((0, 1)))
    message = headers(SECRET)
    answers = [await call(tour, payment_id, "failed", message) for _ in range(2)]
    assert answers[0].status == 200
    assert answers[0].body == answers[1].body
    again = await tour.front.call("POST", f"/v1/payments/{payment_id}/failed/", raw=BODY, headers=message)
    assert again.body == answers[0].body
    # The signature is good, for five minutes; what it does not cover is the path.
    for stolen in (f"{other}/complete", f"{other}/failed", f"{payment_id}/complete"):
        assert await tour.front.refused("POST", f"/v1/payments/{stolen}", raw=BODY, headers=message) == (
            "unauthenticated"
        )
    assert (await call(tour, payment_id, "complete", headers(SECRET, "msg_2"))).code == "payment_settled"
    assert (await call(tour, other, "complete", headers(SECRET, "msg_3"))).status == 200


async def test_secrets_are_changed_with_both_in_force(tour: Tour) -> None:
    numbers = count()
    for place, secret in enumerate((SECRET, NEXT_SECRET)):
        payment_id = await tour.book(await tour.take((0, place)))
        sent = headers(secret, f"msg_{next(numbers)}", body=b"")
        sent["webhook-signature"] = f"{signature(FOREIGN, 'a', '1', b'')} {sent['webhook-signature']}"
        assert (await call(tour, payment_id, "complete", sent, b"")).status == 200


async def test_an_unknown_payment_is_reported_to_the_gateway_alone(tour: Tour) -> None:
    assert (await call(tour, "pay-none", "complete", headers(SECRET))).code == "not_found"
    assert (await call(tour, "pay-none", "complete", headers(FOREIGN))).code == "unauthenticated"
