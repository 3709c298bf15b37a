"""The keys that tokens are verified with: one secret, or the public keys of a JWKS file or URL, which may change.

Every key is good for one algorithm, which it brings with it; what a token's header says never chooses another. So there
is no `none`, and no public key that is taken for a secret.
"""

import asyncio
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import jwt
import msgspec
import structlog

from api.access.loopback import is_loopback
from engine.errors import Misconfigured
from engine.settings import Settings

log = structlog.get_logger(__name__)

HMAC_ALGORITHM = "HS256"
PUBLIC_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
MIN_SECRET_BYTES = 32
"""RFC 7518, 3.2: a key as long as the hash, at least."""

_MAX_DOCUMENT_BYTES = 1_000_000
_MAX_KEYS = 100
_MAX_RSA_BITS = 8192
"""A check with a longer key would hold up everybody else: it takes as long as the square of its bits."""

_MAX_EXPONENT_BITS = 64
_LONGEST_ERROR = 200


class KeysAway(Exception):
    """There are no keys: their document could not be read so far."""


class _JwkSet(msgspec.Struct):
    keys: list[dict[str, Any]]


class _JwkHead(msgspec.Struct):
    """The fields of an entry that are checked before a key is built from it."""

    kty: str
    kid: str | None = None
    alg: str | None = None
    use: str = "sig"


class Keyring:
    """Finds the key of a token. An async context manager: within it, a JWKS document is read again every now and then.

    Entering reads it for the first time; where that fails, or later, the keys that are known stay good.
    """

    def __init__(self, settings: Settings, on_change: Callable[[], None]) -> None:
        check_key_settings(settings)
        self._settings = settings
        self._source = settings.jwt_jwks
        self._on_change = on_change
        self._secret = secret_key(settings.jwt_secret) if settings.jwt_secret else None
        self._document = b""
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()
        self._refreshing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        if self._secret is None:
            await self._refresh()
            self._refreshing = self._tasks.create_task(self._refresh_for_ever(), name="keyring")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key of that id; the only one where none is named. Of an unknown id the document is looked at again.

        That happens once for all that ask meanwhile, and not again for `jwks_pause_ms`. Raises KeysAway.
        """
        key = self.find_now(key_id)
        if key is None:
            async with self._lock:
                if time.monotonic() - self._read_at >= self._settings.jwks_pause_ms / 1000:
                    await self._refresh()
            key = self.find_now(key_id)
            if not self._keys:
                raise KeysAway
        return key

    def find_now(self, key_id: str | None) -> jwt.PyJWK | None:
        """The same, among the keys that are known."""
        if self._secret is not None:
            return self._secret
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    async def _refresh_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.jwks_refresh_ms / 1000)
            async with self._lock:
                await self._refresh()

    async def _refresh(self) -> None:
        """Reads the document; if that fails, it logs the failure and keeps the keys that it has."""
        self._read_at = time.monotonic()
        try:
            document = await read_jwks(self._settings)
            if document == self._document:
                return
            keys = parse_jwks(document)
        except Exception as error:  # whatever a document is, it must not end the server
            log.warning(
                "keys_not_read",
                source=self._source,
                error=(str(error) or type(error).__name__)[:_LONGEST_ERROR],
                consequence="the keys stay as they were",
            )
            return
        self._document, self._keys = document, keys
        log.info("keys_read", source=self._source, key_ids=[str(key_id) for key_id in keys])
        self._on_change()  # what was verified with a key that is gone must not stay good


def check_key_settings(settings: Settings) -> None:
    """Raises Misconfigured, with what to set, unless there is one key or one place to read keys from."""
    secret, source = settings.jwt_secret, settings.jwt_jwks
    if bool(secret) == bool(source):
        raise Misconfigured(
            ("two keys for tokens" if secret else "no key to verify tokens with")
            + ": set either ONSALE_JWT_SECRET (for HS256, make one with `openssl rand -hex 32`) or ONSALE_JWT_JWKS (a "
            "file or URL with public keys); or serve with --auth off, on loopback"
        )
    if secret and len(secret.encode()) < MIN_SECRET_BYTES:
        raise Misconfigured(
            f"ONSALE_JWT_SECRET must have {MIN_SECRET_BYTES} bytes or more: make one with `openssl rand -hex 32`"
        )
    if secret:
        secret_key(secret)
    parts = urlsplit(source)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise Misconfigured(
            "ONSALE_JWT_JWKS must be https://, a file, or on loopback: anybody who can change it can forge tokens"
        )
    if not (settings.jwt_issuer and settings.jwt_audience):
        raise Misconfigured(
            "ONSALE_JWT_ISSUER and ONSALE_JWT_AUDIENCE must name the issuer and the audience of accepted tokens"
        )


async def check_keys(settings: Settings) -> None:
    """Raises Misconfigured if tokens could not be verified now."""
    check_key_settings(settings)
    if settings.jwt_jwks:
        try:
            parse_jwks(await read_jwks(settings))
        except ValueError as error:
            raise Misconfigured(f"ONSALE_JWT_JWKS cannot be used: {error}") from error


def secret_key(secret: str) -> jwt.PyJWK:
    """The key of HS256. Raises Misconfigured for what is the key of another algorithm."""
    encoded = urlsafe_b64encode(secret.encode()).decode().rstrip("=")
    key = jwt.PyJWK({"kty": "oct", "k": encoded}, HMAC_ALGORITHM)
    try:
        key.Algorithm.prepare_key(key.key)
    except jwt.InvalidKeyError as error:
        raise Misconfigured(
            "ONSALE_JWT_SECRET is a public key or a certificate, which is not secret: make a secret with "
            "`openssl rand -hex 32`, or give public keys by ONSALE_JWT_JWKS"
        ) from error
    return key


async def read_jwks(settings: Settings) -> bytes:
    """The JWKS document. Raises ValueError with why it cannot be read."""
    source, seconds = settings.jwt_jwks, settings.jwks_timeout_ms / 1000
    try:
        async with asyncio.timeout(seconds):
            if urlsplit(source).scheme not in ("http", "https"):
                return await asyncio.to_thread(_read_file, Path(source))
            async with (
                aiohttp.ClientSession() as session,
                session.get(source, allow_redirects=False, raise_for_status=True) as response,
            ):
                if response.status != 200:
                    raise ValueError(f"status {response.status}")
                return await _body(response)
    except TimeoutError as error:
        raise ValueError(f"no answer within {seconds:g} s") from error
    except (OSError, aiohttp.ClientError) as error:
        raise ValueError(str(error)) from error


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        document = file.read(_MAX_DOCUMENT_BYTES + 1)
    if len(document) > _MAX_DOCUMENT_BYTES:
        raise ValueError(f"it has more than {_MAX_DOCUMENT_BYTES} bytes")
    return document


def _check_entry(entry: dict[str, Any]) -> None:
    """Raises ValueError for a key whose checks would take too long, or a private one, before it is computed with."""
    if "d" in entry:
        raise ValueError("it is a private key; publish the public half alone, and make another one")
    for member, bits in (("n", _MAX_RSA_BITS), ("e", _MAX_EXPONENT_BITS)):
        number = entry.get(member)
        if entry.get("kty") == "RSA" and isinstance(number, str) and len(number.rstrip("=")) > -(-bits // 6):
            raise ValueError(f"`{member}` of an RSA key may have {bits} bits")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    document = bytearray()
    async for chunk in response.content.iter_any():
        document += chunk
        if len(document) > _MAX_DOCUMENT_BYTES:
            raise ValueError(f"it has more than {_MAX_DOCUMENT_BYTES} bytes")
    return bytes(document)


def parse_jwks(document: bytes) -> dict[str | None, jwt.PyJWK]:
    """The keys that sign, by their id. Raises ValueError if there are none."""
    try:
        listed = msgspec.json.decode(document, type=_JwkSet).keys
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not a JSON Web Key Set: {error}") from error
    if len(listed) > _MAX_KEYS:
        raise ValueError(f"it has more than {_MAX_KEYS} keys")
    keys: dict[str | None, jwt.PyJWK] = {}
    for entry in listed:
        try:
            head = msgspec.convert(entry, _JwkHead)
            if head.use != "sig" or head.kty == "oct" or head.alg not in {None, *PUBLIC_ALGORITHMS}:
                continue
            _check_entry(entry)
            key = jwt.PyJWK(entry)
            too_short = key.Algorithm.check_key_length(key.key)
            if too_short:
                raise jwt.InvalidKeyError(too_short)
            keys[head.kid] = key
        except Exception as error:  # a library's, about what is no key; the other keys are good all the same
            log.warning(
                "key_not_usable", key_id=str(entry.get("kid"))[:_LONGEST_ERROR], error=str(error)[:_LONGEST_ERROR]
            )
    if not keys:
        raise ValueError(f"there is no public key in it for any of {', '.join(sorted(PUBLIC_ALGORITHMS))}")
    return keys
