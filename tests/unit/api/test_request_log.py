"""The log entries of requests that were slow or could not be served."""

import asyncio

from structlog.testing import capture_logs

from api.request_log import Asker, Refused, RequestLog


def test_a_thousand_refusals_are_one_line() -> None:
    requests = RequestLog()
    with capture_logs() as lines:
        for number in range(1000):
            requests.note("POST", "/v1/reservations", 503, number / 1000, f"id-{number}")
        requests.note("GET", "/v1/events", 200, 1.5, "slow")
        assert not lines
        requests.tell()
        requests.tell()
    assert lines == [
        {
            "event": "requests",
            "log_level": "warning",
            "method": "POST",
            "route": "/v1/reservations",
            "status": 503,
            "count": 1000,
            "slowest_seconds": 0.999,
            "request_id": "id-999",
        },
        {
            "event": "requests",
            "log_level": "warning",
            "method": "GET",
            "route": "/v1/events",
            "status": 200,
            "count": 1,
            "slowest_seconds": 1.5,
            "request_id": "slow",
        },
    ]


async def test_pending_lines_are_logged_at_the_end() -> None:
    requests = RequestLog()
    with capture_logs() as lines:
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(requests.tell_every_second())
            await asyncio.sleep(0)
            requests.note("GET", "/v1/events", 503, 0.0, "last")
            telling.cancel()
    assert [line["request_id"] for line in lines] == ["last"]


def test_a_thousand_forged_tokens_are_one_line() -> None:
    requests = RequestLog()
    with capture_logs() as lines:
        for number in range(1000):
            refused = Refused("/v1/reservations", 401, "invalid_token")
            requests.note_refused(refused, Asker("192.0.2.1", "", "The token is not signed by us.", f"id-{number}"))
        requests.tell()
        requests.tell()
    assert [(line["event"], line["count"], line["reason"], line["request_id"]) for line in lines] == [
        ("requests_refused", 1000, "invalid_token", "id-999")
    ]
