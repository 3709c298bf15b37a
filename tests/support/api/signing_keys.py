"""Keys of issuers of tokens, and the documents that have them."""

import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

Json = dict[str, Any]


def private_key(algorithm: str, number: int = 0) -> Any:
    """The key for the algorithm; another number, another key."""
    return _made(algorithm, number)


@cache
def _made(algorithm: str, _number: int) -> Any:
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(algorithm: str, number: int = 0, **members: Any) -> Json:
    """The public half, as a document has it; its kid is algorithm and number."""
    maker = ECAlgorithm if algorithm.startswith("ES") else OKPAlgorithm if algorithm == "EdDSA" else RSAAlgorithm
    made: Json = json.loads(maker.to_jwk(private_key(algorithm, number).public_key()))
    return made | {"kid": f"{algorithm}-{number}", "alg": algorithm} | members


def jwks(*keys: Json) -> str:
    return json.dumps({"keys": list(keys)})


def claims(**changes: Any) -> Json:
    """Right claims of a customer, but for these; None takes one away."""
    right = {"iss": "onsale", "aud": "onsale", "sub": "22", "role": "customer", "exp": int(time.time()) + 600}
    return {name: value for name, value in (right | changes).items() if value is not None}


def signed(algorithm: str, number: int = 0, *, kid: str | None = None, **changes: Any) -> str:
    """A token by that key."""
    headers = {"kid": kid or f"{algorithm}-{number}"}
    return jwt.encode(claims(**changes), private_key(algorithm, number), algorithm, headers=headers)
