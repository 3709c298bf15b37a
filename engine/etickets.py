"""Codes of e-tickets, and the keys that sign them.

A code is the base45 text (RFC 9285) of 83 bytes. They are version (1 byte), event (8), serial (8), issue (2) and an
Ed25519 signature (64) of the bytes before it. Its 125 characters are all in the alphanumeric mode of a QR code. Anybody
can verify a code with the public keys of its event.

Private keys are stored nowhere. Each is derived (HKDF with SHA-256) from a secret, the event and the key's number. The
secret is a setting, so neither Redis nor Postgres has the means to forge a code. Without the setting, it is the secret
of the event's partition (`Engine.id_secret`).
"""

import hashlib
import struct
from functools import lru_cache
from typing import NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.ids import MAX_EVENT_ID

MOST_NUMBERS = 2**22
"""E-tickets of an event have numbers below it (lua/38_etickets.lua), so that a serial is exact in every double."""

_VERSION = 1
_SIGNED = struct.Struct(">BQQH")
_SIGNATURE_BYTES = 64
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_CHARACTERS = 125
_KEYS_KEPT = 4096


class Named(NamedTuple):
    """The e-ticket that a code names: by its event, its number there, and its issue."""

    event_id: int
    number: int
    issue: int


class Decoded(NamedTuple):
    """A code's claim, the bytes that were signed, and their signature. Nobody has verified it yet."""

    named: Named
    signed: bytes
    signature: bytes


class SigningKey(NamedTuple):
    """A key of an event. `kid` names it in a JSON Web Key Set."""

    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey


def serial_of(event_id: int, number: int) -> int:
    """The serial of an event's e-ticket."""
    return event_id * MOST_NUMBERS + number


def number_of(serial: int) -> tuple[int, int]:
    """The event of a serial, and the number there."""
    return divmod(serial, MOST_NUMBERS)


def base45(data: bytes) -> str:
    """The base45 text of bytes (RFC 9285)."""
    text: list[str] = []
    for at in range(0, len(data) - 1, 2):
        rest, low = divmod(256 * data[at] + data[at + 1], 45)
        text += (_ALPHABET[low], _ALPHABET[rest % 45], _ALPHABET[rest // 45])
    if len(data) % 2:
        text += (_ALPHABET[data[-1] % 45], _ALPHABET[data[-1] // 45])
    return "".join(text)


def from_base45(text: str) -> bytes:
    """The bytes of a base45 text. Raises ValueError for what is none."""
    try:
        values = [_VALUES[character] for character in text]
    except KeyError as error:
        raise ValueError("not base45") from error
    data = bytearray()
    for at in range(0, len(values) - 2, 3):
        number = values[at] + 45 * values[at + 1] + 2025 * values[at + 2]
        if number > 0xFFFF:
            raise ValueError("not base45")
        data += number.to_bytes(2, "big")
    rest = values[len(values) - len(values) % 3 :]
    if rest:
        if len(rest) == 1 or rest[0] + 45 * rest[1] > 0xFF:
            raise ValueError("not base45")
        data.append(rest[0] + 45 * rest[1])
    return bytes(data)


def decode_code(code: str) -> Decoded | None:
    """The claim of a code; None for a text that is no code."""
    if len(code) != _CHARACTERS:
        return None
    try:
        data = from_base45(code)
    except ValueError:
        return None
    if len(data) != _SIGNED.size + _SIGNATURE_BYTES:
        return None
    signed, signature = data[: _SIGNED.size], data[_SIGNED.size :]
    version, event_id, serial, issue = _SIGNED.unpack(signed)
    named_event, number = number_of(serial)
    if version != _VERSION or not 1 <= event_id <= MAX_EVENT_ID or named_event != event_id:
        return None
    return Decoded(Named(event_id, number, issue), signed, signature)


class EticketKeys:
    """The keys of events. `secrets`: the first signs, and codes that were signed with the others stay valid."""

    def __init__(self, secrets: list[bytes]) -> None:
        self._secrets = secrets

    def code(self, named: Named, keys: int) -> str:
        """The code of an e-ticket, signed with the newest of the event's `keys` keys."""
        serial = serial_of(named.event_id, named.number)
        signed = _SIGNED.pack(_VERSION, named.event_id, serial, named.issue)
        return base45(signed + _key(self._secrets[0], named.event_id, keys).private.sign(signed))

    def public_keys(self, event_id: int, keys: int) -> list[SigningKey]:
        """All keys by which a code of the event may be signed, the newest first."""
        return [_key(secret, event_id, number) for secret in self._secrets for number in range(keys, 0, -1)]

    def verifies(self, decoded: Decoded, keys: int) -> bool:
        """True if a key of the event signed the code."""
        for key in self.public_keys(decoded.named.event_id, keys):
            try:
                key.public.verify(decoded.signature, decoded.signed)
            except InvalidSignature:
                continue
            return True
        return False


@lru_cache(maxsize=_KEYS_KEPT)
def _key(secret: bytes, event_id: int, number: int) -> SigningKey:
    seed = HKDF(SHA256(), 32, None, f"onsale e-ticket {event_id} {number}".encode()).derive(secret)
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key()
    digest = hashlib.sha256(public.public_bytes_raw()).hexdigest()[:12]
    return SigningKey(f"{event_id}-{number}-{digest}", private, public)


class Holder(msgspec.Struct, frozen=True):
    """The names of the holder of an e-ticket, as it is stored."""

    first_name: str | None = None
    last_name: str | None = None


_HOLDER = msgspec.json.Decoder(Holder)
_ENCODER = msgspec.json.Encoder()


def decode_holder(text: str) -> Holder:
    """A stored holder; nobody where there are no names."""
    return _HOLDER.decode(text) if text else Holder()


def encode_holder(holder: Holder) -> str:
    """A holder as it is stored."""
    return _ENCODER.encode(holder).decode()
