"""The time for which an endpoint asks not to be called."""

from datetime import UTC, datetime

import pytest

from sync.webhooks.sender import retry_after_ms

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", 0),
        ("0", 0),
        ("7", 7000),
        ("99999999999999999999", 3_600_000),
        ("-7", 0),
        ("1.5", 0),
        ("soon", 0),
        ("Fri, 01 Jan 2027 12:00:07 GMT", 7000),
        ("Fri, 01 Jan 2027 12:00:07 -0000", 7000),
        ("Fri, 01 Jan 2027 11:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3_600_000),
        ("Fri, 99 Jan 2027 12:00:07 GMT", 0),
    ],
)
def test_seconds_or_a_date_within_an_hour(value: str, expected: int) -> None:
    assert retry_after_ms(value, NOW) == expected
