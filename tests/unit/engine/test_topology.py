"""Which node has which slot, as several nodes tell it, and which tags spread the partitions over them."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError

from engine.addresses import Address, address_of, url_at, urls_of
from engine.redis_keys import SLOTS, key_tags, slot_of, spread_keys, spread_tags
from engine.topology import Topology, merged, shards_of

A, B = Address("10.0.0.1", 7001), Address("10.0.0.2", 7002)


def view(*shards: tuple[str, Address, int, int, int]) -> list[Any]:
    """CLUSTER SLOTS and CLUSTER NODES: id, address, epoch, first and last slot of each primary."""
    slots = [
        [first, last, [address.host.encode(), address.port, node.encode(), []]]
        for node, address, _, first, last in shards
    ]
    nodes = "".join(
        f"{node} {address}@17000 master - 0 0 {epoch} connected {first}-{last}\n"
        for node, address, epoch, first, last in shards
    )
    return [slots, nodes.encode()]


def topology_of(views: dict[Address, list[Any]]) -> Topology:
    async def ask(address: Address) -> list[Any]:
        if address not in views:
            raise RedisConnectionError("it is away")
        return views[address]

    return Topology([A, B], ask, 1)


def test_the_highest_epoch_wins() -> None:
    old, new = view(("a", A, 1, 0, SLOTS - 1)), view(("a", A, 1, 0, 99), ("b", B, 7, 100, SLOTS - 1))
    for order in ([old, new], [new, old]):
        shards = merged(shards_of(A, told) for told in order)
        assert [shard.node_id for shard in shards] == ["a", "b"], "whose word comes last is the newest"


async def test_a_failover_is_seen_though_the_old_primary_denies_it() -> None:
    views = {A: view(("a", A, 1, 0, SLOTS - 1))}
    topology, told = topology_of(views), []
    topology.on_change(lambda: told.append(topology.owner(5)))
    await topology.refresh()
    assert (topology.owner(5), topology.changes) == (A, 0)
    views[B] = view(("b", B, 2, 0, SLOTS - 1))
    await topology.refresh()
    assert (topology.owner(5), topology.changes) == (B, 1)
    assert told == [A, B]
    await topology.close()


async def test_many_who_want_to_know_ask_once() -> None:
    asked = Counter[Address]()

    async def ask(address: Address) -> list[Any]:
        asked[address] += 1
        return view(("a", A, 1, 0, SLOTS - 1))

    topology = Topology([A], ask, 1)
    await asyncio.gather(*(topology.refresh() for _ in range(10)))
    assert asked == {A: 1}
    await topology.close()


async def test_nobody_answers() -> None:
    with pytest.raises(RedisConnectionError):
        await topology_of({}).refresh()


async def test_a_redirection_is_learnt_at_once() -> None:
    topology = topology_of({A: view(("a", A, 1, 0, SLOTS - 1))})
    await topology.refresh()
    assert topology.moved(MovedError("5 10.0.0.2:7002"))
    assert topology.owner(5) == B
    assert not topology.moved(MovedError("5 10.0.0.2:7002")), "nothing new: it must not be sent again without a pause"
    await topology.close()


def test_a_node_without_a_host_is_the_one_that_was_asked() -> None:
    told = view(("a", A, 1, 0, 9))
    told[0][0][2][0] = b""
    assert shards_of(B, told)[0].primary == Address(B.host, A.port)


def test_a_primary_without_slots_is_known() -> None:
    told = view(("a", A, 1, 0, SLOTS - 1))
    told[1] += b"b 10.0.0.2:7002@17000 master - 0 0 0 connected\nc 10.0.0.3:7003@17000 master,fail - 0 0 0 connected\n"
    assert [shard.primary for shard in shards_of(A, told)] == [A, B]


@pytest.mark.parametrize(
    ("shards", "each"), [(1, {16}), (2, {8}), (3, {5, 6}), (4, {4}), (5, {3, 4}), (6, {2, 3}), (8, {2}), (16, {1})]
)
def test_tags_spread_partitions_evenly(shards: int, each: set[int]) -> None:
    """By equal ranges of slots, as cluster tools make them."""
    owners = Counter(key_slot(tag.encode()) * shards // SLOTS for tag in spread_tags(16))
    assert len(owners) == shards
    assert set(owners.values()) == each


@pytest.mark.parametrize("partitions", [1, 3, 6, 16, 64])
def test_keys_are_in_no_slot_of_a_partition(partitions: int) -> None:
    """So a partition that is moved takes no keys of other partitions' holds with it."""
    keys = {key_slot(tag.encode()) for tag in key_tags(4)}
    assert {slot * 4 // SLOTS for slot in keys} == set(range(4)), "they are spread"
    assert not keys & {key_slot(tag.encode()) for tag in spread_tags(partitions)}


def test_the_tags_of_a_single_server_do_not() -> None:
    """The negative control."""
    owners = Counter(key_slot(f"p{partition:02}".encode()) * 8 // SLOTS for partition in range(16))
    assert len(owners) < 8


def test_all_keys_of_a_partition_have_one_slot() -> None:
    for keys in spread_keys(16):
        assert {slot_of(key) for key in (*keys.fixed, keys.hold("1-x"), keys.queue(1), keys.seat_map(1, "s1"))} == {
            slot_of(keys.meta)
        }


def test_addresses() -> None:
    urls = urls_of("rediss://onsale:secret@a:1/0?ssl_cert_reqs=none,b:2,redis://c:3")
    assert urls[1] == "rediss://onsale:secret@b:2/0?ssl_cert_reqs=none"
    assert [address_of(url) for url in urls] == [Address("a", 1), Address("b", 2), Address("c", 3)]
    assert url_at("redis://:secret@a:1/0", Address("::1", 7)) == "redis://:secret@[::1]:7/0"
