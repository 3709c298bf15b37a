"""The order of a waiting room, as anybody can recompute it (lua/34_rooms.lua decides by the same)."""

import hashlib
import math
import secrets
from collections.abc import Iterable
from typing import NamedTuple

_ROUNDS = 8
_HASH_DIGITS = 12


class Proposal(NamedTuple):
    """A secret for a room that has none yet, and its commitment: 32 random bytes, and their SHA-256, in hexadecimal."""

    secret: str
    commitment: str


def new_proposal() -> Proposal:
    """Another secret each time."""
    secret = secrets.token_bytes(32)
    return Proposal(secret.hex(), commitment_of(secret.hex()))


def commitment_of(secret: str) -> str:
    """The SHA-256 of a secret, which is published before anybody joins."""
    return hashlib.sha256(bytes.fromhex(secret)).hexdigest()


def digest_of(customer_ids: Iterable[str]) -> str:
    """The digest over customers in the order in which they joined; empty for none."""
    digest = ""
    for customer_id in customer_ids:
        digest = _sha1(f"{digest}\n{customer_id}")
    return digest


def seed_of(secret: str, event_id: int, cohort: int, digest: str) -> str:
    """The key of the permutation."""
    return _sha1(f"{secret}:{event_id}:{cohort}:{digest}")


def position_of(index: int, cohort: int, seed: str) -> int:
    """The position of an index: a permutation of the cohort; behind it each index is its own position."""
    if index >= cohort:
        return index
    side = math.isqrt(cohort - 1) + 1
    while True:
        left, right = divmod(index, side)
        for number in range(1, _ROUNDS + 1):
            part = _sha1(f"{seed}:{number}:{right}")[:_HASH_DIGITS]
            left, right = right, (left + int(part, 16)) % side
        index = left * side + right
        if index < cohort:
            return index


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
