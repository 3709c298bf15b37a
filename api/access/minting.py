"""Tokens signed with the secret of the settings, as an issuer would make them: for development."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from api.access.callers import Role
from api.access.jwks import HMAC_ALGORITHM
from engine.settings import Settings


def minted(settings: Settings, role: Role, sub: str, ttl_seconds: int, events: Sequence[int] | None = None) -> str:
    """A token. `events`: those that it is good for; None: all. The settings must have a secret."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": sub,
        "role": role.value,
        "iat": now,
        "exp": now + timedelta(seconds=ttl_seconds),
    }
    if events is not None:
        claims["events"] = list(events)
    return jwt.encode(claims, settings.jwt_secret, HMAC_ALGORITHM)
