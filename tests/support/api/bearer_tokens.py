"""Tokens of callers, right and wrong, and how they are answered."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest

from api.access.tokens import Tokens
from api.http.problems import Problem
from tests.support.api.signing_keys import claims

SHARED = "a secret of thirty-two bytes or more"
"""The secret that tokens are signed with."""


def hs256(key: str = SHARED, *, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, "HS256", headers=headers)


def handmade(header: Any, payload: Any, signature: str = "") -> str:
    parts = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload))
    return f"{'.'.join(parts)}.{signature or 'AAAA'}"


async def refused(tokens: Tokens, token: str | None) -> Problem:
    with pytest.raises(Problem) as caught:
        await tokens.caller(None if token is None else f"Bearer {token}")
    problem = caught.value
    assert tokens.known(f"Bearer {token}") is None
    assert tokens.caller_now(None if token is None else f"Bearer {token}") is None
    assert (problem.status, problem.headers["WWW-Authenticate"].split(",")[0]) == (401, 'Bearer realm="onsale"')
    said = str(problem.reply().headers) + problem.detail
    assert not token or token not in said
    return problem


async def is_taken(tokens: Tokens, token: str) -> bool:
    try:
        await tokens.caller(f"Bearer {token}")
    except Problem:
        return False
    return True
