"""Errors of Redis, judged by their class or code, never by their words.

If redis-py has a class for an error, it removes the code word from the error's text. Otherwise it leaves the word.
"""

from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

TROUBLE = (RedisConnectionError, RedisTimeoutError, TimeoutError, OSError)
"""Errors of calls while the server is away or slow; the effect of the call is unknown."""

_CODES: dict[type[BaseException], str] = {
    AskError: "ASK",
    MovedError: "MOVED",
    BusyLoadingError: "LOADING",
    ClusterDownError: "CLUSTERDOWN",
    MasterDownError: "MASTERDOWN",
    NoPermissionError: "NOPERM",
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    TryAgainError: "TRYAGAIN",
}

_INTERRUPTED = "UNBLOCKED"
"""A call that waited (XREAD, WAIT) ends, because the server became a replica."""

_ELSEWHERE = frozenset({"ASK", "CLUSTERDOWN", "MASTERDOWN", "MOVED", "READONLY", _INTERRUPTED})
"""The server is not, or is no longer, the one that takes writes."""

_UNREADY = _ELSEWHERE | {"BUSY", "LOADING", "MISCONF", "NOPERM", "NOREPLICAS", "OOM", "TRYAGAIN"}
"""The server cannot do it now. It did nothing, but for what came before a WAIT that was interrupted."""


def code_of(error: BaseException) -> str:
    """The code word that Redis began its answer with; empty for what is no answer of Redis."""
    if isinstance(error, RedisError) and error.status_code:
        return error.status_code
    if type(error) is ResponseError:
        return str(error).partition(" ")[0]
    return _CODES.get(type(error), "")


def is_unready(error: BaseException) -> bool:
    """True if Redis refused for now: the same call may be sent again. It did nothing, unless `is_interrupted`."""
    return code_of(error) in _UNREADY or meets_moving_slot(error)


def is_interrupted(error: BaseException) -> bool:
    """True if a call that waited was ended early. What was sent with it may have had its effect."""
    return code_of(error) == _INTERRUPTED


def meets_moving_slot(error: BaseException) -> bool:
    """True if a function found that its slot is being moved, before it wrote (lua/05_server.lua). It has no code."""
    return type(error) is ResponseError and "non local key" in str(error)


def misses_partition(error: BaseException) -> bool:
    """True if a partition is not there (lua/20_unit.lua). The server was emptied, or is another one."""
    return isinstance(error, ResponseError) and "partition is not initialised" in str(error)


def leads_elsewhere(error: BaseException) -> bool:
    """True if another server has taken over. Close the connection and resolve the address again."""
    return code_of(error) in _ELSEWHERE
