"""A cluster of three primaries and a spare node: each call finds its node, and slots move while holds are taken."""

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest
from msgspec.structs import replace
from redis import Redis

from cli.dev.embedded_cluster import EmbeddedCluster
from engine.addresses import Address
from engine.catalogue import tell_position
from engine.cluster import ClusterClient
from engine.commands.events import Count
from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment
from engine.engine import Engine
from engine.errors import EngineBug, Fault
from engine.ids import new_attempt_id, new_reservation_id
from engine.library import library_text
from engine.outbox import BEGINNING, read_confirmed
from engine.redis_keys import PartitionKeys, slot_of, spread_keys
from engine.results.events import Counts
from engine.results.holds import Cancelled, Held
from engine.results.payments import Paying
from engine.settings import Settings
from engine.stock import TicketCounts
from tests.support.cluster.moves import move_at_once, moving_by_keys
from tests.support.engine.bulk_holds import event_of
from tests.support.engine.unanswered_call import no_answer_after_a_refusal
from tests.support.invariants import check_invariants
from tests.support.redis_nodes import primaries
from tests.support.waiting import wait_until

SPARE = 3
EVENTS = range(16, 32)
"""One of each partition."""

_DUE_MS = 200
_TRIES = 8
_BALLAST = 30_000
"""That many keys make a move last long enough."""

_GUARD = "redis.call('EXISTS', prefix .. 'guard', prefix .. 'guard:2')"
_NO_MSETEX = "not in_cluster() and redis.call('COMMAND', 'INFO', 'MSETEX')"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with EmbeddedCluster(folder, folder, 3, 0, spares=1) as cluster:
        yield cluster


@pytest.fixture
def settings(cluster: EmbeddedCluster, request: pytest.FixtureRequest) -> Iterator[Settings]:
    with primaries(cluster.url) as nodes:
        for redis in nodes:
            redis.flushall()
            redis.function_flush()
            redis.config_resetstat()
    slot = slot_of(spread_keys(16)[0].meta)
    if cluster.primary_of(slot) == SPARE:  # a control left it there
        move_at_once(cluster, slot, 0)
    yield Settings(redis_url=cluster.url, auth="off")
    if request.node.get_closest_marker("damages_keys") is None:
        check_invariants(cluster.url)


def hold_of(event_id: int, hold_ms: int = 0) -> Hold:
    reservation_id = new_reservation_id(event_id)
    return Hold(reservation_id, event_id, reservation_id, "{}", "digest", items_text([(7, 1)]), hold_ms)


async def counts(engine: Engine, event_id: int) -> TicketCounts:
    answer = await engine.submit(Count(event_id))
    assert isinstance(answer, Counts)
    return answer.tickets[0]


def stat(cluster: EmbeddedCluster, section: str, name: str) -> int:
    """The sum of a figure over all nodes."""
    total = 0
    for number in range(len(cluster.nodes)):
        with cluster.client(number) as redis:
            told = redis.info(section).get(name, {})
            total += int(told.get("count", told.get("calls", 0)))
    return total


async def test_each_call_goes_to_the_node_of_its_key(cluster: EmbeddedCluster, settings: Settings) -> None:
    async with Engine(settings) as engine:
        for event_id in EVENTS:
            await engine.submit(event_of(event_id, 100))
        held = await asyncio.gather(*(engine.submit(hold_of(event_id)) for event_id in EVENTS for _ in range(5)))
        assert all(isinstance(result, Held) for result in held)
        for number in range(50):
            assert await engine.claim(f"answer:{{{number}}}", "x", 1000, settles=True) is None
        assert await engine.redis.hget(engine.keys[3].meta, "partitions") == b"16"
    assert stat(cluster, "commandstats", "cmdstat_fcall") > 0
    assert stat(cluster, "errorstats", "errorstat_MOVED") == 0, "a call went to a node that has not its slot"
    with primaries(cluster.url) as nodes:
        holding = [sum(b":ledger" in key for key in redis.scan_iter(count=1000)) for redis in nodes]
    assert sorted(filter(None, holding)) == [5, 5, 6], "each of the three has its share of the partitions"


async def test_a_lost_library_is_installed_on_the_node_that_lost_it(
    cluster: EmbeddedCluster, settings: Settings
) -> None:
    async with Engine(settings) as engine:
        await engine.submit(event_of(16, 100))
        home = cluster.primary_of(slot_of(engine.keys[0].meta))
        cluster.call(home, "FUNCTION", "FLUSH")
        assert isinstance(await engine.submit(hold_of(16)), Held)
        assert await engine.claim("answer:{x}", "x", 1000, settles=True) is None


async def missing_after_a_move(cluster: EmbeddedCluster, engine: Engine) -> int:
    """The missing keys of live holds after a slot with many keys went to a new shard and back in a sale."""
    keys = engine.keys[0]
    await engine.submit(event_of(16, 1_000_000))
    slot, done = slot_of(keys.meta), asyncio.Event()
    home = cluster.primary_of(slot)
    ballast = [f"{{{keys.tag}}}:ballast:{number}" for number in range(_BALLAST)]
    for start in range(0, _BALLAST, 1000):
        await engine.redis.calls([("SET", key, "x" * 200) for key in ballast[start : start + 1000]])

    async def buy() -> list[str]:
        held: list[str] = []
        while not done.is_set():
            hold, gone = hold_of(16), hold_of(16)
            for one in (hold, gone):
                assert isinstance(await engine.submit(one), Held)
            assert isinstance(await engine.submit(Cancel(gone.reservation_id)), Cancelled)
            held.append(keys.hold(hold.reservation_id))
        return held

    async with asyncio.TaskGroup() as tasks:
        buyers = [tasks.create_task(buy()) for _ in range(8)]
        for to in (SPARE, home):
            if to == SPARE:
                cluster.call(to, "FUNCTION", "FLUSH")
            await asyncio.to_thread(move_at_once, cluster, slot, to)
            before = engine.changes[0]
            await wait_until(lambda at=before: engine.changes[0] > at + 5, what="it sells there")  # type: ignore[misc]
        done.set()
    for start in range(0, _BALLAST, 1000):
        await engine.redis.calls([("DEL", *ballast[start : start + 1000])])
    held = [key for buyer in buyers for key in buyer.result()]
    assert (await counts(engine, 16)).held == len(held)
    found: list[int] = await engine.redis.calls([("EXISTS", key) for key in held])
    return len(held) - sum(found)


async def test_a_slot_moves_in_one_piece_to_a_new_shard_while_holds_are_taken(
    cluster: EmbeddedCluster, settings: Settings
) -> None:
    """The new shard gets the library before its first batch, nobody is refused, and every key comes along."""
    async with Engine(settings) as engine:
        assert await missing_after_a_move(cluster, engine) == 0


@pytest.mark.damages_keys
async def test_strings_of_msetex_are_lost_while_a_slot_moves(
    cluster: EmbeddedCluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control, and the reason why a cluster does without MSETEX."""
    careless = without(library_text(), _NO_MSETEX, "redis.call('COMMAND', 'INFO', 'MSETEX')")
    monkeypatch.setattr("engine.library.library_text", lambda: careless)
    async with Engine(settings) as engine:
        for _ in range(_TRIES):  # a write must come while the last keys are on their way
            try:
                missing = await missing_after_a_move(cluster, engine)
            except ExceptionGroup:  # a customer has met a torn hold
                return
            if missing:
                return
    pytest.fail("MSETEX loses nothing any more: a cluster could use it again")


async def torn_or_refused(cluster: EmbeddedCluster, engine: Engine) -> tuple[int, int]:
    """Sweeps a partition while its slot is on its way; the places held by its ledger, and by its counters.

    All keys that a sweep names are there, so the node runs it. What it writes first may be a key that is not.
    """
    keys = engine.keys[0]
    await engine.submit(event_of(16, 10))
    due, paying = hold_of(16, _DUE_MS), hold_of(16)
    assert isinstance(await engine.submit(due), Held)
    assert isinstance(await engine.submit(paying), Held)
    attempt = new_attempt_id(paying.reservation_id)
    begun = await engine.submit(BeginPayment(paying.reservation_id, attempt, 30_000, "digest"))
    assert isinstance(begun, Paying)
    assert isinstance(await engine.submit(hold_of(16)), Held)
    await add_keys_of_bookings(engine, keys)
    home = cluster.primary_of(slot_of(keys.meta))
    with cluster.client(home) as redis:
        await wait_until(lambda: not redis.exists(keys.hold(due.reservation_id)), what="it has expired")
    with moving_by_keys(cluster, slot_of(keys.meta), SPARE), cluster.client(home) as redis:
        with pytest.raises((Fault, EngineBug)):
            await engine.sweep(0)
        told = redis.xlen(keys.outbox), held_in_pools(redis, keys)
    await remove_keys_of_bookings(engine, keys)
    return told


def without(text: str, part: str, instead: str = "") -> str:
    assert text.count(part) == 1
    return text.replace(part, instead)


async def add_keys_of_bookings(engine: Engine, keys: PartitionKeys) -> None:
    """A partition with timed events has these keys. What is in them is far from due."""
    for command in (
        ("HSET", keys.bookings, "99/x", "x"),
        ("ZADD", keys.slots, 9e15, "99/slot:2099-01-01T10:00"),
        ("ZADD", keys.purges, 9e15, "99/x"),
    ):
        await engine.redis.execute_command(*command)


async def remove_keys_of_bookings(engine: Engine, keys: PartitionKeys) -> None:
    for name in (keys.bookings, keys.slots, keys.purges):
        await engine.redis.delete(name)


def held_in_pools(redis: "Redis", keys: PartitionKeys) -> int:
    return int(str(redis.hget(keys.pools, "16/7")).split()[2])


@pytest.mark.damages_keys  # MIGRATE lengthens the lives of keys by the time that it takes
async def test_while_a_slot_moves_key_by_key_a_batch_is_refused_before_it_writes(
    cluster: EmbeddedCluster, settings: Settings
) -> None:
    async with Engine(replace(settings, command_timeout_ms=500)) as engine:
        home = cluster.primary_of(slot_of(engine.keys[0].meta))
        entries, held = await torn_or_refused(cluster, engine)
        assert (entries, held) == (4, 2), "the sweep wrote nothing"
        assert isinstance(await engine.submit(hold_of(16)), Held), "the new node sells"
        with moving_by_keys(cluster, slot_of(engine.keys[0].meta), home):
            pass
        assert isinstance(await engine.submit(hold_of(16)), Held), "so does the old one again"
        await engine.sweep(0)
        assert (await counts(engine, 16)).held == 3


@pytest.mark.damages_keys
async def test_without_the_guard_the_batch_is_torn(
    cluster: EmbeddedCluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the outbox has places that were given back, and the pool has them still."""
    careless = without(library_text(), _GUARD)
    monkeypatch.setattr("engine.library.library_text", lambda: careless)
    async with Engine(replace(settings, command_timeout_ms=500)) as engine:
        home = cluster.primary_of(slot_of(engine.keys[0].meta))
        entries, held = await torn_or_refused(cluster, engine)
        assert (entries > 4, held) == (True, 2), "entries were written, and what they tell was not done"
        with moving_by_keys(cluster, slot_of(engine.keys[0].meta), home):
            pass


async def test_calls_outside_the_batches_follow_a_slot_that_moves(cluster: EmbeddedCluster, settings: Settings) -> None:
    """ASK goes to the other node on the same connection."""
    async with Engine(settings) as engine:
        key = "answer:{moving}"
        assert await engine.claim(key, "first", 60_000, settles=True) is None
        home = cluster.primary_of(slot_of(key))
        with moving_by_keys(cluster, slot_of(key), SPARE) as move:
            assert await engine.claim(key, "second", 60_000, settles=True) == b"first"
            move.take(key)
            assert await engine.claim(key, "third", 60_000, settles=True) == b"first"
        assert await engine.redis.get(key) == b"first"
        with moving_by_keys(cluster, slot_of(key), home):
            pass
        assert await engine.redis.delete(key) == 1
    assert stat(cluster, "commandstats", "cmdstat_asking") > 0


async def test_a_node_without_the_library_gets_it_whatever_is_called_first(
    cluster: EmbeddedCluster, settings: Settings
) -> None:
    """As where a slot has moved to a new node: readers may come before the first batch."""

    def forget() -> None:
        for number in range(len(cluster.nodes)):
            cluster.call(number, "FUNCTION", "FLUSH")

    async with Engine(settings) as engine:
        await engine.submit(event_of(16, 100))
        await engine.submit(hold_of(16))
        forget()
        await tell_position(engine.redis, "reader", 1)
        forget()
        assert await read_confirmed(engine.redis, engine.keys[0], BEGINNING, limit=9, acks=0, timeout_ms=100)


async def test_a_batch_waits_for_a_slot_that_no_node_has(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Engine(settings) as engine:
        await engine.submit(event_of(16, 100))
        topology, slot = cast("ClusterClient", engine.redis).nodes.topology, slot_of(engine.keys[0].meta)
        owner, asked = topology.owner, list[int]()

        def nobody_at_first(which: int) -> Address | None:
            if which == slot and len(asked) < 5:
                asked.append(which)
                return None
            return owner(which)

        monkeypatch.setattr(topology, "owner", nobody_at_first)
        assert isinstance(await engine.submit(hold_of(16)), Held)
        assert len(asked) == 5


async def test_a_call_that_gets_no_answer_after_a_refusal_may_have_had_its_effect(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await no_answer_after_a_refusal(settings, monkeypatch)
