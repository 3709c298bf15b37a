"""Bearer tokens: a JWT becomes a Caller, once. A token that was verified costs a look-up until it expires."""

import re
import time
from binascii import a2b_base64, b2a_base64
from collections import OrderedDict
from functools import lru_cache
from types import TracebackType
from typing import Annotated, Any, Self

import jwt
import msgspec
from msgspec import Meta

from api.access.callers import LIMITED, Caller, Role
from api.access.jwks import Keyring, KeysAway
from api.http.problems import Code, Problem, unauthenticated
from api.http.requests import DatabaseId
from api.http.text import CustomerId
from engine.settings import Settings

_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)", re.ASCII | re.IGNORECASE)
_MISSING = re.compile(r"missing required field `(\w+)`")


class _Header(msgspec.Struct, frozen=True):
    """The fields of a token's header in use."""

    alg: str
    kid: str | None = None
    crit: Any = None


class _Claims(msgspec.Struct):
    """The claims of a token in use. `exp`, `nbf` and `iat` are Unix seconds."""

    iss: str
    aud: str | list[str]
    sub: CustomerId
    role: Role
    exp: int | float
    nbf: int | float = 0
    iat: int | float = 0
    events: Annotated[list[DatabaseId], Meta(max_length=1000)] | None = None
    jti: Annotated[str, Meta(max_length=200)] = ""


_LONGEST = 4096
"""Characters of the longest token that is looked at: there is no use for a longer one, and each costs its length."""

_ENTRY_BYTES, _EVENT_BYTES = 400, 64
"""About what a verified token takes beside its text, and what each of its events does."""

_WRONG = (jwt.PyJWTError, msgspec.DecodeError, ValueError, TypeError, ArithmeticError, RecursionError)
"""Errors of PyJWT and msgspec about something that is no token of ours."""

_STANDARD = bytes.maketrans(b"-_", b"+/")
_HEADER = msgspec.json.Decoder(_Header)
_CLAIMS = msgspec.json.Decoder(_Claims)


class Tokens:
    """Authentication of requests by their Authorization headers.

    An async context manager, which owns its keys.

    Verified tokens are remembered, those that were used last, in at most `jwt_cache_bytes`; all are forgotten when the
    keys change. A token has one spelling and is remembered once, however it is sent.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._verified: OrderedDict[str, Caller] = OrderedDict()
        self._verified_bytes = 0
        self._keys = Keyring(settings, self._forget)

    async def __aenter__(self) -> Self:
        await self._keys.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._keys.__aexit__(kind, error, trace)

    def known(self, authorization: str | None) -> Caller | None:
        """The caller of a header that was verified before and has not expired."""
        if authorization is None:
            return None
        if authorization.startswith("Bearer ") and not authorization.startswith("Bearer  "):
            token = authorization[len("Bearer ") :]  # as nearly all write it, so it need not be searched for
        else:
            token = _token(authorization)
        caller = self._verified.get(token)
        if caller is None:
            return None
        if caller.expires_at <= time.time():
            self._remove(token)
            return None
        self._verified.move_to_end(token)
        return caller

    async def caller(self, authorization: str | None) -> Caller:
        """The caller of a header. Raises Problem: unauthenticated, or unavailable while there are no keys."""
        if authorization is None:
            raise unauthenticated("Send a token: Authorization: Bearer <JWT>.", "invalid_request")
        if len(authorization) > _LONGEST + len("Bearer "):
            raise unauthenticated(f"The token is too long: it may have {_LONGEST} characters.", "invalid_token")
        token = _token(authorization)
        if not token:
            raise unauthenticated("The Authorization header must be `Bearer <JWT>`.", "invalid_request")
        try:
            header = _header_of(token)
            caller = self._verify(token, header, await self._keys.find(header.kid))
        except KeysAway as error:
            raise Problem(Code.UNAVAILABLE, "The keys that verify tokens cannot be read; try again.") from error
        except _WRONG as error:
            raise unauthenticated(_what_is_wrong(error), "invalid_token") from error
        self._remember(token, caller)
        return caller

    def caller_now(self, authorization: str | None) -> Caller | None:
        """The caller of a header, if its key is known; None for those of which `caller` may tell a problem."""
        token = _token(authorization) if authorization and len(authorization) <= _LONGEST else ""
        if not token:
            return None
        try:
            header = _header_of(token)
            caller = self._verify(token, header, self._keys.find_now(header.kid))
        except _WRONG:
            return None
        self._remember(token, caller)
        return caller

    def _remember(self, token: str, caller: Caller) -> None:
        self._remove(token)  # another request may have brought it meanwhile
        self._verified[token] = caller
        self._verified_bytes += _bytes_of(token, caller)
        while self._verified_bytes > self._settings.jwt_cache_bytes:
            self._remove(next(iter(self._verified)))

    def _remove(self, token: str) -> None:
        caller = self._verified.pop(token, None)
        if caller is not None:
            self._verified_bytes -= _bytes_of(token, caller)

    def _forget(self) -> None:
        self._verified.clear()
        self._verified_bytes = 0

    def _verify(self, token: str, header: _Header, key: jwt.PyJWK | None) -> Caller:
        """Raises whatever PyJWT and msgspec make of something that is no token of ours.

        PyJWT judges the signature. Its `decode` is not used, as it takes five times as long: it looks at each character
        and, once more, at the key. In a drop, most customers come for the first time.
        """
        signed, _, signature = token.encode().rpartition(b".")
        body = signed.partition(b".")[2]
        if key is None:
            raise jwt.InvalidKeyError
        if header.alg != key.algorithm_name:
            raise jwt.InvalidAlgorithmError
        given = _decoded(signature)
        if not (_is_canonical(signature, given) and key.Algorithm.verify(signed, key.key, given)):
            raise jwt.InvalidSignatureError
        claims = _CLAIMS.decode(_decoded(body))
        self._check(claims)
        events = None if claims.events is None else frozenset(claims.events)
        expires_at = claims.exp + self._settings.jwt_leeway_seconds
        return Caller(claims.role, claims.sub, events, expires_at, claims.jti)

    def _check(self, claims: _Claims) -> None:
        """Raises for a token that is not for us, or not now (RFC 7519, 4.1)."""
        settings, now = self._settings, time.time()
        if max(claims.iat, claims.nbf) > now + settings.jwt_leeway_seconds:
            raise jwt.ImmatureSignatureError
        if claims.exp <= now - settings.jwt_leeway_seconds:
            raise jwt.ExpiredSignatureError
        if claims.exp > now + settings.jwt_longest_seconds + settings.jwt_leeway_seconds:
            raise _TooLongLived
        if claims.iss != settings.jwt_issuer:
            raise jwt.InvalidIssuerError
        if settings.jwt_audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
            raise jwt.InvalidAudienceError
        if claims.events is not None and claims.role not in LIMITED:
            raise msgspec.ValidationError("events")


class _TooLongLived(jwt.InvalidTokenError):
    """It would be good for longer than a token may."""


def _token(authorization: str) -> str:
    """The token of a header; empty if it is none."""
    match = _BEARER.fullmatch(authorization)
    return match[1] if match else ""


def _bytes_of(token: str, caller: Caller) -> int:
    return len(token) + _ENTRY_BYTES + _EVENT_BYTES * len(caller.events or ())


def _is_canonical(text: bytes, decoded: bytes) -> bool:
    """True if base64url has no bits behind the last byte: else a signature had several spellings (RFC 4648, 3.5)."""
    return b2a_base64(decoded, newline=False).rstrip(b"=") == text.translate(_STANDARD)


def _header_of(token: str) -> _Header:
    return _header(token.partition(".")[0].encode())


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
    """The remedy for an invalid token. It contains no part of the token."""
    match error:
        case jwt.ExpiredSignatureError():
            return "The token has expired; get a new one."
        case _TooLongLived():
            return "The token expires too late; get one that expires earlier."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet; wait, or set the clock of its issuer."
        case jwt.InvalidAudienceError():
            return "The token is for another audience: its `aud` must be this shop's."
        case jwt.InvalidIssuerError():
            return "The token is from another issuer: its `iss` must be the one that this shop accepts."
        case jwt.InvalidAlgorithmError():
            return "The algorithm of the token's signature does not fit its key."
        case jwt.InvalidSignatureError() | jwt.InvalidKeyError():
            return "The token is not signed with a key of this shop; get a new one."
        case msgspec.ValidationError():
            missing = _MISSING.search(str(error))
            if missing:
                return f"The token says nothing of `{missing[1]}`; it needs exp, iss, aud, sub, role."
            return (
                "The token's claims cannot be used. `sub` is 1 to 64 visible ASCII characters, and `exp` a number of "
                "seconds. `role` is customer, service, manager or gate. Only the last two may have `events`, a list of "
                "ids."
            )
        case _:
            return "The token is not valid; get a new one."
