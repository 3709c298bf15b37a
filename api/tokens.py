"""Bearer tokens: a JWT becomes a Caller, once. A token that was verified costs a look-up until it expires."""

import re
import time
from binascii import a2b_base64
from collections import OrderedDict
from functools import lru_cache
from types import TracebackType
from typing import Annotated, Any, Self

import jwt
import msgspec
from msgspec import Meta

from api.bodies import CustomerId, DatabaseId
from api.callers import Caller, Role
from api.keyring import Keyring, KeysAway
from api.problems import Code, Problem, unauthenticated
from engine.settings import Settings

_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)", re.ASCII | re.IGNORECASE)
_MISSING = re.compile(r"missing required field `(\w+)`")


class _Header(msgspec.Struct, frozen=True):
    """What is read of a token's header."""

    alg: str
    kid: str | None = None
    crit: Any = None


class _Claims(msgspec.Struct):
    """What is read of a token's claims. `exp`, `nbf` and `iat` are Unix seconds."""

    iss: str
    aud: str | list[str]
    sub: CustomerId
    role: Role
    exp: int | float
    nbf: int | float = 0
    iat: int | float = 0
    events: Annotated[list[DatabaseId], Meta(max_length=1000)] | None = None


_STANDARD = bytes.maketrans(b"-_", b"+/")
_HEADER = msgspec.json.Decoder(_Header)
_CLAIMS = msgspec.json.Decoder(_Claims)


class Tokens:
    """Who sends requests, by their Authorization headers. An async context manager, for its keys.

    Verified tokens are remembered, those that were used last, at most `jwt_cached_tokens`; all are forgotten when the
    keys change.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._verified: OrderedDict[str, Caller] = OrderedDict()
        self._keys = Keyring(settings, self._verified.clear)

    async def __aenter__(self) -> Self:
        await self._keys.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._keys.__aexit__(kind, error, trace)

    def known(self, authorization: str | None) -> Caller | None:
        """The caller of a header that was verified before and has not expired."""
        caller = self._verified.get(authorization)  # type: ignore[arg-type]  # None is never there
        if caller is None or caller.expires_at <= time.time():
            return None
        self._verified.move_to_end(authorization)  # type: ignore[arg-type]  # it is there
        return caller

    async def caller(self, authorization: str | None) -> Caller:
        """The caller of a header. Raises Problem: unauthenticated, or unavailable while there are no keys."""
        if authorization is None:
            raise unauthenticated("Send a token: Authorization: Bearer <JWT>.", "invalid_request")
        match = _BEARER.fullmatch(authorization)
        if match is None:
            raise unauthenticated("The Authorization header must be `Bearer <JWT>`.", "invalid_request")
        try:
            caller = await self._verify(match[1])
        except KeysAway as error:
            raise Problem(Code.UNAVAILABLE, "The keys to verify tokens with cannot be read; try again.") from error
        except (jwt.PyJWTError, msgspec.DecodeError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise unauthenticated(_what_is_wrong(error), "invalid_token") from error
        self._verified[authorization] = caller
        if len(self._verified) > self._settings.jwt_cached_tokens:
            self._verified.popitem(last=False)
        return caller

    async def _verify(self, token: str) -> Caller:
        """Raises whatever PyJWT and msgspec make of something that is no token of ours.

        The signature is PyJWT's to judge. Its `decode` is not used: it takes five times as long, most of it to look at
        each character and, once more, at the key; and in a drop most customers come for the first time.
        """
        signed, _, signature = token.encode().rpartition(b".")
        head, _, body = signed.partition(b".")
        header = _header(head)
        key = await self._keys.find(header.kid)
        if key is None:
            raise jwt.InvalidKeyError
        if header.alg != key.algorithm_name:
            raise jwt.InvalidAlgorithmError
        if not key.Algorithm.verify(signed, key.key, _decoded(signature)):
            raise jwt.InvalidSignatureError
        claims = _CLAIMS.decode(_decoded(body))
        self._check(claims)
        events = None if claims.events is None else frozenset(claims.events)
        return Caller(claims.role, claims.sub, events, claims.exp + self._settings.jwt_leeway_seconds)

    def _check(self, claims: _Claims) -> None:
        """Raises for a token that is not for us, or not now (RFC 7519, 4.1)."""
        settings, now = self._settings, time.time()
        if max(claims.iat, claims.nbf) > now + settings.jwt_leeway_seconds:
            raise jwt.ImmatureSignatureError
        if claims.exp <= now - settings.jwt_leeway_seconds:
            raise jwt.ExpiredSignatureError
        if claims.iss != settings.jwt_issuer:
            raise jwt.InvalidIssuerError
        if settings.jwt_audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
            raise jwt.InvalidAudienceError
        if claims.events is not None and claims.role is not Role.MANAGER:
            raise msgspec.ValidationError("events")


@lru_cache(maxsize=64)
def _header(text: bytes) -> _Header:
    """The header of a token, the same for all of a key. Raises PyJWTError for one that asks for what we do not know."""
    try:
        header = _HEADER.decode(_decoded(text))
    except msgspec.DecodeError as error:
        raise jwt.DecodeError from error
    if header.crit is not None:
        raise jwt.InvalidTokenError("crit")
    return header


def _decoded(text: bytes) -> bytes:
    """The bytes of base64url without padding. Raises ValueError."""
    return a2b_base64(text.translate(_STANDARD) + b"=" * (-len(text) % 4))


def _what_is_wrong(error: Exception) -> str:
    """What to do about a token. Nothing of the token is in it."""
    match error:
        case jwt.ExpiredSignatureError():
            return "The token has expired; get a new one."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet; wait, or set the clock of who issues it."
        case jwt.InvalidAudienceError():
            return "The token is for somebody else: its `aud` must be this shop's."
        case jwt.InvalidIssuerError():
            return "The token is from somebody else: its `iss` must be the one that this shop takes."
        case jwt.InvalidAlgorithmError():
            return "The token is signed by an algorithm that its key is not for."
        case jwt.InvalidSignatureError() | jwt.InvalidKeyError():
            return "The token is not signed with a key of this shop; get a new one."
        case msgspec.ValidationError():
            missing = _MISSING.search(str(error))
            if missing:
                return f"The token says nothing of `{missing[1]}`; it needs exp, iss, aud, sub, role."
            return (
                "The token's claims cannot be used: `sub` is 1 to 64 visible ASCII characters, `role` is customer, "
                "service or manager, `events` (of managers only) a list of ids, `exp` a number of seconds."
            )
        case _:
            return "This is no token that can be used; get a new one."
