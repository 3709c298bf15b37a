"""Signatures of callbacks: one message is signed, and cannot be read as another one."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from standardwebhooks import Webhook

from api.access.callback_signatures import CallbackSignatures
from api.http.problems import Problem
from engine.engine import Engine

SECRET = "whsec_" + "A" * 32
NOBODY = cast("Engine", None)
"""Callbacks with a wrong signature are not looked up."""


def headers(message_id: str, at: datetime, signature: str) -> dict[str, str]:
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


async def test_an_old_message_cannot_become_a_fresh_one() -> None:
    """An id with a dot takes the old time into itself, and the beginning of the body becomes a time that is fresh."""
    now, before = datetime.now(UTC), datetime.now(UTC) - timedelta(days=30)
    body = f'{int(now.timestamp())}.{{"amount": 1}}'
    signature = Webhook(SECRET).sign("msg_1", before, body)
    shifted = headers(f"msg_1.{int(before.timestamp())}", now, signature)
    Webhook(SECRET).verify('{"amount": 1}', dict(shifted))  # the attack itself: its signature is right
    with pytest.raises(Problem, match="no dot") as caught:
        await CallbackSignatures([SECRET], NOBODY).check(shifted, b'{"amount": 1}', "/v1/payments/1/complete")
    assert caught.value.status == 401
