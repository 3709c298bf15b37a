"""The Redis user of production: what a thief of its password could do. The other system tests show that it suffices."""

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from tests.support.system.process_stack import Stack

_NEVER = [
    ("FLUSHALL",),
    ("KEYS", "*"),
    ("CONFIG", "SET", "appendonly", "no"),
    ("ACL", "SETUSER", "onsale", "+@all"),
    ("SHUTDOWN",),
    ("EVAL", "return 1", "0"),
    ("FUNCTION", "FLUSH"),
    ("REPLICAOF", "NO", "ONE"),
    ("GET", "another-application:key"),
    ("SET", "another-application:key", "1"),
]


def test_the_user_has_no_right_that_it_does_not_need(stack: Stack) -> None:
    with Redis.from_url(stack.settings.redis_url, socket_timeout=5) as redis:
        assert redis.ping()
        for command in _NEVER:
            with pytest.raises(NoPermissionError):
                redis.execute_command(*command)


def test_nobody_gets_in_without_a_password(repository: Path) -> None:
    lines = (repository / "deploy" / "valkey" / "users.acl").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "user default off"
    assert [line.split()[1:4] for line in lines[1:]] == [["onsale", "on", "#PASSWORD_SHA256"]]
