"""Errors of Redis: which pass, and which say that another server has taken over."""

import pytest
from redis._parsers import BaseParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError

from engine.server_errors import code_of, is_unready, leads_elsewhere

_ELSEWHERE = {
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "MOVED 3999 127.0.0.1:6381",
    "ASK 3999 127.0.0.1:6381",
    "CLUSTERDOWN The cluster is down",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
}
_UNREADY = {
    "OOM command not allowed when used memory > 'maxmemory'.",
    "LOADING Redis is loading the dataset in memory",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "NOPERM User app has no permissions to run the 'fcall' command",
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "NOREPLICAS Not enough good replicas to write.",
}
_BUGS = {"ERR wrong number of arguments", "WRONGTYPE Operation against a key", "NOSCRIPT No matching script"}


@pytest.mark.parametrize("words", sorted(_ELSEWHERE | _UNREADY | _BUGS))
def test_an_answer_is_judged_by_its_code(words: str) -> None:
    error = BaseParser.parse_error(words)  # type: ignore[no-untyped-call]  # redis-py does not annotate it
    assert code_of(error) == words.split(maxsplit=1)[0]
    assert is_unready(error) == (words not in _BUGS)
    assert leads_elsewhere(error) == (words in _ELSEWHERE)


def test_an_error_made_without_its_code_is_judged_by_its_class() -> None:
    assert leads_elsewhere(ReadOnlyError("You can't write against a read only replica."))


def test_a_lost_connection_is_no_answer() -> None:
    assert not is_unready(RedisConnectionError("READONLY is only a word here"))
