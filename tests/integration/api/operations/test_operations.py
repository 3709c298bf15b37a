"""Operations: alive, ready, counted."""

import asyncio

from api.metrics import Metrics
from tests.support.api.api_client import Front


async def test_alive_and_ready(front: Front) -> None:
    for path in ("/healthz", "/readyz", "/healthz/", "/readyz/"):
        answer = await front.get(path)
        assert answer.status == 200
        assert answer.body["status"] in {"ok", "ready"}


async def test_requests_and_results_are_counted(front: Front) -> None:
    event = await front.event(1)
    await asyncio.gather(*(front.reserve((event["tickets"][0]["id"], 1)) for _ in range(4)))
    await front.get(f"/v1/events/{event['id']}")
    await front.get("/no/such/path/17")

    async with asyncio.timeout(5):
        response = await front.client.get("/metrics")
        text = await response.text()
    assert response.status == 200
    assert response.content_type == "text/plain"
    for line in (
        'onsale_requests_total{method="POST",route="/v1/reservations",status="201"} 1.0',
        'onsale_requests_total{method="POST",route="/v1/reservations",status="409"} 3.0',
        'onsale_requests_total{method="GET",route="/v1/events/{event_id}",status="200"} 1.0',
        'onsale_results_total{word="held"} 1.0',
        'onsale_results_total{word="sold_out"} 3.0',
        "onsale_queued_commands 0.0",
        'onsale_request_seconds_count{method="POST",route="/v1/reservations"} 4.0',
        'onsale_requests_total{method="PATCH",route="/v1/events/{event_id}",status="500"} 0.0',
        'onsale_requests_total{method="PATCH",route="/v1/events/{event_id}",status="503"} 0.0',
        'onsale_payments_total{outcome="unknown"} 0.0',
    ):
        assert line in text.splitlines()
    assert "/no/such/path" not in text, "what anybody makes up must not make new series"


def test_methods_that_a_client_makes_up_are_one_series() -> None:
    metrics = Metrics()
    observe = metrics.observer_of("/v1/events", "GET")
    for method in ("PROPFIND", "MADEUP", "GET"):
        observe(method, 405, 0.1)
    metrics.publish()
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    told = {sample.labels["method"] for sample in samples if "route" in sample.labels}
    assert told == {"GET", "other"}


async def test_a_request_has_an_id(front: Front) -> None:
    given = await front.call("GET", "/healthz", headers={"X-Request-ID": "my-id.7"})
    assert given.headers["X-Request-ID"] == "my-id.7"
    ours = [(await front.call("GET", "/v1/nothing", headers={"X-Request-ID": "no good"})).headers for _ in range(2)]
    ids = {headers["X-Request-ID"] for headers in ours}
    assert len(ids) == 2
    assert "no good" not in ids
