"""The invariants of Redis after every test, read with nothing of ours but msgpack.

The numbers are those of the invariants in `lua/00_library.lua`. They are stated here apart from
the product's own audit, so that the two can disagree.
"""

import re
from collections import defaultdict
from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import msgspec

from tests.support.redis_nodes import primaries

Client: TypeAlias = Any
"""A `redis.Redis` that decodes nothing; its annotations name the replies of all protocols and decodings at once."""

_PERMANENT = re.compile(
    r"\{p\d\d(\.\d+)?\}:(meta|events|pools|ledger|deadlines|unsettled|customers|outbox|bookings|slots|purges|seats:\d+:s\d+"
    r"|queue:\d+(:places|:inside)?|waiting:\d+(:ended|:(line|sizes):\d+)?"
    r"|doors:\d+(:etickets|:of|:changes|:scans)?|codes:\d+|allotments)"
    r"|\{catalogue\}:(events|changes|venues|readers)"
)
_HOLD = re.compile(r"\{p\d\d(\.\d+)?\}:hold:[1-9]\d{0,9}-[A-Za-z0-9_-]{16}")
_UNBOOKED = re.compile(r"\{p\d\d(\.\d+)?\}:unbooked:[1-9]\d*:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VISIT = re.compile(r"(\d+)-[A-Za-z0-9_-]{16}/(slot:[0-9T:-]+)/(\d+)/(.*)", re.DOTALL)
_CART = re.compile(r"cart:\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}")

_CALLBACK = re.compile(r"callback:[0-9a-f]{32}")
_ANSWER = re.compile(
    r"answer:\{([pk]\d\d\.\d+|[0-9a-f-]{36})\}:[A-Za-z0-9_-]*(:[A-Za-z0-9_-]{32})?|answer:\{([A-Za-z0-9_-]{32}|[A-Za-z0-9_-]+(\}:[A-Za-z0-9_-]{32})?)\}?"
)

_PACE = re.compile(r"\{p\d\d(\.\d+)?\}:pace:\d+")
_HOARDS = re.compile(r"\{p\d\d(\.\d+)?\}:hoards:[1-9]\d*")
_PAUSES = re.compile(r"\{p\d\d(\.\d+)?\}:pauses:[1-9]\d*")
_OF_A_WHILE = (_PAUSES, _HOLD, _CART, _CALLBACK, _UNBOOKED, _ANSWER, _PACE, _HOARDS)
"""Keys with a TTL."""

_SEAT_OF = {"held": "h", "paying": "p", "paid": "s"}


def check_invariants(redis_url: str, longer_ms: int = 0) -> None:
    """Fails the test that left Redis in a state that must not be.

    `longer_ms`: how much longer a hold key may live, because it was moved from node to node.
    """
    with primaries(redis_url) as nodes:
        for redis in nodes:
            _check_node(redis, longer_ms)


def _check_node(redis: Client, longer_ms: int) -> None:
    keys = [raw.decode() for raw in redis.scan_iter(count=1000)]
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.pttl(key)
        for key, lives_ms in zip(keys, pipeline.execute(), strict=True):
            _check_key(key, lives_ms)
    for prefix in sorted(key.removesuffix("meta") for key in keys if key.endswith(":meta")):
        _check_keys(redis, prefix, [key for key in keys if key.startswith(prefix)], longer_ms)


class _Listed:
    """A client for one partition whose keys are listed: what is not there is not asked for."""

    def __init__(self, redis: Client, keys: Collection[str]) -> None:
        self._redis, self._keys = redis, frozenset(keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    def scan_iter(self, match: str) -> list[bytes]:
        return [key.encode() for key in self._keys if fnmatchcase(key, match)]

    def hgetall(self, key: str | bytes) -> Any:
        return self._redis.hgetall(key) if self._has(key) else {}

    def zrange(self, key: str, *bounds: int, **options: bool) -> Any:
        return self._redis.zrange(key, *bounds, **options) if self._has(key) else []

    def xrange(self, key: str) -> Any:
        return self._redis.xrange(key) if self._has(key) else []

    def _has(self, key: str | bytes) -> bool:
        return (key.decode() if isinstance(key, bytes) else key) in self._keys


def check_partition(redis: Client, prefix: str, longer_ms: int = 0) -> None:
    """The invariants of one partition; `prefix` is what its keys begin with."""
    keys = [raw.decode() for raw in redis.scan_iter(match=_pattern(prefix) + "*", count=1000)]
    _check_keys(redis, prefix, keys, longer_ms)


def _pattern(prefix: str) -> str:
    """A glob for these characters alone."""
    return prefix.replace("{", "?").replace("}", "?")


def _check_keys(client: Client, prefix: str, keys: Collection[str], longer_ms: int) -> None:
    redis = _Listed(client, keys)
    pools = {field.decode(): tuple(map(int, raw.split())) for field, raw in redis.hgetall(prefix + "pools").items()}
    ledger = {rid.decode(): msgspec.msgpack.decode(raw) for rid, raw in redis.hgetall(prefix + "ledger").items()}
    _check_pools(pools, ledger)
    _check_maps(redis, prefix, pools, ledger)
    _check_places_of_records(redis, prefix, ledger, longer_ms)
    _check_customers(redis, prefix, pools)
    _check_slots(redis, prefix, pools)
    _check_hoards(redis, prefix, ledger)
    _check_outbox(redis, prefix)
    _check_rooms(redis, prefix)
    _check_waiting_lists(redis, prefix, pools, ledger)
    _check_doors(redis, prefix, ledger)
    _check_codes(redis, prefix, pools, ledger)


def _of_each(redis: Client, command: str, keys: Collection[str | bytes]) -> list[Any]:
    """The answers of a command about each key, asked for at once: a call for each of thousands takes seconds."""
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.execute_command(command, key)
        answers: list[Any] = pipeline.execute()
    return answers


def _check_key(key: str, lives_ms: int) -> None:
    """No key without a TTL by mistake, none with a TTL by mistake, and none that nobody knows."""
    if _PERMANENT.fullmatch(key):
        assert lives_ms == -1, f"{key} must not expire"
    else:
        assert any(kind.fullmatch(key) for kind in _OF_A_WHILE), f"nobody knows the key {key}"
        assert lives_ms != -1, f"{key} would stay for ever"


def _pinned(record: list[Any]) -> list[tuple[str, int, list[int]]]:
    """The places that an exchange of a record holds beside its own while its money may come: pool, places, seats."""
    found = []
    for attempt in record[9]:
        for before, after in attempt[9] if attempt[1] == "pending" and len(attempt) > 9 else []:
            for pool in {line[1] for line in after}:
                had, wants = (
                    [place for line in lines if line[1] == pool for place in (line[4:] or [[]])[0] or [0] * line[2]]
                    for lines in (before, after)
                )
                for place in had:
                    if place in wants:
                        wants.remove(place)
                found.append((pool, len(wants), [seat for seat in wants if seat]))
    return found


def _check_pools(pools: dict[str, tuple[int, ...]], ledger: dict[str, list[Any]]) -> None:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for record in ledger.values():
        state, event, lines = record[0], record[1], record[8]
        for line in lines:
            sums[f"{event}/{line[1]}", state] += line[2]
        for pool, places, _ in _pinned(record):
            sums[f"{event}/{pool}", "paying"] += places
    for field, (capacity, available, held, paying, sold, kept, *_) in pools.items():
        assert min(available, held, paying, sold, kept) >= 0, f"1: a counter of pool {field} is negative"
        assert available + held + paying + sold + kept == capacity, f"1: pool {field} is not conserved"
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
    pinned = {
        (f"{ledger[rid][1]}/{pool}", seat)
        for rid in ledger
        for pool, _, seats in _pinned(ledger[rid])
        for seat in seats
    }
    assert not pinned & owners.keys(), f"8: seats are pinned and owned: {pinned & owners.keys()}"
    for raw in redis.scan_iter(match=_pattern(prefix) + "seats:*"):
        _, _, event, pool = raw.decode().split(":")
        text, field = redis.get(raw).decode().lower(), f"{event}/{pool}"  # seats that are lent are in capital letters
        capacity, *taken = pools[field][:6]
        counted = [text.count(seat) for seat in "ahpsk"]
        assert counted == taken, f"8: seats of {field} are {counted}"
        assert sum(counted) == capacity, f"8: capacity of {field}"
        assert all(text[seat - 1] == "p" for owned, seat in pinned if owned == field), f"8: pinned seats of {field}"
        for (owned, seat), rid in owners.items():
            if owned == field:
                assert text[seat - 1] == _SEAT_OF[ledger[rid][0]], f"8: seat {seat} of {rid}"


def _check_places_of_records(redis: Client, prefix: str, ledger: dict[str, list[Any]], longer_ms: int) -> None:
    deadlines = {rid.decode(): score for rid, score in redis.zrange(prefix + "deadlines", 0, -1, withscores=True)}
    unsettled = {rid.decode() for rid in redis.zrange(prefix + "unsettled", 0, -1)}
    assert set(deadlines) == {rid for rid, record in ledger.items() if record[0] == "held"} - unsettled, "3: deadlines"
    open_attempts = {
        rid
        for rid, record in ledger.items()
        if any(attempt[1] == "pending" or any(refund[3] == 0 for refund in attempt[7]) for attempt in record[9])
    }
    assert unsettled == open_attempts, "4: unsettled"
    assert set(ledger) == set(deadlines) | unsettled, "5: the ledger has what must be given back or settled, no more"
    ends = _of_each(redis, "PEXPIRETIME", [f"{prefix}hold:{rid}" for rid in deadlines])
    for (rid, deadline_ms), expires_ms in zip(deadlines.items(), ends, strict=True):
        assert deadline_ms == ledger[rid][5], f"3: deadline of {rid}"
        lives = expires_ms == -2 or 0 <= expires_ms - deadline_ms <= longer_ms
        assert lives, f"3: the hold key of {rid} does not live until its deadline"


def _check_customers(redis: Client, prefix: str, pools: dict[str, tuple[int, ...]]) -> None:
    taken: dict[str, int] = defaultdict(int)
    for field, (capacity, available, _, _, _, kept, *_) in pools.items():
        taken[field.partition("/")[0]] += capacity - available - kept
    owned: dict[str, int] = defaultdict(int)
    for field, places in redis.hgetall(prefix + "customers").items():
        assert int(places) > 0, f"6: {field.decode()} has {places.decode()} places"
        if "/tel " in field.decode():
            continue  # places of customers once more
        owned[field.decode().partition("/")[0]] += int(places)
    for event, places in owned.items():
        assert places <= taken[event], f"6: customers of event {event} have {places} places, {taken[event]} are taken"


def _check_slots(redis: Client, prefix: str, pools: dict[str, tuple[int, ...]]) -> None:
    slots = {field.decode(): until for field, until in redis.zrange(prefix + "slots", 0, -1, withscores=True)}
    assert set(slots) == {field for field in pools if "/slot:" in field}, "9: slots"
    purges = {member.decode(): until for member, until in redis.zrange(prefix + "purges", 0, -1, withscores=True)}
    visits = {member: match for member in purges if (match := _VISIT.fullmatch(member))}
    taken: dict[str, int] = defaultdict(int)
    bought: dict[str, int] = defaultdict(int)
    ends: dict[str, int] = {}
    for field, raw in redis.hgetall(prefix + "bookings").items():
        booking_id, event, slot, _, *_, expires_ms, state, customer, phone = msgspec.msgpack.decode(raw)
        assert (field.decode(), state) == (f"{event}/{booking_id}", "booked"), f"9: {field.decode()} is {booking_id}"
        ends[field.decode()] = expires_ms
        taken[f"{event}/slot:{slot}"] += 1
        bought[f"{event}/{customer}"] += customer != ""
        bought[f"{event}/tel {phone}"] += phone != ""
        assert slots[f"{event}/slot:{slot}"] >= expires_ms, f"9: the slot of {booking_id} goes before it"
    assert {member: until for member, until in purges.items() if member not in visits} == ends, "9: ends of bookings"
    for event, start, places, customer in (match.groups() for match in visits.values()):
        taken[f"{event}/{start}"] += int(places)
        bought[f"{event}/{customer}"] += int(places)
    for field, places in taken.items():
        assert pools[field][4] >= places, (
            f"10: {field} has {pools[field][4]} places sold, {places} are booked or paid for"
        )
    customers = {field.decode(): int(places) for field, places in redis.hgetall(prefix + "customers").items()}
    for field, places in bought.items():
        assert customers.get(field, 0) >= places, f"6: customer {field} has bought or booked {places} places of slots"


def _check_hoards(redis: Client, prefix: str, ledger: dict[str, list[Any]]) -> None:
    """Addresses are kept of live holds only, and nobody holds more than there is."""
    for key in redis.scan_iter(match=_pattern(prefix) + "hoards:*"):
        event = int(key.decode().rpartition(":")[2])
        live = {
            rid: sum(line[2] for line in record[8])
            for rid, record in ledger.items()
            if record[1] == event and record[0] in {"held", "paying"}
        }
        for field, raw in redis.hgetall(key).items():
            kind, _, name = field.decode().partition(" ")
            if kind == "h":
                assert name in live, f"the address of {name} is kept, which is over"
                continue
            idle_ms, places, _ = map(int, raw.split())
            assert idle_ms > 0 or places > 0, f"nothing is said of {field.decode()}"
            assert places <= sum(live.values()), f"{field.decode()} holds {places} places, all together {live}"


def _check_rooms(redis: Client, prefix: str) -> None:
    """Each customer has an index of its own, and inside are those whose passes are not known to have ended."""
    for raw in redis.scan_iter(match=_pattern(prefix) + "queue:*:places"):
        key = raw.decode().removesuffix(":places")
        joined, idle = (int(value) for value in redis.hmget(key, "joined", "idle"))
        places = {name: tuple(map(int, text.split())) for name, text in redis.hgetall(raw).items()}
        indexes = [place[0] for place in places.values()]
        assert len(set(indexes)) == len(indexes), f"11: {key} gave an index twice"
        assert all(index < joined for index in indexes), f"11: {key} has more places than joined"
        inside = {name: place for name, place in places.items() if place[1] > 0}
        assert dict(redis.zrange(key + ":inside", 0, -1, withscores=True)) == {
            name: place[2] for name, place in inside.items()
        }, f"11: who is inside {key}"
        assert idle == sum(place[3] == 0 for place in inside.values()), f"11: {key} has miscounted those without places"


def _check_waiting_lists(
    redis: Client, prefix: str, pools: dict[str, tuple[int, ...]], ledger: dict[str, list[Any]]
) -> None:
    """A waiting customer has one place in line, and an offer its hold; no more is set aside than is available."""
    offers = {rid for rid, record in ledger.items() if record[7] == "offer" and record[0] in {"held", "paying"}}
    for raw in redis.scan_iter(match=_pattern(prefix) + "waiting:*"):
        key = raw.decode()
        event = key.split(":")[2]
        if key != f"{prefix}waiting:{event}":
            assert redis.exists(f"{prefix}waiting:{event}"), f"12: {key} is of no list"
            continue
        fields = {name.decode(): value for name, value in redis.hgetall(raw).items()}
        entries = {name[2:]: msgspec.msgpack.decode(value) for name, value in fields.items() if name.startswith("e ")}
        waits: dict[int, dict[str, list[Any]]] = defaultdict(dict)
        customers: dict[str, int] = defaultdict(int)
        for waiting_id, entry in entries.items():
            assert entry[0] == waiting_id, f"12: {waiting_id} is {entry[0]}"
            if entry[10] == "waiting":
                waits[entry[2]][waiting_id] = entry
                customers[entry[4]] += entry[3]
            assert (entry[10] == "offered") == (waiting_id in offers), f"12: {waiting_id} is {entry[10]}"
            assert (redis.zscore(f"{key}:ended", waiting_id) is not None) == (
                entry[10] in {"taken", "declined", "ended"}
            ), f"12: {waiting_id} is {entry[10]}"
            offers.discard(waiting_id)
        numbers = [entry[11] for entry in entries.values()]
        assert len(set(numbers)) == len(numbers), f"12: {key} gave a number twice"
        assert all(number < int(fields["number"]) for number in numbers), f"12: {key} has a number of its future"
        counts = dict(part.split("=") for part in fields.get("lines", b"").decode().split())
        assert counts == {str(ticket): str(len(line)) for ticket, line in waits.items()}, f"12: lines of {key}"
        for ticket, line in waits.items():
            in_line = dict(redis.zrange(f"{key}:line:{ticket}", 0, -1, withscores=True))
            assert in_line == {name.encode(): entry[11] for name, entry in line.items()}, f"12: line of {ticket}"
            sizes = dict(redis.zrange(f"{key}:sizes:{ticket}", 0, -1, withscores=True))
            assert sizes == {name.encode(): entry[3] * 10**12 + entry[11] for name, entry in line.items()}, "12: sizes"
        stored = {name[2:]: int(value) for name, value in fields.items() if name.startswith("c ")}
        assert stored == customers, f"12: customers of {key}"
        aside = fields.get("aside", b"").decode()
        for pool, places in (part.split("=") for part in aside.split() if aside != "*"):
            assert int(places) <= pools[f"{event}/{pool}"][1], f"12: {places} of {pool} are set aside"
    assert not offers, f"12: offers that nobody waited for: {offers}"


def _check_doors(redis: Client, prefix: str, ledger: dict[str, list[Any]]) -> None:
    """Each place of a record that is paid has an e-ticket, and nothing else has one that is not void."""
    paid: dict[str, list[Any]] = {}
    keys = redis.scan_iter(match=_pattern(prefix) + "hold:*")
    for key, raw in zip(keys, _of_each(redis, "GET", keys), strict=True):
        if raw not in {None, b"held"}:
            paid[key.decode().partition(":hold:")[2]] = msgspec.msgpack.decode(raw)
    paid |= ledger
    known: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for raw in redis.scan_iter(match=_pattern(prefix) + "doors:*:etickets"):
        key = raw.decode().removesuffix(":etickets")
        etickets = {int(number): msgspec.msgpack.decode(packed) for number, packed in redis.hgetall(raw).items()}
        assert sorted(etickets) == list(range(int(redis.hget(key, "next")))), f"13: numbers of {key}"
        assert {int(number) for number in redis.zrange(key + ":changes", 0, -1)} == set(etickets), (
            f"13: changes of {key}"
        )
        of = {rid.decode(): msgspec.msgpack.decode(numbers) for rid, numbers in redis.hgetall(key + ":of").items()}
        for number, (rid, ticket, pool, seat, _, state, *_, passes, _) in etickets.items():
            assert number in of[rid], f"13: {rid} has lost e-ticket {number}"
            if state != "void":
                known[rid].append((ticket, pool, seat))
                assert state == (passes[-1][1] if passes else "valid"), f"13: {rid} is {state} after {passes}"
    for rid, record in paid.items():
        lines = record[8] if record[0] == "paid" else []
        places = [(line[0], line[1], seat) for line in lines for seat in ((line[4:] and line[4]) or [0] * line[2])]
        assert sorted(known[rid]) == sorted(places), f"13: e-tickets of {rid}"


def _check_codes(redis: Client, prefix: str, pools: dict[str, tuple[int, ...]], ledger: dict[str, list[Any]]) -> None:
    """A code counts what the ledger has under it, within its bounds, and what is set aside for it is kept off sale."""
    ends = {member.decode(): end_ms for member, end_ms in redis.zrange(prefix + "allotments", 0, -1, withscores=True)}
    first_ms = int(redis.hget(prefix + "meta", "allotments_ms") or 0)
    assert first_ms == min(ends.values(), default=0), (
        f"14: the first allotment of {prefix} ends at {ends}, not {first_ms}"
    )
    set_aside: dict[str, int] = defaultdict(int)
    under: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for record in ledger.values():
        if len(record) > 12 and record[12] and record[0] in {"held", "paying"}:
            counted = under[str(record[1]), record[12][0]]
            lines = [line for line in record[8] if len(line) > 5 and line[5] is not None]
            counted[0] += 1
            counted[1] += sum(line[2] * line[5] for line in lines)
            counted[2 if record[0] == "held" else 3] += sum(line[2] for line in lines)
    for raw in redis.scan_iter(match=_pattern(prefix) + "codes:*"):
        event = raw.decode().rpartition(":")[2]
        for name, value in redis.hgetall(raw).items():
            head, _, packed = value.partition(b"|")
            uses, spent, held, paying, sold, kept, free, is_open = map(int, head.split()) if head else [0] * 8
            terms, code = msgspec.msgpack.decode(packed), name.decode()
            live = under.pop((event, code), [0, 0, 0, 0])
            assert [held, paying] == live[2:], f"14: places under {code} of event {event}"
            assert (uses >= live[0], spent >= live[1]) == (True, True), f"14: uses of {code} of event {event}"
            assert sold > 0 or (uses, spent) == (live[0], live[1]), (
                f"14: {code} of event {event} counts more than there is"
            )
            assert min(sold, kept, free) >= 0, f"14: {code} of event {event} has a negative counter"
            assert (f"{event}/{code}" in ends) == bool(is_open), f"14: the end of {code} of event {event}"
            assert is_open or free == 0, f"14: {code} of event {event} has places when it is over"
            if is_open:
                set_aside[f"{event}/{terms[1][0]}"] += free
                assert free + held + paying + sold + kept == terms[10], f"14: {code} of event {event} is not conserved"
    assert not under, f"14: the ledger has codes that are not there: {dict(under)}"
    for pool, places in set_aside.items():
        assert pools[pool][5] >= places, f"14: {places} places of {pool} are set aside, {pools[pool][5]} are kept"


def _check_outbox(redis: Client, prefix: str) -> None:
    """No gaps within an epoch; the first entry of an epoch names the last one before it; the last is that of meta."""
    epoch, last, before_epoch = redis.hmget(prefix + "meta", "epoch", "seq", "before")
    follows: bytes | None = None
    for entry_id, fields in redis.xrange(prefix + "outbox"):
        if follows is not None:
            of, number = (int(part) for part in follows.split(b"-"))
            if entry_id != b"%d-%d" % (of, number + 1):
                later = int(entry_id.split(b"-")[0])
                assert later > of, f"7: the outbox has {entry_id!r} after {follows!r}"
                assert entry_id == b"%d-1" % later, f"7: the epoch of {entry_id!r} has no first entry"
                assert fields.get(b"p") == follows, f"7: {entry_id!r} after {follows!r} names {fields.get(b'p')}"
        follows = entry_id
    if follows is not None:
        # An epoch that has no entry yet knows the last one before it.
        known = before_epoch if last == b"0" else b"%s-%s" % (epoch, last)
        assert follows == known, f"7: the outbox ends at {follows!r}, meta says {known!r}"
