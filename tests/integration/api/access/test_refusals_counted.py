"""Requests refused because of their caller: counted by reason, and logged with an example once a second."""

from structlog.testing import capture_logs

from api.access.callers import Role
from tests.integration.api.access.test_access import SHARED, WATCHER, open_sale
from tests.integration.api.conftest import StartApi
from tests.support.waiting import wait_until


async def test_refused_requests_are_counted_with_their_reasons(start_api: StartApi) -> None:
    front = await start_api(
        auth="jwt", jwt_secret=SHARED, metrics_token=WATCHER, customer_per_minute=1, customer_burst=2
    )
    sale = await open_sale(front)
    reserve = {"items": [{"ticket_id": sale.general, "quantity": 1}]}
    with capture_logs() as lines:
        for asker, method, path, body, status in (
            ("nobody", "GET", "/v1/reservations", None, 401),
            ("owner", "POST", "/v1/events", {"name": "Mine", "starts_at": "2027-06-01T18:00:00Z"}, 403),
            ("of_another", "PATCH", sale.event_path, {"name": "Mine"}, 403),
            ("owner", "POST", "/v1/reservations", reserve, 201),
            ("owner", "POST", "/v1/reservations", reserve, 201),
            ("owner", "POST", "/v1/reservations", reserve, 429),
        ):
            assert (await sale.ask(asker, method, path, body)).status == status
        bad = {"Authorization": f"Bearer {sale.token(Role.CUSTOMER, 'x')}x", "X-Request-ID": "forged-1"}
        assert (await front.call("GET", "/v1/reservations", headers=bad)).status == 401
        await wait_until(lambda: len([line for line in lines if line["event"] == "requests_refused"]) == 5)
    counted = await front.client.get("/metrics", headers={"Authorization": f"Bearer {WATCHER}"})
    text = await counted.text()
    for route, status, reason in (
        ("/v1/reservations", 401, "invalid_request"),
        ("/v1/reservations", 401, "invalid_token"),
        ("/v1/events", 403, "insufficient_scope"),
        ("/v1/events/{event_id}", 403, "insufficient_scope"),
        ("/v1/reservations", 429, "customer"),
    ):
        series = f'onsale_refused_requests_total{{reason="{reason}",route="{route}",status="{status}"}} 1.0'
        assert series in text, series
    told = {(line["route"], line["reason"]): line for line in lines if line["event"] == "requests_refused"}
    forged = told["/v1/reservations", "invalid_token"]
    assert (forged["request_id"], forged["address"], forged["sub"], forged["count"]) == ("forged-1", "127.0.0.1", "", 1)
    assert "does not cover event" in told["/v1/events/{event_id}", "insufficient_scope"]["detail"]
    assert told["/v1/reservations", "customer"]["sub"] == "owner"
    assert sale.tokens["owner"] not in str(lines)
