"""Random codes."""

import secrets

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Characters that nobody takes for another one: five bits each."""

_CHARACTERS = 10
"""Of 100,000 codes, one of ten thousand million guesses hits one."""


def random_codes(count: int, prefix: str = "") -> list[str]:
    """That many codes that differ from each other, each with the prefix."""
    made: dict[str, None] = {}
    while len(made) < count:
        bits = secrets.randbits(5 * _CHARACTERS)
        made[prefix + "".join(_ALPHABET[bits >> 5 * place & 31] for place in range(_CHARACTERS))] = None
    return list(made)
