"""Alerts that a server tells by itself: quiet while all is well, firing when they should, as those of Prometheus do."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from api.console import conditions
from api.console.conditions import Observed, alerts_of
from engine.inspection import UnsettledPayments
from engine.open_work import OpenWork
from sync.read_models.late_work import LateWork

IDLE = OpenWork(3, 0, 0, 0, UnsettledPayments(0, 0, 0))
WELL = Observed("ok", "ok", [], {0: IDLE, 1: IDLE}, 0.5, 10, LateWork(5.0, 0, 0))


def worse(**changes: object) -> Observed:
    return WELL._replace(**changes)  # type: ignore[arg-type]


def work(**changes: object) -> Observed:
    return worse(work={0: IDLE, 1: IDLE._replace(**changes)})  # type: ignore[arg-type]


BAD = {
    "Unavailable": worse(redis="away"),
    "RedisMemoryFull": worse(redis="full", memory_ratio=1.0),
    "RedisMemoryHigh": worse(memory_ratio=0.81),
    "QueueLong": worse(queued=4097),
    "ShardAway": worse(away=[1]),
    "SweepLate": work(overdue_ms=5001),
    "MoneyWaits": work(payments=UnsettledPayments(1, 0, 901_000)),
    "SyncLate": work(outbox_ms=61_000),
    "WebhooksLate": worse(late=LateWork(3601, 0, 0)),
    "WebhookEndpointOff": worse(late=LateWork(0, 1, 0)),
    "DeadLetters": worse(late=LateWork(0, 0, 2)),
}
QUIET = worse(
    memory_ratio=0.8,
    queued=4096,
    work={0: OpenWork(3, 9, 60_000, 5000, UnsettledPayments(2, 1, 900_000)), 1: IDLE},
    late=LateWork(3600, 0, 0),
)
LIMITS = {
    "QueueLong": conditions.QUEUED_COMMANDS,
    "RedisMemoryHigh": conditions.MEMORY_RATIO,
    "SweepLate": conditions.OVERDUE_MS,
    "SyncLate": conditions.LAG_SECONDS,
    "MoneyWaits": conditions.UNSETTLED_SECONDS,
    "WebhooksLate": conditions.WEBHOOK_SECONDS,
}


@pytest.fixture
def rules(repository: Path) -> dict[str, dict[str, object]]:
    alerts = yaml.safe_load((repository / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    return {rule["alert"]: rule for group in alerts["groups"] for rule in group["rules"]}


@pytest.mark.parametrize("seen", [WELL, QUIET], ids=["well", "at_the_limits"])
def test_all_is_quiet(seen: Observed) -> None:
    assert alerts_of(seen) == []


@pytest.mark.parametrize("name", BAD)
def test_each_fires(name: str, rules: dict[str, dict[str, object]]) -> None:
    (alert,) = alerts_of(BAD[name])
    assert alert.name == name
    assert {"severity": alert.severity} == rules[name]["labels"]
    assert alert.partition == (1 if name == "ShardAway" else None)


@pytest.mark.parametrize("name", LIMITS)
def test_limits_are_those_of_prometheus(name: str, rules: dict[str, dict[str, object]]) -> None:
    (limit,) = re.findall(r"> ([\d.]+)$", str(rules[name]["expr"]))
    assert float(limit) == LIMITS[name]


def test_conditions_that_wake_people_come_first() -> None:
    seen = worse(redis="away", away=[3, 1], late=LateWork(0, 1, 1))
    assert [(alert.name, alert.partition) for alert in alerts_of(seen)] == [
        ("ShardAway", 1),
        ("ShardAway", 3),
        ("Unavailable", None),
        ("DeadLetters", None),
        ("WebhookEndpointOff", None),
    ]


def test_a_missing_postgres_is_reported_at_once() -> None:
    (alert,) = alerts_of(worse(postgres="away", late=None))
    assert alert.name == "SyncLate"


def test_unknown_figures_raise_no_alert() -> None:
    damaged = IDLE._replace(payments=msgspec.DecodeError("damaged"))
    assert alerts_of(worse(memory_ratio=None, late=None, work={0: damaged})) == []
    assert worse(work={}).lag_ms is None
