"""The cost of an Idempotency-Key in Redis: little, nothing without a change, and a bounded number per customer."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from api.access.callers import Role
from cli.tokens import mint_token
from engine.settings import Settings
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Answer, Front, Json, order, ticket
from tests.support.redis_nodes import whole

_SHARED = "a secret of thirty-two bytes or more"
_KEY = re.compile(rb"answer:\{.*\}(:.*)?")


def as_(role: Role, sub: str) -> dict[str, str]:
    token = mint_token(Settings(jwt_secret=_SHARED), role, sub, ttl_seconds=86_400)
    return {"Authorization": f"Bearer {token}"}


BOSS, SHOP, CUSTOMER = as_(Role.MANAGER, "boss"), as_(Role.SERVICE, "shop"), as_(Role.CUSTOMER, "22")


@pytest.fixture
def redis(shop: Settings) -> Iterator[Any]:
    with whole(shop.redis_url) as redis:
        yield redis


def kept(redis: Any) -> dict[bytes, bytes]:
    """Claims and answers by their keys."""
    keys = [key for key in redis.scan_iter(match="answer:*") if redis.type(key) == b"string"]
    return {key: redis.get(key) for key in keys}


@pytest.fixture
async def guarded(start_api: StartApi) -> Front:
    return await start_api(auth="jwt", jwt_secret=_SHARED, customer_keys=3)


async def hall(front: Front, seats: int) -> tuple[Json, list[int]]:
    """An event on sale with that many seats."""
    manifest = {"name": "Hall", "sections": [{"name": "S", "rows": [{"name": "A", "seats": seats}]}]}
    venue = (await front.call("POST", "/v1/venues", manifest, headers=BOSS)).body
    section_id = venue["sections"][0]["id"]
    stalls = {"ticket_type": "Stalls", "price": ticket("", 1)["price"], "section_ids": [section_id]}
    body = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z", "status": "on_sale", "venue_id": venue["id"],
            "max_per_customer": 1000, "tickets": [stalls, ticket("VIP", 1)]}  # fmt: skip
    event = (await front.call("POST", "/v1/events", body, headers=BOSS)).body
    listed = (await front.get(f"/v1/events/{event['id']}/sections/{section_id}/seats")).body["items"]
    return event, [seat["seat_id"] for seat in listed]


def same(again: Answer, first: Answer) -> bool:
    return (again.status, again.body, again.headers["Idempotency-Replayed"]) == (first.status, first.body, "true")


async def test_an_answer_is_kept_short_and_without_names(guarded: Front, redis: Any) -> None:
    event, _ = await hall(guarded, 1)
    body = {"items": order((event["tickets"][1]["id"], 1))["items"], "customer": {"first_name": "Islom"}}
    held = (await guarded.call("POST", "/v1/reservations", body, headers=CUSTOMER)).body
    path, pay = f"/v1/reservations/{held['id']}/pay", held["total"] | {"payment_token": "tok_visa"}
    paid = await guarded.call("POST", path, pay, headers=CUSTOMER | {"Idempotency-Key": "k"})
    assert (paid.status, paid.body["customer"]["first_name"]) == (200, "Islom")
    (stored,) = kept(redis).values()
    assert b"Islom" not in stored
    assert len(stored) < 400
    again = await guarded.call("POST", path, pay, headers=CUSTOMER | {"Idempotency-Key": "k"})
    assert same(again, paid)


async def test_a_cart_of_many_seats_is_kept_in_a_tenth_of_its_size(guarded: Front, redis: Any) -> None:
    event, seats = await hall(guarded, 60)
    path = f"/v1/orders/carts/{uuid4()}"
    item = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "seat_id": seats[0]}
    for seat in seats[1:]:
        assert (await guarded.call("POST", path, item | {"seat_id": seat}, headers=CUSTOMER)).status == 200
    first = await guarded.call("POST", path, item, headers=CUSTOMER | {"Idempotency-Key": "k"})
    assert len(first.body["items"]) == 60
    (stored,) = kept(redis).values()
    assert len(stored) < len(str(first.body)) / 10
    seat_path = f"{path}/events/{event['id']}/seats/{seats[5]}"
    assert (await guarded.call("DELETE", seat_path, headers=CUSTOMER)).status == 200
    again = await guarded.call("POST", path, item, headers=CUSTOMER | {"Idempotency-Key": "k"})
    assert same(again, first), "as it was, with the seat that was taken out since"


async def test_answers_that_changed_nothing_are_not_kept(guarded: Front, redis: Any) -> None:
    """The attack: one customer sends the same again and again, each time with another key."""
    event, seats = await hall(guarded, 2)
    item = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "seat_id": seats[0]}
    path = f"/v1/orders/carts/{uuid4()}"
    for number in range(10):
        answer = await guarded.call("POST", path, item, headers=CUSTOMER | {"Idempotency-Key": f"k{number}"})
        assert answer.status == 200
    assert len(kept(redis)) == 1
    wanted = {"items": order((event["tickets"][1]["id"], 2))["items"]}
    for number in range(10):
        headers = CUSTOMER | {"Idempotency-Key": f"r{number}"}
        refused = await guarded.call("POST", "/v1/reservations", wanted, headers=headers)
        assert refused.code == "sold_out"
    lives = [redis.pttl(key) for key in kept(redis)]
    assert sum(live > 60_000 for live in lives) == 1, "the others are forgotten within seconds"


async def test_a_customer_has_a_bounded_number_of_live_keys(guarded: Front, redis: Any) -> None:
    event, seats = await hall(guarded, 9)
    path = f"/v1/orders/carts/{uuid4()}"

    async def add(place: int, who: dict[str, str], where: str = path) -> Answer:
        item = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "seat_id": seats[place]}
        return await guarded.call("POST", where, item, headers=who | {"Idempotency-Key": f"k{place}"})

    firsts = [await add(place, CUSTOMER) for place in range(3)]
    assert [first.status for first in firsts] == [200, 200, 200]
    refused = await add(3, CUSTOMER)
    assert (refused.code, refused.body["limited"]) == ("rate_limited", "keys")
    assert 60 < int(refused.headers["Retry-After"]) <= 86_400
    assert same(await add(1, CUSTOMER), firsts[1]), "a key that is known is answered"
    cart = f"/v1/orders/carts/{uuid4()}"
    assert [(await add(place, SHOP, cart)).status for place in range(4, 8)] == [200] * 4, "a service acts for many"
    (names,) = [key for key in redis.scan_iter(match="answer:*") if redis.type(key) == b"zset"]
    assert redis.zcard(names) == 3
    redis.zadd(names, {redis.zrange(names, 0, 0)[0]: 1})  # the oldest has expired
    assert (await add(8, CUSTOMER)).status == 200


async def test_a_cart_that_holds_nothing_is_forgotten_within_a_minute(guarded: Front, redis: Any) -> None:
    event, seats = await hall(guarded, 1)
    ids = [str(uuid4()) for _ in range(3)]
    item = {"event_id": event["id"], "price_id": event["tickets"][0]["id"], "seat_id": seats[0]}
    statuses = [(await guarded.call("POST", f"/v1/orders/carts/{cart}", item, headers=SHOP)).status for cart in ids[:2]]
    assert statuses == [200, 409]
    assert redis.pttl(f"cart:{{{ids[0]}}}") > 60_000
    assert 0 < redis.pttl(f"cart:{{{ids[1]}}}") <= 60_000
    assert (await guarded.call("DELETE", f"/v1/orders/carts/{ids[0]}", headers=SHOP)).status == 204
    assert 0 < redis.pttl(f"cart:{{{ids[0]}}}") <= 60_000
    assert (await guarded.call("DELETE", f"/v1/orders/carts/{ids[0]}", headers=SHOP)).status == 204
