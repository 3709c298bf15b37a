"""Public keys of issuers: those of a file, those that are fetched, and those that are left out."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from api.access.jwks import check_keys
from api.access.tokens import Tokens
from api.http.problems import Problem
from engine.errors import Misconfigured
from engine.settings import Settings
from tests.support.api.bearer_tokens import handmade, is_taken, refused
from tests.support.api.signing_keys import claims, jwks, private_key, public_jwk, signed
from tests.support.waiting import wait_until

PUBLIC = ("RS256", "PS512", "ES256", "EdDSA")


class Issuer:
    """Publishes keys, and counts how often it is asked."""

    def __init__(self) -> None:
        self.document, self.status, self.asked = jwks(public_jwk("ES256")), 200, 0
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        await self.open.wait()
        return web.Response(text=self.document, status=self.status)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def issuer_url(stack: AsyncExitStack, issuer: Issuer) -> str:
    app = web.Application()
    app.router.add_get("/keys", issuer.answer)
    server = await stack.enter_async_context(TestServer(app))
    return str(server.make_url("/keys"))


@pytest.mark.parametrize("algorithm", PUBLIC)
async def test_public_keys_of_a_file(stack: AsyncExitStack, tmp_path: Path, algorithm: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(jwks(*map(public_jwk, PUBLIC)))
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_jwks=str(file))))
    assert (await tokens.caller(f"Bearer {signed(algorithm)}")).sub == "22"
    await refused(tokens, signed(algorithm, 1, kid=f"{algorithm}-0"))


async def test_a_public_key_is_no_secret(stack: AsyncExitStack, tmp_path: Path) -> None:
    """Whatever form of the public key an attacker signs with."""
    file = tmp_path / "keys.json"
    file.write_text(jwks(public_jwk("RS256"), {"kty": "oct", "k": "c2VjcmV0", "kid": "oct", "alg": "HS256"}))
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_jwks=str(file))))
    public = private_key("RS256").public_key()
    header = {"alg": "HS256", "kid": "RS256-0"}
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(public_jwk("RS256")).encode(),
        b"secret",
    ):
        for kid in ("RS256-0", "oct"):
            signing = handmade(header | {"kid": kid}, claims(role="manager")).rsplit(".", 1)[0]
            made = jwt.get_algorithm_by_name("HS256").sign(signing.encode(), secret)
            await refused(tokens, f"{signing}.{urlsafe_b64encode(made).decode().rstrip('=')}")
    await refused(tokens, jwt.encode(claims(), private_key("RS256"), "RS512", headers={"kid": "RS256-0"}))


async def test_a_key_without_a_name_is_found_if_it_is_the_only_one(stack: AsyncExitStack, tmp_path: Path) -> None:
    file, nameless = tmp_path / "keys.json", jwt.encode(claims(), private_key("ES256"), "ES256")
    for keys, taken in (([public_jwk("ES256")], True), ([public_jwk("ES256"), public_jwk("RS256")], False)):
        file.write_text(jwks(*keys))
        async with Tokens(Settings(jwt_jwks=str(file))) as tokens:
            if taken:
                assert (await tokens.caller(f"Bearer {nameless}")).sub == "22"
            else:
                await refused(tokens, nameless)


async def test_keys_that_do_not_sign_are_left_out(stack: AsyncExitStack, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(
        jwks(
            public_jwk("RS256", use="enc"),
            public_jwk("ES256", alg="none"),
            public_jwk("EdDSA", kid=7),
            {"kty": "RSA", "kid": "half", "n": "AQAB"},
            public_jwk("PS512"),
        )
    )
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_jwks=str(file))))
    assert (await tokens.caller(f"Bearer {signed('PS512')}")).sub == "22"
    for algorithm in ("RS256", "ES256", "EdDSA"):
        await refused(tokens, signed(algorithm))


async def test_an_unknown_key_is_looked_for_once(stack: AsyncExitStack, issuer: Issuer, issuer_url: str) -> None:
    settings = Settings(jwt_jwks=issuer_url, jwks_pause_ms=1)
    tokens = await stack.enter_async_context(Tokens(settings))
    for _ in range(3):
        await tokens.caller(f"Bearer {signed('ES256', sub=str(_))}")
    assert issuer.asked == 1, "not per request"
    issuer.document = jwks(public_jwk("ES256"), public_jwk("RS256"))
    await wait_until(partial(is_taken, tokens, signed("RS256")), what="the pause is over")
    assert issuer.asked == 2


async def test_many_unknown_keys_at_once_cost_one_look(stack: AsyncExitStack, issuer: Issuer, issuer_url: str) -> None:
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_jwks=issuer_url, jwks_pause_ms=60_000)))
    await asyncio.gather(*(refused(tokens, signed("ES256", kid=f"unknown-{number}")) for number in range(20)))
    assert issuer.asked == 1, "the start was a look, and the pause is not over"


async def test_keys_are_read_again_and_what_was_verified_with_others_is_forgotten(
    stack: AsyncExitStack, issuer: Issuer, issuer_url: str
) -> None:
    settings = Settings(jwt_jwks=issuer_url, jwks_refresh_ms=10, jwks_pause_ms=60_000)
    tokens = await stack.enter_async_context(Tokens(settings))
    header = f"Bearer {signed('ES256')}"
    await tokens.caller(header)
    issuer.status = 500
    before = issuer.asked
    await wait_until(lambda: issuer.asked > before + 2)
    assert tokens.known(header), "keys that are known stay good"
    issuer.status = 200
    for document in UNUSABLE:
        issuer.document, before = document, issuer.asked
        await wait_until(lambda before=before: issuer.asked > before + 2)  # type: ignore[misc]
        assert tokens.known(header), "whatever comes"
        assert await is_taken(tokens, signed("ES256", sub="23"))
    issuer.status, issuer.document = 200, jwks(public_jwk("RS256"))
    await wait_until(lambda: tokens.known(header) is None)
    await refused(tokens, header.removeprefix("Bearer "))


async def test_an_issuer_that_is_away_at_the_start(stack: AsyncExitStack, issuer: Issuer, issuer_url: str) -> None:
    settings = Settings(jwt_jwks=issuer_url, jwks_timeout_ms=50, jwks_pause_ms=1)
    issuer.open.clear()
    with pytest.raises(Misconfigured, match=r"no answer within 0\.05 s"):
        await check_keys(settings)
    tokens = await stack.enter_async_context(Tokens(settings))
    with pytest.raises(Problem) as caught:
        await tokens.caller(f"Bearer {signed('ES256')}")
    assert caught.value.status == 503
    issuer.open.set()

    await wait_until(partial(is_taken, tokens, signed("ES256")))


def long_rsa(bits: int) -> dict[str, Any]:
    number = urlsafe_b64encode((2 ** (bits - 1) + 1).to_bytes(bits // 8, "big")).decode().rstrip("=")
    return {"kty": "RSA", "kid": "long", "alg": "RS256", "n": number, "e": "AQAB"}


UNUSABLE = (
    '{"keys": [{"a": ' + "[" * 200_000 + "]" * 200_000 + "}]}",
    "{" * 100_000,
    jwks(long_rsa(524_288)),
    jwks({"kty": "RSA", "kid": "x", "n": [], "e": {}}),
    jwks({"kty": "EC", "kid": "x", "crv": "P-256", "x": "\u0000", "y": "AA"}),
    jwks({"kty": "OKP", "kid": "x", "crv": "Ed25519", "x": "A" * 100_000}),
    "\u0000\ud7ff",
    "",
)
"""Documents that an attacker of an issuer may publish."""


@pytest.mark.parametrize(
    "entry",
    [
        long_rsa(8200),
        long_rsa(524_288),
        long_rsa(4096) | {"e": "A" * 1000},
        RSAAlgorithm.to_jwk(private_key("RS256"), as_dict=True) | {"kid": "long"},
    ],
)
async def test_keys_that_cost_too_much_are_left_out(
    stack: AsyncExitStack, tmp_path: Path, entry: dict[str, Any]
) -> None:
    file = tmp_path / "keys.json"
    file.write_text(jwks(public_jwk("ES256"), entry))
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_jwks=str(file))))
    assert await tokens._keys.find("long") is None
    assert await is_taken(tokens, signed("ES256"))


async def test_a_key_of_8192_bitsis_taken(stack: AsyncExitStack, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(jwks(long_rsa(8192)))
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_jwks=str(file))))
    assert await tokens._keys.find("long") is not None


@pytest.mark.parametrize(
    ("document", "status", "told"),
    [
        ("not json", 200, "not a JSON Web Key Set"),
        ('{"keys": []}', 200, "no public key"),
        ("[]", 200, "not a JSON Web Key Set"),
        ('{"keys": [{"a": ' + "[" * 400_000 + "]" * 400_000 + "}]}", 200, "not a JSON Web Key Set"),
        ("[" * 900_000, 200, "not a JSON Web Key Set"),
        (jwks(*[public_jwk("ES256")] * 101), 200, "more than 100 keys"),
        ("x" * 1_100_000, 200, "more than 1000000 bytes"),
        ("{}", 302, "status 302"),
        ("{}", 404, "404"),
    ],
)
async def test_documents_that_cannot_be_used(
    issuer: Issuer, issuer_url: str, document: str, status: int, told: str
) -> None:
    issuer.document, issuer.status = document, status
    with pytest.raises(Misconfigured, match=told):
        await check_keys(Settings(jwt_jwks=issuer_url))


async def test_a_short_key_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    short = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505  # that it is too short is the point
    file.write_text(jwks(RSAAlgorithm.to_jwk(short, as_dict=True) | {"kid": "short"}))
    with pytest.raises(Misconfigured, match="no public key"):
        await check_keys(Settings(jwt_jwks=str(file)))


async def test_a_public_key_is_not_taken_for_a_secret() -> None:
    pem = private_key("RS256").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for secret in (pem, json.dumps(public_jwk("RS256"))):
        with pytest.raises(Misconfigured, match="ONSALE_JWT_JWKS"):
            await check_keys(Settings(jwt_secret=secret))
