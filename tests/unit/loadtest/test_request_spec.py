"""The requests of the benchmark: a server can read them, and each has a token of its customer's."""

import jwt
import msgspec
import pytest

from loadtest.bench.cluster import EVENTS, requests
from loadtest.bench.cluster import KEYED as KEYED_OF_ALL
from loadtest.bench.cluster import PLACES as PLACES_OF_ALL
from loadtest.bench.request_spec import HOLDS_WITH_A_TOKEN, RequestSpec
from loadtest.bench.stock import AVAILABILITY, GUARDED, KEYED, PLACES, bench_event
from loadtest.bench.venue import BEST_AVAILABLE, NAMED_SEATS


@pytest.mark.parametrize("asking", [PLACES, KEYED, NAMED_SEATS, BEST_AVAILABLE, GUARDED])
def test_a_hold_says_how_long_it_is_and_whose(asking: RequestSpec) -> None:
    head, _, body = asking.first("127.0.0.1:80", "round-").partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    assert start == "POST /v1/reservations HTTP/1.1"
    assert int(headers["Content-Length"]) == len(body)
    customer = msgspec.json.decode(body)["customer"]["id"]
    assert customer == "round-000000000"
    assert ("Authorization" in headers) == (asking.issuer is not None)
    assert ("Idempotency-Key" in headers) == asking.keyed
    if asking.issuer:
        token = headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, asking.issuer.jwt_secret, algorithms=["HS256"], audience="onsale", issuer="onsale")
        assert (claims["sub"], claims["role"]) == (customer, "customer")


def test_holds_on_a_cluster_are_of_all_partitions_and_each_has_a_key_of_its_own() -> None:
    sent = [text.decode() for text in requests(KEYED_OF_ALL, 64)]
    keys = {text.partition("Idempotency-Key: ")[2].partition("\r\n")[0] for text in sent}
    tickets = {msgspec.json.decode(text.partition("\r\n\r\n")[2])["items"][0]["ticket_id"] for text in sent}
    assert (len(keys), tickets) == (64, set(EVENTS))
    assert {event % 16 for event in EVENTS} == set(range(16))
    for text in sent:
        head, _, body = text.partition("\r\n\r\n")
        assert f"Content-Length: {len(body)}" in head
    assert "Idempotency-Key" not in next(requests(PLACES_OF_ALL, 1)).decode()


def test_every_customer_has_a_token_of_its_own() -> None:
    tokens = list(GUARDED.tokens("round-", 3))
    assert len(set(tokens)) == 3
    assert not list(PLACES.tokens("round-", 3))


def test_a_customer_takes_as_much_as_it_may() -> None:
    issuer = GUARDED.issuer
    assert issuer is not None
    assert GUARDED.times_each == HOLDS_WITH_A_TOKEN == issuer.live_holds <= issuer.customer_burst
    assert bench_event().max_per_customer == HOLDS_WITH_A_TOKEN * 2


def test_a_read_has_no_body() -> None:
    assert AVAILABILITY.first("a", "round-") == b"GET /v1/events/1/availability HTTP/1.1\r\nHost: a\r\n\r\n"
