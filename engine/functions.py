"""Calls of the library's functions, outside of the batches."""

from typing import Any

from redis.exceptions import ResponseError

from engine.client import Redis
from engine.library import LibraryKeeper, misses_library
from engine.replicas import call_with_acks
from engine.settings import Settings
from engine.wire import Call


class LibraryFunctions:
    """The functions of the library on a server, or on the nodes of a cluster."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._settings, self._redis = settings, redis
        self.keeper = LibraryKeeper(redis)

    async def call(self, call: Call, acks: int) -> Any:
        """An FCALL; puts the library there first if the server has lost it."""
        key = call[3]
        installs = self.keeper.installs(key)
        try:
            return await self._execute(call, acks)
        except ResponseError as error:
            if not misses_library(error):
                raise
            await self.keeper.install_again(key, installs)
            return await self._execute(call, acks)

    async def _execute(self, call: Call, acks: int) -> Any:
        if acks:
            return await call_with_acks(self._redis, call, acks, self._settings.replica_timeout_ms)
        return await self._redis.execute_command(*call)
