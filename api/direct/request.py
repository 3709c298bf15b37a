"""A request that no request of aiohttp's was made for."""

import time
from collections.abc import Mapping
from typing import Any

from multidict import CIMultiDictProxy

from api.http.server import Connection


class DirectRequest:
    """A request as the shared functions use it, with the names of aiohttp's."""

    __slots__ = ("_kept", "app", "began", "connection", "headers", "method", "raw_path", "request_id")

    def __init__(
        self, app: Mapping[Any, Any], connection: Connection, method: str, path: str, headers: "CIMultiDictProxy[str]"
    ) -> None:
        self.app, self.connection, self.headers = app, connection, headers
        self.method, self.raw_path = method, path
        self.began = time.perf_counter()
        self.request_id = ""
        self._kept: dict[Any, Any] = {}

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.raw_path.partition("?")[0]

    @property
    def remote(self) -> str | None:
        """The address of the other end."""
        return self.connection.remote

    def __getitem__(self, key: Any) -> Any:
        return self._kept[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._kept[key] = value

    def get(self, key: Any, default: Any = None) -> Any:
        """The value that was stored with the request."""
        return self._kept.get(key, default)
