"""`onsale token`: a token for development, as an issuer of tokens would make it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import msgspec

from api.bodies import CustomerId
from api.callers import Role
from api.keyring import HMAC_ALGORITHM, check_key_settings
from cli.complaints import Complaint
from engine.settings import Settings


def mint_token(settings: Settings, role: Role, sub: str, ttl_seconds: int, events: Sequence[int] | None = None) -> str:
    """A token signed with the secret of the settings. Raises Complaint, or Misconfigured for one that is too short."""
    if not settings.jwt_secret:
        raise Complaint(
            "tokens are made here with ONSALE_JWT_SECRET, which is not set: set it to that of `onsale serve` (make one "
            "with `openssl rand -hex 32`); with public keys (ONSALE_JWT_JWKS), who has the private ones makes tokens"
        )
    check_key_settings(settings)
    if events is not None and role is not Role.MANAGER:
        raise Complaint("--events goes with --role manager: the others are not bound to events")
    try:
        msgspec.convert(sub, CustomerId)
    except msgspec.ValidationError as error:
        raise Complaint("--sub must be 1 to 64 visible ASCII characters") from error
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
