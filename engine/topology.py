"""The topology of a cluster: which node has which slots.

The nodes report it. Where they differ, the highest config epoch wins, as among the nodes. After a failover, the old
primary may believe for a while that it still has its slots.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog
from redis.exceptions import MovedError, RedisError

from engine.addresses import Address
from engine.redis_keys import SLOTS

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 30.0
_SUSPECT_SECONDS = 0.3
"""A call that takes longer may go to a node that hangs. Another one may have its slots by now."""

_SHORTEST_PAUSE_SECONDS = 0.1
_GRACE_SECONDS = 0.2
"""The wait for the other nodes after the first has answered."""

Ask = Callable[[Address], Awaitable[list[Any]]]
"""The replies of a node to CLUSTER SLOTS and CLUSTER NODES."""


class Shard(NamedTuple):
    """A primary with its replicas and ranges of slots. `epoch` is its config epoch."""

    primary: Address
    node_id: str
    epoch: int
    replicas: tuple[Address, ...]
    slots: tuple[tuple[int, int], ...]


def shards_of(asked: Address, told: Sequence[Any]) -> list[Shard]:
    """The shards as one node reports them, in reply to CLUSTER SLOTS and CLUSTER NODES. Slotless primaries too."""
    ranges, text = told
    lines = [line.split(" ") for line in _text(text).splitlines()]
    epochs = {line[0]: int(line[6]) for line in lines if len(line) > 6}
    found: dict[str, Shard] = {}
    for first, last, primary, *replicas in ranges:
        address = _address(primary, asked)
        if address is None:
            continue
        node_id = _text(primary[2])
        before = found.get(node_id)
        found[node_id] = Shard(
            address,
            node_id,
            epochs.get(node_id, 0),
            tuple(filter(None, (_address(replica, asked) for replica in replicas))),
            ((first, last),) if before is None else (*before.slots, (first, last)),
        )
    for node_id, where, flags, *_ in lines:
        # A primary without slots gets some soon, perhaps. CLUSTER SLOTS does not know it.
        if node_id not in found and "master" in flags and not {"fail", "noaddr"} & set(flags.split(",")):
            host, _, port = where.partition("@")[0].rpartition(":")
            found[node_id] = Shard(Address(host or asked.host, int(port)), node_id, epochs[node_id], (), ())
    return list(found.values())


def merged(views: Iterable[Iterable[Shard]]) -> list[Shard]:
    """The shards by the views of several nodes: each slot belongs to the primary with the highest config epoch."""
    by_node: dict[str, Shard] = {}
    for view in views:
        for shard in view:
            before = by_node.get(shard.node_id)
            if before is None or (shard.epoch, len(shard.slots)) > (before.epoch, len(before.slots)):
                by_node[shard.node_id] = shard
    return sorted(by_node.values(), key=lambda shard: shard.epoch)


def _address(node: Sequence[Any], asked: Address) -> Address | None:
    """The address of a node in CLUSTER SLOTS. No host: that of the node that was asked. "?": nobody knows it."""
    host = _text(node[0] or asked.host)
    return None if host == "?" else Address(host, int(node[1]))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class Topology:
    """The owners of all slots, and the callbacks for changes. Its tasks end with `close`.

    `seeds` are asked first. `ask` asks one node, and raises what redis-py raises.
    """

    def __init__(self, seeds: Sequence[Address], ask: Ask, timeout_seconds: float) -> None:
        self.seeds, self._ask, self._timeout = list(seeds), ask, timeout_seconds
        self._owners: list[Address | None] = [None] * SLOTS
        self.shards: list[Shard] = []
        self.changes = 0
        """The number of refreshes since the start that moved a slot."""
        self.under_way: dict[object, float] = {}
        """The calls under way, by when they began; `watched` keeps it, and callers that cannot afford `watched` do."""
        self._listeners: list[Callable[[], None]] = []
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_at = float("-inf")
        self._watching: asyncio.Task[None] | None = None

    def owner(self, slot: int) -> Address | None:
        """The primary that has the slot; None if no node is known to have it."""
        return self._owners[slot]

    @property
    def primaries(self) -> list[Address]:
        """All primaries, those without slots too."""
        return [shard.primary for shard in self.shards]

    def on_change(self, listener: Callable[[], None]) -> None:
        """Has it called after each refresh that moved a slot."""
        self._listeners.append(listener)

    @contextmanager
    def watched(self, call: object) -> Iterator[None]:
        """While the block runs, a call is under way. If it takes long, the nodes are asked who has its slot."""
        self.under_way[call] = asyncio.get_running_loop().time()
        try:
            yield
        finally:
            del self.under_way[call]

    def moved(self, error: MovedError) -> bool:
        """Learns where a slot is; true if that was not known. The rest is asked for soon."""
        address = Address(error.host, error.port)
        known = self._owners[error.slot_id] == address
        self._owners[error.slot_id] = address
        self.refresh_soon()
        return not known

    async def refresh(self) -> None:
        """Asks the nodes; however many want to know, one asks. Raises RedisError or OSError if no node answers."""
        if self._refreshing is None or self._refreshing.done():
            self._start_refresh()
        await asyncio.shield(self._refreshing)  # type: ignore[arg-type]  # it was just started

    def refresh_soon(self) -> None:
        """Asks the nodes in the background, unless they were asked a moment ago."""
        now = asyncio.get_running_loop().time()
        if now - self._refreshed_at >= _SHORTEST_PAUSE_SECONDS and (
            self._refreshing is None or self._refreshing.done()
        ):
            self._start_refresh()

    def watch(self) -> None:
        """Refresh the topology every 30 s, and while a call takes long, from now on."""
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="topology")

    async def close(self) -> None:
        """Ends all tasks."""
        tasks = [task for task in (self._refreshing, self._watching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_refresh(self) -> None:
        task = asyncio.get_running_loop().create_task(self._refresh(), name="topology-refresh")
        task.add_done_callback(_retrieve)
        self._refreshing = task

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_SUSPECT_SECONDS)
            oldest = min(self.under_way.values(), default=loop.time())
            if loop.time() - oldest > _SUSPECT_SECONDS or loop.time() - self._refreshed_at > REFRESH_SECONDS:
                self.refresh_soon()

    async def _refresh(self) -> None:
        try:
            self._learn(merged(await self._views()))
        finally:
            self._refreshed_at = asyncio.get_running_loop().time()

    def _learn(self, shards: list[Shard]) -> None:
        owners: list[Address | None] = [None] * SLOTS
        for shard in shards:  # in ascending order of their epochs: the last one counts
            for first, last in shard.slots:
                owners[first : last + 1] = [shard.primary] * (last + 1 - first)
        before, self.shards = self._owners, shards
        self._owners = owners
        if before == owners:
            return
        if any(before):
            self.changes += 1
            log.warning("cluster_changed", primaries=[str(shard.primary) for shard in shards if shard.slots])
        for listener in self._listeners:
            listener()

    async def _views(self) -> list[list[Shard]]:
        """The views of the nodes. Some may hang, so all are asked at once, and nobody is waited for long."""
        known = dict.fromkeys(
            [
                *self.primaries,
                *(replica for shard in self.shards for replica in shard.replicas),
                *filter(None, dict.fromkeys(self._owners)),
                *self.seeds,
            ]
        )
        asks = [asyncio.ensure_future(self._view(address)) for address in known]
        try:
            done, waiting = await asyncio.wait(asks, timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)
            while waiting and not any(_succeeded(ask) for ask in done):
                more, waiting = await asyncio.wait(waiting, timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED)
                if not more:
                    break
                done |= more
            if waiting:
                more, waiting = await asyncio.wait(waiting, timeout=_GRACE_SECONDS)
                done |= more
        finally:
            for ask in asks:
                ask.cancel()
            results = await asyncio.gather(*asks, return_exceptions=True)
        views = [result for result in results if not isinstance(result, BaseException)]
        if not views:
            errors = [result for result in results if isinstance(result, RedisError | OSError)]
            raise errors[0] if errors else TimeoutError("no node of the cluster answers")
        return views

    async def _view(self, address: Address) -> list[Shard]:
        return shards_of(address, await self._ask(address))


def _succeeded(ask: "asyncio.Future[Any]") -> bool:
    return ask.done() and not ask.cancelled() and ask.exception() is None


def _retrieve(task: "asyncio.Task[None]") -> None:
    """Waiting callers get the error; there need be none."""
    if not task.cancelled():
        task.exception()
