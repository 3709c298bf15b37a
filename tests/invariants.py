"""What must be true of Redis after every test, read with nothing of ours but msgpack.

The numbers are those of the invariants in `lua/00_library.lua`. They are stated here apart from
the product's own audit, so that the two can disagree.
"""

import re
from collections import defaultdict
from typing import Any, TypeAlias

import msgspec
from redis import Redis

Client: TypeAlias = Any
"""A `redis.Redis` that decodes nothing; its annotations name the replies of all protocols and decodings at once."""

_PERMANENT = re.compile(
    r"\{p\d\d\}:(meta|events|pools|ledger|deadlines|unsettled|customers|outbox|bookings|slots|purges|seats:\d+:s\d+)"
    r"|\{catalogue\}:(events|changes|venues)"
)
_HOLD = re.compile(r"\{p\d\d\}:hold:[1-9]\d{0,9}-[A-Za-z0-9_-]{16}")
_UNBOOKED = re.compile(r"\{p\d\d\}:unbooked:[1-9]\d*:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VISIT = re.compile(r"(\d+)-[A-Za-z0-9_-]{16}/t(\d+)/(\d+)/(.*)", re.DOTALL)
_CART = re.compile(r"cart:\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}")

_CALLBACK = re.compile(r"callback:[0-9a-f]{32}")
_ANSWER = re.compile(r"answer:\{[A-Za-z0-9_-]{32}\}")

_PACE = re.compile(r"\{p\d\d\}:pace:\d+")
_OF_A_WHILE = (_HOLD, _CART, _CALLBACK, _UNBOOKED, _ANSWER, _PACE)
"""Keys with a TTL."""

_SEAT_OF = {"held": "h", "paying": "p", "paid": "s"}


def check_invariants(redis_url: str) -> None:
    """Fails the test that left Redis in a state that must not be."""
    with Redis.from_url(redis_url, socket_timeout=10) as redis:
        prefixes = set()
        for raw in redis.scan_iter(count=1000):
            key = raw.decode()
            _check_key(redis, key)
            if key.endswith(":meta"):
                prefixes.add(key.removesuffix("meta"))
        for prefix in sorted(prefixes):
            check_partition(redis, prefix)


def check_partition(redis: Client, prefix: str) -> None:
    """The invariants of one partition; `prefix` is what its keys begin with."""
    pools = {field.decode(): tuple(map(int, raw.split())) for field, raw in redis.hgetall(prefix + "pools").items()}
    ledger = {rid.decode(): msgspec.msgpack.decode(raw) for rid, raw in redis.hgetall(prefix + "ledger").items()}
    _check_pools(pools, ledger)
    _check_maps(redis, prefix, pools, ledger)
    _check_places_of_records(redis, prefix, ledger)
    _check_customers(redis, prefix, pools)
    _check_slots(redis, prefix, pools)
    _check_outbox(redis, prefix)


def _check_key(redis: Client, key: str) -> None:
    """No key without a TTL by mistake, none with a TTL by mistake, and none that nobody knows."""
    lives_ms = redis.pttl(key)
    if _PERMANENT.fullmatch(key):
        assert lives_ms == -1, f"{key} must not expire"
    else:
        assert any(kind.fullmatch(key) for kind in _OF_A_WHILE), f"nobody knows the key {key}"
        assert lives_ms != -1, f"{key} would stay for ever"


def _check_pools(pools: dict[str, tuple[int, ...]], ledger: dict[str, list[Any]]) -> None:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for record in ledger.values():
        state, event, lines = record[0], record[1], record[8]
        for line in lines:
            sums[f"{event}/{line[1]}", state] += line[2]
    for field, (capacity, available, held, paying, sold) in pools.items():
        assert min(available, held, paying, sold) >= 0, f"1: a counter of pool {field} is negative"
        assert available + held + paying + sold == capacity, f"1: pool {field} is not conserved"
        assert held == sums.pop((field, "held"), 0), f"2: held of pool {field} is not what the ledger holds"
        assert paying == sums.pop((field, "paying"), 0), f"2: paying of pool {field} is not what the ledger pays"
    strays = [field for field, state in sums if state in {"held", "paying"}]
    assert not strays, f"2: the ledger has places of pools that are not there: {strays}"


def _check_maps(redis: Client, prefix: str, pools: dict[str, tuple[int, ...]], ledger: dict[str, list[Any]]) -> None:
    owners: dict[tuple[str, int], str] = {}
    for rid, record in ledger.items():
        for line in record[8]:
            if record[0] in {"held", "paying", "paid"} and len(line) > 4:
                for seat in line[4]:
                    owner = owners.setdefault((f"{record[1]}/{line[1]}", seat), rid)
                    assert owner == rid, f"8: seat {seat} of {record[1]}/{line[1]} belongs to {owner} and {rid}"
    for raw in redis.scan_iter(match=prefix.replace("{", "?").replace("}", "?") + "seats:*", count=1000):
        _, _, event, pool = raw.decode().split(":")
        text, field = redis.get(raw).decode(), f"{event}/{pool}"
        capacity, available, held, paying, sold = pools[field]
        counted = tuple(text.count(seat) for seat in "ahps")
        assert counted == (available, held, paying, sold), f"8: seats of {field} are {counted}"
        assert sum(counted) == capacity, f"8: capacity of {field}"
        for (owned, seat), rid in owners.items():
            if owned == field:
                assert text[seat - 1] == _SEAT_OF[ledger[rid][0]], f"8: seat {seat} of {rid}"


def _check_places_of_records(redis: Client, prefix: str, ledger: dict[str, list[Any]]) -> None:
    deadlines = {rid.decode(): score for rid, score in redis.zrange(prefix + "deadlines", 0, -1, withscores=True)}
    unsettled = {rid.decode() for rid in redis.zrange(prefix + "unsettled", 0, -1)}
    assert set(deadlines) == {rid for rid, record in ledger.items() if record[0] == "held"} - unsettled, "3: deadlines"
    open_attempts = {
        rid for rid, record in ledger.items() if any(attempt[1] in {"pending", "refund_due"} for attempt in record[9])
    }
    assert unsettled == open_attempts, "4: unsettled"
    assert set(ledger) == set(deadlines) | unsettled, "5: the ledger has what is to be given back or settled, no more"
    for rid, deadline_ms in deadlines.items():
        assert deadline_ms == ledger[rid][5], f"3: deadline of {rid}"
        expires_ms = redis.pexpiretime(f"{prefix}hold:{rid}")
        assert expires_ms in {-2, deadline_ms}, f"3: the hold key of {rid} does not live until its deadline"


def _check_customers(redis: Client, prefix: str, pools: dict[str, tuple[int, ...]]) -> None:
    taken: dict[str, int] = defaultdict(int)
    for field, (capacity, available, *_) in pools.items():
        taken[field.partition("/")[0]] += capacity - available
    owned: dict[str, int] = defaultdict(int)
    for field, places in redis.hgetall(prefix + "customers").items():
        assert int(places) > 0, f"6: {field.decode()} has {places.decode()} places"
        owned[field.decode().partition("/")[0]] += int(places)
    for event, places in owned.items():
        # Less where refunded places were not put on sale again: they are sold and nobody's.
        assert places <= taken[event], f"6: customers of event {event} have {places} places, {taken[event]} are taken"


def _check_slots(redis: Client, prefix: str, pools: dict[str, tuple[int, ...]]) -> None:
    slots = {field.decode(): until for field, until in redis.zrange(prefix + "slots", 0, -1, withscores=True)}
    assert set(slots) == {field for field in pools if "/t" in field}, "9: slots"
    purges = {member.decode(): until for member, until in redis.zrange(prefix + "purges", 0, -1, withscores=True)}
    visits = {member: match for member in purges if (match := _VISIT.fullmatch(member))}
    taken: dict[str, int] = defaultdict(int)
    ends: dict[str, int] = {}
    for field, raw in redis.hgetall(prefix + "bookings").items():
        booking_id, event, start_ms, *_, expires_ms, state = msgspec.msgpack.decode(raw)
        assert (field.decode(), state) == (f"{event}/{booking_id}", "booked"), f"9: {field.decode()} is {booking_id}"
        ends[field.decode()] = expires_ms
        taken[f"{event}/t{start_ms}"] += 1
        assert slots[f"{event}/t{start_ms}"] >= expires_ms, f"9: the slot of {booking_id} goes before it"
    assert {member: until for member, until in purges.items() if member not in visits} == ends, "9: ends of bookings"
    bought: dict[str, int] = defaultdict(int)
    for event, start, places, customer in (match.groups() for match in visits.values()):
        taken[f"{event}/t{start}"] += int(places)
        bought[f"{event}/{customer}"] += int(places)
    for field, places in taken.items():
        # More where refunded places were not put on sale again: they are sold and nobody's.
        assert pools[field][4] >= places, (
            f"10: {field} has {pools[field][4]} places sold, {places} are booked or paid for"
        )
    customers = {field.decode(): int(places) for field, places in redis.hgetall(prefix + "customers").items()}
    for field, places in bought.items():
        assert customers[field] >= places, f"6: customer {field} has bought {places} places of slots"


def _check_outbox(redis: Client, prefix: str) -> None:
    ids = [entry_id.decode() for entry_id, _ in redis.xrange(prefix + "outbox")]
    epoch, last = (part.decode() for part in redis.hmget(prefix + "meta", "epoch", "seq"))
    first = int(last) - len(ids) + 1
    assert ids == [f"{epoch}-{number}" for number in range(first, int(last) + 1)], "7: the outbox has a gap"
