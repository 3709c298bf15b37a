"""Reasons for the audit log: whatever bytes a header has, the log gets a text that Postgres can keep."""

import pytest

from api.access.reasons import reason_text


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"storm", "storm"),
        (b"", ""),
        (b"UTF-8''Ausverkauft%20f%C3%BCr%2010%20%E2%82%AC", "Ausverkauft für 10 €"),
        (b"utf-8''%41", "A"),
        ("für 10 €".encode(), "für 10 €"),
        ("für".encode("latin-1"), "für"),
        (b"UTF-8''%FF", "ÿ"),
        (b"UTF-8''a%00b%0Ac", "a b c"),
        (b"x" * 501, "x" * 500),
        (b"100%", "100%"),
    ],
)
def test_a_reason_is_a_text(header: bytes, reason: str) -> None:
    assert reason_text(header.decode("utf-8", "surrogateescape")) == reason
