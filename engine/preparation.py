"""The start on a server: it is checked, gets the library, and has the partitions made that are missing."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import ResponseError

from engine.client import Redis
from engine.errors import Fault, Misconfigured, Unready
from engine.functions import LibraryFunctions
from engine.ids import new_secret
from engine.library import install_on
from engine.limits import LimitsInForce, tell_difference
from engine.redis_keys import PartitionKeys, spread_keys
from engine.server import check_server
from engine.settings import Settings

log = structlog.get_logger(__name__)


class Preparation:
    """Makes the partitions with these keys, and publishes `limits` in them; without, it publishes none."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        keys: list[PartitionKeys],
        functions: LibraryFunctions,
        limits: LimitsInForce | None,
    ) -> None:
        self._settings, self._redis, self._keys = settings, redis, keys
        self._functions, self._limits = functions, limits
        self.id_secrets = [new_secret() for _ in keys]
        """Of each partition; ours only where Redis had none."""
        self.away: set[int] = set()
        """Partitions whose server was not there when this process started, and has not been since."""
        self._told_lost: list[int] = []

    async def prepare(self) -> None:
        """Puts the library on the servers, and makes the partitions. A cluster may lack some of its servers."""
        nodes = await self._redis.primaries()
        if len(nodes) == 1:
            await self._prepare_node(nodes[0])
            await self._check_tags()
            await self.make_all()
            return
        prepared = await asyncio.gather(*map(self._prepare_node, nodes), return_exceptions=True)
        if all(isinstance(result, Fault) for result in prepared):
            raise Misconfigured("no node of the cluster answers; check ONSALE_REDIS_URL")
        for result in prepared:
            if isinstance(result, BaseException) and not isinstance(result, Fault):
                raise result
        self.away = {keys.partition for keys in self._keys}
        await self._make_away(self._make)
        if len(self.away) == len(self._keys):
            raise Misconfigured("no partition can be used: no node of the cluster takes writes")

    async def make_all(self) -> None:
        """Makes the partitions that are not there yet, and publishes the limits.

        Raises Misconfigured if the server has another number of partitions.
        """
        self._tell_limits([await self._make(keys) for keys in self._keys])

    async def make_returned(self) -> None:
        """Makes those of the partitions that were away whose server came back, and may be used."""
        await self._make_away(self._make_on_returned)

    async def _make_on_returned(self, keys: PartitionKeys) -> str:
        """As `_make`; the server may come back with an older library, or with settings that must not be used."""
        try:
            await self._prepare_node(self._redis.at(keys.meta))
            return await self._make(keys)
        except Misconfigured as error:  # other partitions go on selling
            raise Unready(str(error)) from error

    async def _make_away(self, make: Callable[[PartitionKeys], Awaitable[str]]) -> None:
        """Makes those of the partitions that were away whose server is there now."""
        missing = await self._usable([keys for keys in self._keys if keys.partition in self.away])
        made = await asyncio.gather(*map(make, missing), return_exceptions=True)
        limits = []
        for keys, result in zip(missing, made, strict=True):
            if isinstance(result, str):
                self.away.discard(keys.partition)
                limits.append(result)
            elif not isinstance(result, Fault | ResponseError):
                raise result
            else:
                self._redis.outage_of(keys).failed(result)
        self._tell_limits(limits)

    async def _check_tags(self) -> None:
        """Raises Misconfigured for a single server with data of a cluster: its partitions would be made once more."""
        if self._redis.is_cluster:
            return
        metas = [[keys.meta for keys in some] for some in (self._keys, spread_keys(len(self._keys)))]
        plain, spread = await self._redis.calls([("EXISTS", *names) for names in metas])
        if spread and not plain:
            raise Misconfigured(
                "the server has data of a cluster, whose keys have other names; start it with `cluster-enabled yes`, "
                "or run `onsale restore` into an empty server"
            )

    async def _prepare_node(self, node: Redis) -> None:
        await check_server(node, self._settings.replica_acks)
        await install_on(node)

    async def _usable(self, wanted: list[PartitionKeys]) -> list[PartitionKeys]:
        """The partitions of `wanted` that are there, or that may be made.

        Where another partition has a history, one that is not there was not just never made: it was lost, and would
        sell everything once more. It waits for `onsale restore --partitions lost`.
        """
        metas = await asyncio.gather(*map(self._meta, self._keys))
        if all(meta is not None for meta in metas) and not any(meta and meta[0] != b"0" for meta in metas):
            return wanted
        there = {keys.partition for keys, meta in zip(self._keys, metas, strict=True) if meta}
        lost = [keys.partition for keys in wanted if metas[keys.partition] == []]
        if lost and lost != self._told_lost:
            log.error("partitions_lost", partitions=lost, remedy="run `onsale restore --partitions lost`")
        self._told_lost = lost
        return [keys for keys in wanted if keys.partition in there]

    async def _meta(self, keys: PartitionKeys) -> list[bytes] | None:
        """The last outbox number of a partition, and what came before it; empty: it is not there; None: it is away."""
        try:
            sequence, before = await self._redis.hmget(keys.meta, ["seq", "before"])
        except Fault:
            return None
        return [] if sequence is None else [before or sequence]

    def _tell_limits(self, before: list[str]) -> None:
        """`before`: the limits that each partition had until now."""
        for limits in sorted(set(before)):
            if self._limits is not None:
                self._limits.published(limits)
            else:
                tell_difference(self._settings, limits)

    async def _make(self, keys: PartitionKeys) -> str:
        """Makes a partition unless it is there; the limits that were published.

        Replicas get it with the first command. Raises Misconfigured if the server has another number of partitions.
        """
        own = self._limits.text if self._limits is not None else ""
        arguments = len(self._keys), own, self.id_secrets[keys.partition].hex()
        reply: bytes = await self._functions.call(("FCALL", "onsale_init", len(keys.fixed), *keys.fixed, *arguments), 0)
        ready, _, limits = reply.decode().partition("\n")
        _, partitions, _, secret = ready.split()
        if int(partitions) != len(self._keys):
            raise Misconfigured(
                f"the server has {partitions} partitions, ONSALE_PARTITIONS is {len(self._keys)}; "
                f"set it to {partitions}: the number is fixed when a server is first used"
            )
        self.id_secrets[keys.partition] = bytes.fromhex(secret)
        return limits
