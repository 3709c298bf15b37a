"""All that is in a Redis, key by key, so that two states can be held against one another."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec
from redis import Redis

from engine.records import Booking, Record
from engine.terms import Terms

Client: TypeAlias = Any
"""A `redis.Redis` that decodes nothing; its annotations name the replies of all protocols and decodings at once."""

_READ = {
    b"string": lambda redis, key: redis.get(key),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
    b"stream": lambda redis, key: redis.xrange(key),
}
_BOOKING = msgspec.msgpack.Decoder(Booking)
_RECORD, _TERMS = msgspec.msgpack.Decoder(Record), msgspec.msgpack.Decoder(Terms)


def keys_of_redis(url: str) -> dict[bytes, tuple[Any, int]]:
    """By key: what it has, and when it expires.

    Packed values are unpacked: there are several ways to pack the same. The outboxes are left out; they must be empty.
    So are numbers that start again: those of outbox entries, of catalogue changes, and of changes of e-tickets.
    """
    with Redis.from_url(url, socket_timeout=60) as redis:
        keys = sorted(redis.scan_iter(count=5000))
        values: dict[bytes, Any] = {key: _READ[redis.type(key)](redis, key) for key in keys if b":hold:" not in key}
        holds = [key for key in keys if b":hold:" in key]
        expire: list[int] = []
        for part in _some(holds):
            values |= zip(part, redis.mget(part), strict=True)
        for part in _some(keys):
            with redis.pipeline(transaction=False) as calls:
                for key in part:
                    calls.pexpiretime(key)
                expire += calls.execute()
    found = {key: (_plain(key, values[key]), at) for key, at in zip(keys, expire, strict=True)}
    found.pop(b"{catalogue}:readers", None)
    return {key: value for key, value in found.items() if not (key.endswith(b":outbox") and value[0] == [])}


def differing(before: Mapping[bytes, Any], after: Mapping[bytes, Any]) -> list[str]:
    """Keys whose content is not the same, with both."""
    return [
        f"{key.decode()}: {before.get(key)} -> {after.get(key)}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def _some(keys: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(keys), 5000):
        yield keys[start : start + 5000]


def _plain(key: bytes, value: Any) -> Any:
    if key.endswith(b":meta"):
        return {name: text for name, text in value.items() if name not in {b"epoch", b"seq", b"run_id", b"before"}}
    if key == b"{catalogue}:changes" or (b":doors:" in key and key.endswith(b":changes")):
        return {changed for changed, _ in value}
    if b":doors:" in key:
        if key.endswith((b":etickets", b":of", b":scans")):
            return {name: msgspec.msgpack.decode(packed) for name, packed in value.items()}
        return {name: text for name, text in value.items() if name != b"version"}
    if key.endswith(b":ledger"):
        return {name: _RECORD.decode(packed) for name, packed in value.items()}
    if key.endswith(b":bookings"):
        return {name: _BOOKING.decode(packed) for name, packed in value.items()}
    if key.endswith(b":events") and key.startswith(b"{p"):
        return {name: _TERMS.decode(packed) for name, packed in value.items()}
    if b":hold:" in key and value != b"held":
        return _RECORD.decode(value)
    return value
