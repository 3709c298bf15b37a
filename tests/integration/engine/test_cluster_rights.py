"""The users of a cluster's nodes (deploy/valkey): they may do what replication, moves of slots and Onsale need."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from cli.dev.embedded import EmbeddedValkey
from cli.ports import LOOPBACK, free_port
from engine.commands.events import Count
from engine.engine import Engine
from engine.redis_keys import SLOTS, slot_of
from engine.results.events import UnknownPool
from engine.settings import Settings
from tests.support.waiting import wait_until

PATIENCE_SECONDS = 30


@pytest.fixture
def nodes(tmp_path: Path, repository: Path) -> Iterator[list[EmbeddedValkey]]:
    """Three primaries and a replica that do not know each other. Their default user may do what starting them takes."""
    folder = repository / "deploy" / "valkey"
    text = "".join((folder / name).read_text(encoding="utf-8") for name in ("users.acl", "users.cluster.acl"))
    text = text.replace("PASSWORD_SHA256", hashlib.sha256(b"secret").hexdigest())
    text = text.replace("user default off", "user default on nopass -@all +ping +info")
    with ExitStack() as stack:
        started = []
        for number in range(4):
            acl_file = tmp_path / f"users-{number}.acl"
            acl_file.write_text(text, encoding="utf-8")
            options = {
                "cluster-enabled": "yes",
                "cluster-port": str(free_port()),
                "cluster-require-full-coverage": "no",
                "primaryuser": "replica",
                "primaryauth": "secret",
                "repl-diskless-sync-delay": "0",
            }
            node = EmbeddedValkey(
                tmp_path / f"node-{number}", tmp_path / f"node-{number}.log", acl_file=acl_file, options=options
            )
            started.append(stack.enter_context(node))
        yield started


async def test_rights_suffice(nodes: list[EmbeddedValkey]) -> None:
    with ExitStack() as stack:
        operators: list[Any] = [
            stack.enter_context(
                Redis(port=node.port, username="operator", password="secret", decode_responses=True, socket_timeout=5)
            )
            for node in nodes
        ]
        for number, operator in enumerate(operators[:3]):
            first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            operator.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in nodes[1:]:
            operators[0].execute_command("CLUSTER", "MEET", LOOPBACK, node.port, node.cluster_port)
        ids = [operator.execute_command("CLUSTER", "MYID") for operator in operators]
        await wait_until(lambda: ids[0] in _nodes(operators[3]), PATIENCE_SECONDS, "they know each other")
        operators[3].execute_command("CLUSTER", "REPLICATE", ids[0])
        await wait_until(
            lambda: operators[3].info("replication").get("master_link_status") == "up",
            PATIENCE_SECONDS,
            "the replica follows",
        )
        settings = Settings(redis_url=f"redis://onsale:secret@{LOOPBACK}:{nodes[1].port}", replica_acks=0)
        async with Engine(settings) as engine:
            slot = slot_of(engine.keys[0].meta)
            operators[0].execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", ids[1])
            await wait_until(lambda: f" {slot} " in _own_line(operators[1]), PATIENCE_SECONDS, "the slot has moved")
            assert isinstance(await engine.submit(Count(16)), UnknownPool), "it works there"


def _nodes(operator: Any) -> str:
    return str(operator.execute_command("CLUSTER", "NODES"))


def _own_line(operator: Any) -> str:
    return next(line for line in _nodes(operator).splitlines() if "myself" in line) + " "
