"""`onsale token`: a token for development, as an issuer of tokens would make it."""

from collections.abc import Sequence

import msgspec

from api.access.callers import LIMITED, Role
from api.access.jwks import check_key_settings
from api.access.minting import minted
from api.http.text import CustomerId
from cli.errors import UserError
from engine.settings import Settings


def mint_token(settings: Settings, role: Role, sub: str, ttl_seconds: int, events: Sequence[int] | None = None) -> str:
    """A token signed with the secret of the settings. Raises UserError, or Misconfigured for one that is too short."""
    if not settings.jwt_secret:
        raise UserError(
            "ONSALE_JWT_SECRET is not set: set it to the secret of `onsale serve` (`openssl rand -hex 32` makes one). "
            "With public keys (ONSALE_JWT_JWKS), use the private key to make tokens."
        )
    check_key_settings(settings)
    if events is not None and role not in LIMITED:
        raise UserError("--events needs --role manager or gate: other roles are not limited to events")
    try:
        msgspec.convert(sub, CustomerId)
    except msgspec.ValidationError as error:
        raise UserError("--sub must be 1 to 64 visible ASCII characters") from error
    return minted(settings, role, sub, ttl_seconds, events)


def sign_in_link(url: str, token: str) -> str:
    """An address of the console that signs in. The token is behind the #, which a browser sends to no server."""
    return f"{url.rstrip('/')}/console#token={token}"
