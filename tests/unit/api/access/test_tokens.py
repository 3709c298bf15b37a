"""Tokens: which are accepted, which are not, and the answers. Everything an attacker may try is here."""

import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import jwt
import pytest

from api.access.callers import Role
from api.access.tokens import Tokens
from api.http.problems import Problem
from engine.settings import Settings
from tests.support.api.bearer_tokens import SHARED, handmade, hs256, is_taken, refused
from tests.support.api.signing_keys import claims, signed


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def tokens(stack: AsyncExitStack) -> Tokens:
    return await stack.enter_async_context(Tokens(Settings(jwt_secret=SHARED)))


async def test_a_token_names_its_caller(tokens: Tokens) -> None:
    caller = await tokens.caller(f"Bearer {hs256()}")
    assert (caller.role, caller.sub, caller.events) == (Role.CUSTOMER, "22", None)
    caller = await tokens.caller(f"bearer  {hs256(role='manager', events=[1, 2], nbf=int(time.time()))}")
    assert (caller.role, caller.events) == (Role.MANAGER, frozenset({1, 2}))
    assert (await tokens.caller(f"Bearer {hs256(aud=['other', 'onsale'], headers={'kid': 'any'})}")).sub == "22"


async def test_a_new_token_is_verified_at_once_and_remembered(tokens: Tokens) -> None:
    header = f"Bearer {hs256()}"
    caller = tokens.caller_now(header)
    assert caller is not None
    assert (caller.role, caller.sub) == (Role.CUSTOMER, "22")
    assert tokens.known(header) is caller


async def test_a_token_that_was_verified_is_known_until_it_expires(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = f"Bearer {hs256()}"
    assert tokens.known(header) is None
    caller = await tokens.caller(header)

    def broken(*_: object, **__: object) -> None:
        raise AssertionError("a signature is checked")

    monkeypatch.setattr(jwt, "decode_complete", broken)
    assert tokens.known(header) is caller
    monkeypatch.setattr(time, "time", lambda: caller.expires_at - 0.001)
    assert tokens.known(header) is caller
    monkeypatch.setattr(time, "time", lambda: caller.expires_at)
    assert tokens.known(header) is None


def same_signature(token: str) -> list[str]:
    """The token with other last characters, of which base64 means the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    before = alphabet.index(token[-1])
    return [token[:-1] + alphabet[before ^ bits] for bits in (1, 2, 3)]


async def test_a_token_has_one_spelling(tokens: Tokens) -> None:
    token = hs256()
    await tokens.caller(f"Bearer {token}")
    assert all([await is_taken(tokens, other) is False for other in same_signature(token)])
    spellings = [f"Bearer{' ' * spaces}{token}" for spaces in range(1, 100)] + [f"bEARER {token}", f"BEARER  {token}"]
    assert all(tokens.known(spelling) for spelling in spellings), "known, and not looked at again"
    for spelling in spellings:
        await tokens.caller(spelling)
    assert len(tokens._verified) == 1


async def test_a_token_that_is_longer_than_any_needs_to_be(tokens: Tokens) -> None:
    longest = hs256(more="x" * 2800)
    assert 3900 < len(longest) <= 4096
    assert await is_taken(tokens, longest)
    problem = await refused(tokens, hs256(more="x" * 3000))
    assert "4096" in problem.detail


async def test_the_memory_for_tokens_is_bounded(stack: AsyncExitStack) -> None:
    bytes_of_cache = 100_000
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_secret=SHARED, jwt_cache_bytes=bytes_of_cache)))
    for number in range(300):
        await tokens.caller(f"Bearer {hs256(sub=str(number), more='x' * (9 * number))}")
        assert sum(len(token) for token in tokens._verified) < bytes_of_cache
    assert tokens._verified
    kept = list(tokens._verified)
    for token in kept:
        tokens._remove(token)
    assert tokens._verified_bytes == 0, "what goes is counted as what came"


async def test_a_token_that_has_expired_takes_no_memory(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    header = f"Bearer {hs256()}"
    caller = await tokens.caller(header)
    monkeypatch.setattr(time, "time", lambda: caller.expires_at)
    assert tokens.known(header) is None
    assert (len(tokens._verified), tokens._verified_bytes) == (0, 0)


async def test_a_token_must_not_be_good_for_too_long(stack: AsyncExitStack) -> None:
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_secret=SHARED, jwt_longest_seconds=3600)))
    now = int(time.time())
    assert await is_taken(tokens, hs256(exp=now + 3600))
    for exp in (now + 3700, 10**12, 1e300):
        assert "too late" in (await refused(tokens, hs256(exp=exp))).detail


async def test_tokens_that_were_used_last_are_remembered(stack: AsyncExitStack) -> None:
    room_for_two = 2 * len(hs256(sub="1")) + 1000
    tokens = await stack.enter_async_context(Tokens(Settings(jwt_secret=SHARED, jwt_cache_bytes=room_for_two)))
    first, second, third = (f"Bearer {hs256(sub=sub)}" for sub in "123")
    await tokens.caller(first)
    await tokens.caller(second)
    tokens.known(first)
    await tokens.caller(third)
    assert [tokens.known(one) is not None for one in (first, second, third)] == [True, False, True]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"nbf": int(time.time()) + 3600}, "not valid yet"),
        ({"iat": int(time.time()) + 3600}, "not valid yet"),
        ({"aud": "other"}, "`aud`"),
        ({"aud": ["other", "more"]}, "`aud`"),
        ({"iss": "other"}, "`iss`"),
        *(({name: None}, f"`{name}`") for name in ("exp", "iss", "aud", "sub", "role")),
        ({"role": "admin"}, "`role`"),
        ({"role": "MANAGER"}, "`role`"),
        ({"role": ["manager"]}, "`role`"),
        ({"sub": ""}, "`sub`"),
        ({"sub": "a b"}, "`sub`"),
        ({"sub": "x" * 65}, "`sub`"),
        ({"events": [1]}, "`events`"),  # a customer's
        ({"role": "manager", "events": "all"}, "`events`"),
        ({"role": "manager", "events": [0]}, "`events`"),
        ({"exp": "tomorrow"}, "`exp`"),
        ({"exp": float("inf")}, "The token is not valid;"),
        ({"exp": []}, "`exp`"),
    ],
)
async def test_claims_that_are_not_taken(tokens: Tokens, changes: dict[str, Any], told: str) -> None:
    token = handmade({"alg": "HS256"}, claims(**changes))
    signing = token.rsplit(".", 1)[0]
    key = jwt.get_algorithm_by_name("HS256")
    signature = urlsafe_b64encode(key.sign(signing.encode(), SHARED.encode())).decode().rstrip("=")
    assert told in (await refused(tokens, f"{signing}.{signature}")).detail


async def test_leeway(tokens: Tokens) -> None:
    assert (await tokens.caller(f"Bearer {hs256(exp=int(time.time()) - 5)}")).sub == "22"
    assert (await tokens.caller(f"Bearer {hs256(nbf=int(time.time()) + 5)}")).sub == "22"


@pytest.mark.parametrize("token", [None, "", "x", "a.b", "a.b.c", "é.b.c", "a.b.c.d", "a.b.c ", "." * 3, "x" * 9000])
async def test_invalid_tokens(tokens: Tokens, token: str | None) -> None:
    await refused(tokens, token)


async def test_other_schemes_are_refused(tokens: Tokens) -> None:
    for header in (f"Basic {hs256()}", hs256(), f"Bearer{hs256()}", f"Bearer {hs256()}, Bearer {hs256()}"):
        with pytest.raises(Problem, match="Bearer <JWT>"):
            await tokens.caller(header)


async def test_forged_tokens(tokens: Tokens) -> None:
    right = hs256()
    head, body, signature = right.split(".")
    forged = handmade({"alg": "HS256"}, claims(role="manager")).split(".")[1]
    for token in (
        hs256("another secret of thirty-two bytes or more"),
        f"{head}.{forged}.{signature}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.",
        handmade({"alg": "none"}, claims()),
        handmade({"alg": "None"}, claims()),
        f"{handmade({'alg': 'none'}, claims()).rsplit('.', 1)[0]}.",
        handmade({}, claims()),
        handmade([], claims()),
        handmade({"alg": "HS256", "kid": 1}, claims()),
        handmade({"alg": ["HS256"]}, claims()),
        jwt.encode(claims(), SHARED * 2, "HS512"),
        hs256(headers={"crit": ["exp"]}),
        f"{urlsafe_b64encode(b'[' * 3000).decode().rstrip('=')}.{body}.{signature}",
        signed("RS256"),
    ):
        await refused(tokens, token)
    assert (await tokens.caller(f"Bearer {right}")).role is Role.CUSTOMER
