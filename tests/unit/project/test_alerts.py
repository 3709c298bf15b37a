"""Every alert of deploy/prometheus/alerts.yml: quiet while all is well, and firing when it should, from a cold start.

Promtool plays the series that our processes would show. A cold start is the hard case: Prometheus has not seen a series
before it already tells of the trouble.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from api.metrics import Metrics
from sync.metrics import SyncMetrics

INTERVAL_SECONDS = 15
PERIOD = "40"  # scrapes: ten minutes


class Case(NamedTuple):
    """Series of an alert, as promtool writes them, while all is well and in trouble; when it must fire by."""

    quiet: dict[str, str]
    firing: dict[str, str]
    by: str
    labels: dict[str, str] = {}  # noqa: RUF012  # never changed


def lasting(*buckets: tuple[str, str], metric: str) -> dict[str, str]:
    """Buckets of a histogram, with how much each grows by at a scrape."""
    return {f'{metric}_bucket{{le="{le}"}}': f"0+{growth}x{PERIOD}" for le, growth in buckets}


UP = {'up{job="api"}': f"1x{PERIOD}", 'up{job="sync"}': f"1x{PERIOD}"}
BORN_AT_1 = f"_ _ 1x{PERIOD}"
RISEN_TO_1 = f"0 0 1x{PERIOD}"
ZERO = f"0x{PERIOD}"


def request(status: int) -> str:
    return f'onsale_requests_total{{method="POST",route="/v1/reservations",status="{status}"}}'


def memory(ratio: float) -> dict[str, str]:
    """The figures of two workers about the memory of Redis."""
    return {f'onsale_redis_memory_used_ratio{{instance="{worker}"}}': f"{ratio}x{PERIOD}" for worker in "ab"}


CASES = {
    "ApiDown": Case(UP, {'up{job="api"}': f"0x{PERIOD}"}, "30s", {"job": "api"}),
    "Unavailable": Case({request(503): f"0+1x{PERIOD}"}, {request(503): f"100+100x{PERIOD}"}, "1m"),
    "InternalErrors": Case({request(500): ZERO, request(201): f"1+1x{PERIOD}"}, {request(500): BORN_AT_1}, "30s"),
    "QueueLong": Case({"onsale_queued_commands": f"10x{PERIOD}"}, {"onsale_queued_commands": f"5000x{PERIOD}"}, "30s"),
    "RedisSlow": Case(
        lasting(("0.01", "10"), ("0.25", "10"), ("+Inf", "10"), metric="onsale_batch_seconds"),
        lasting(("0.01", "0"), ("0.25", "5"), ("1", "10"), ("+Inf", "10"), metric="onsale_batch_seconds"),
        "90s",
    ),
    "RedisMemoryFull": Case(memory(0.95), memory(1.0), "0s"),
    "RedisMemoryHigh": Case(memory(0.75), memory(0.85), "75s"),
    "EventLoopLate": Case(
        lasting(("0.01", "10"), ("0.1", "10"), ("+Inf", "10"), metric="onsale_event_loop_lag_seconds"),
        lasting(("0.01", "0"), ("0.1", "5"), ("1", "10"), ("+Inf", "10"), metric="onsale_event_loop_lag_seconds"),
        "90s",
    ),
    "CodesGuessed": Case(
        {'onsale_results_total{word="code_unknown"}': f"0+15x{PERIOD}"},
        {'onsale_results_total{word="code_unknown"}': f"150+150x{PERIOD}"},
        "105s",
    ),
    "WaitingListsLate": Case(
        {"onsale_waiting_lists_late_seconds": f"0.3x{PERIOD}"},
        {"onsale_waiting_lists_late_seconds": f"90x{PERIOD}"},
        "45s",
    ),
    "SweepLate": Case(
        {'onsale_sweep_lag_ms{partition="03"}': f"250x{PERIOD}"},
        {'onsale_sweep_lag_ms{partition="03"}': f"6000x{PERIOD}"},
        "45s",
    ),
    "ShardAway": Case(
        {'onsale_partition_away{partition="03"}': ZERO},
        {'onsale_partition_away{partition="03"}': f"1x{PERIOD}"},
        "30s",
        {"partition": "03"},
    ),
    "ClusterChanged": Case(
        {"onsale_cluster_changes": f"3x{PERIOD}"},
        {"onsale_cluster_changes": RISEN_TO_1},
        "45s",
    ),
    "AcknowledgedLost": Case(
        {"onsale_acknowledged_lost_total": ZERO}, {"onsale_acknowledged_lost_total": BORN_AT_1}, "30s"
    ),
    "ReplicasBehind": Case(
        {'onsale_replicas_behind_bytes{node="a:1"}': f"1000x{PERIOD}"},
        {'onsale_replicas_behind_bytes{node="a:1"}': f"20000000x{PERIOD}"},
        "45s",
        {"node": "a:1"},
    ),
    "ClockJumped": Case(
        {'onsale_clock_jumps_total{direction="forward"}': ZERO},
        {'onsale_clock_jumps_total{direction="forward"}': BORN_AT_1},
        "30s",
    ),
    "SyncDown": Case(UP, {'up{job="sync"}': f"0x{PERIOD}"}, "45s", {"job": "sync"}),
    "OutboxNotRead": Case(
        {"onsale_sync_partitions_led": f"2x{PERIOD}", 'onsale_sync_lag_entries{partition="00"}': ZERO}
        | {'onsale_sync_lag_entries{partition="01"}': ZERO},
        {"onsale_sync_partitions_led": f"1x{PERIOD}", 'onsale_sync_lag_entries{partition="00"}': ZERO}
        | {'onsale_sync_lag_entries{partition="01"}': ZERO},
        "75s",
    ),
    "SyncLate": Case(
        {'onsale_sync_lag_seconds{partition="03"}': f"2x{PERIOD}"},
        {'onsale_sync_lag_seconds{partition="03"}': f"100x{PERIOD}"},
        "75s",
    ),
    "WebhooksLate": Case(
        {"onsale_webhooks_oldest_seconds": f"60x{PERIOD}"}, {"onsale_webhooks_oldest_seconds": f"4000x{PERIOD}"}, "6m"
    ),
    "WebhooksDead": Case({"onsale_webhooks_dead_total": ZERO}, {"onsale_webhooks_dead_total": BORN_AT_1}, "30s"),
    "WebhookEndpointOff": Case(
        {"onsale_webhook_endpoints_off": ZERO}, {"onsale_webhook_endpoints_off": f"1x{PERIOD}"}, "0s"
    ),
    "OutboxBroken": Case(
        {'onsale_sync_stopped{partition="03"}': ZERO},
        {'onsale_sync_stopped{partition="03"}': f"1x{PERIOD}"},
        "0s",
        {"partition": "03"},
    ),
    "DeadLetters": Case({"onsale_sync_dead_letters_total": ZERO}, {"onsale_sync_dead_letters_total": BORN_AT_1}, "30s"),
    "MoneyWaits": Case(
        {'onsale_unsettled_age_seconds{partition="03"}': f"600x{PERIOD}"},
        {'onsale_unsettled_age_seconds{partition="03"}': f"1000x{PERIOD}"},
        "75s",
    ),
    "CardsDeclined": Case(
        {'onsale_payments_total{outcome="card_declined"}': f"0+4x{PERIOD}"}
        | {'onsale_payments_total{outcome="completed"}': f"0+9x{PERIOD}"},
        {'onsale_payments_total{outcome="card_declined"}': f"9+9x{PERIOD}"}
        | {'onsale_payments_total{outcome="completed"}': f"4+4x{PERIOD}"},
        "105s",
    ),
    "PaymentsUnclear": Case(
        {'onsale_payments_total{outcome="unknown"}': f"0+1x{PERIOD}"}
        | {'onsale_payments_total{outcome="completed"}': f"0+9x{PERIOD}"},
        {'onsale_payments_total{outcome="unknown"}': f"9+9x{PERIOD}"}
        | {'onsale_payments_total{outcome="completed"}': f"0+1x{PERIOD}"},
        "150s",
    ),
}

HAPPENINGS = sorted(name for name, case in CASES.items() if BORN_AT_1 in case.firing.values())
"""Alerts about something that happened once."""


@pytest.fixture(scope="module")
def alerts(repository: Path) -> Path:
    return repository / "deploy" / "prometheus" / "alerts.yml"


def rules_of(alerts: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load(alerts.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


class Trial(NamedTuple):
    """One alert, the series that are there, and the moments at which it may fire."""

    name: str
    series: dict[str, str]
    moments: tuple[str, ...]


def quiet(name: str) -> Trial:
    return Trial(name, CASES[name].quiet, ("0s", "1m", "10m"))


def cold_start(name: str) -> Trial:
    return Trial(name, CASES[name].firing, (CASES[name].by,))


def existing_series(name: str) -> Trial:
    return Trial(name, dict.fromkeys(CASES[name].firing, RISEN_TO_1), ("1m",))


def later(name: str) -> Trial:
    return Trial(name, dict.fromkeys(CASES[name].firing, "_ _ 1x400"), ("60m",))


def without_address(name: str) -> Trial:
    return Trial(name, {'up{job="other"}': f"1x{PERIOD}"}, (CASES[name].by,))


DOWN = ("ApiDown", "SyncDown")
TRIALS = [
    *(trial(name) for trial in (quiet, cold_start) for name in CASES),
    *(trial(name) for trial in (existing_series, later) for name in HAPPENINGS),
    *map(without_address, DOWN),
]

Fires = Callable[[Trial], set[str]]


@pytest.fixture(scope="module")
def fires(alerts: Path, tmp_path_factory: pytest.TempPathFactory) -> Fires:
    """The labels with which an alert fires at any of the moments, each as text. Promtool prints what it found.

    All trials are made by one process. Each plays its rule alone: all rules together take ten times as long.
    """
    program = shutil.which("promtool")
    assert program, "this test runs promtool: apt-get install prometheus"
    folder = tmp_path_factory.mktemp("alerts")
    rules = {rule["alert"]: rule for rule in rules_of(alerts)}
    files = [written(folder, number, trial, rules[trial.name]) for number, trial in enumerate(TRIALS)]
    done = subprocess.run(
        [program, "test", "rules", *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
    )
    told = re.findall(r"^Unit Testing: +(\S+)\n(.*?)(?=^Unit Testing:|\Z)", done.stdout, re.MULTILINE | re.DOTALL)
    assert [file for file, _ in told] == files, done
    found = {}
    for trial, (_, said) in zip(TRIALS, told, strict=True):
        found[repr(trial)] = set(re.findall(r"Labels:\s*\{([^}]*)\}", said))
        assert found[repr(trial)] or "SUCCESS" in said, said
    return lambda trial: found[repr(trial)]


def written(folder: Path, number: int, trial: Trial, rule: dict[str, Any]) -> str:
    """The name of the file of a trial: nothing is expected to fire."""
    rules = folder / f"{number}.rules.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": trial.name, "rules": [rule]}]}), encoding="utf-8")
    test = {
        "rule_files": [rules.name],
        "evaluation_interval": f"{INTERVAL_SECONDS}s",
        "tests": [
            {
                "interval": f"{INTERVAL_SECONDS}s",
                "input_series": [{"series": series, "values": values} for series, values in trial.series.items()],
                "alert_rule_test": [
                    {"eval_time": at, "alertname": trial.name, "exp_alerts": []} for at in trial.moments
                ],
            }
        ],
    }
    (folder / f"{number}.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    return f"{number}.yml"


def test_every_alert_has_a_case(alerts: Path) -> None:
    assert sorted(CASES) == sorted(rule["alert"] for rule in rules_of(alerts))


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_alert_is_quiet_while_all_is_well(fires: Fires, name: str) -> None:
    assert fires(quiet(name)) == set()


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_alert_fires_from_a_cold_start(fires: Fires, name: str) -> None:
    case = CASES[name]
    (labels,) = fires(cold_start(name))
    assert "severity=" in labels
    assert all(f'{label}="{value}"' in labels for label, value in case.labels.items())


@pytest.mark.parametrize("name", HAPPENINGS)
def test_a_single_event_fires_also_on_an_existing_series(fires: Fires, name: str) -> None:
    assert fires(existing_series(name))


@pytest.mark.parametrize("name", HAPPENINGS)
def test_a_single_event_is_quiet_again_later(fires: Fires, name: str) -> None:
    assert fires(later(name)) == set()


@pytest.mark.parametrize("name", DOWN)
def test_a_process_that_no_name_leads_to_is_down(fires: Fires, name: str) -> None:
    """A name without an address has no targets, and no series `up`."""
    assert fires(without_address(name))


def test_the_series_of_the_cases_are_those_of_our_processes() -> None:
    ours = {"up"}
    for registry in (Metrics().registry, SyncMetrics().registry):
        for family in registry.collect():
            ours |= {family.name, f"{family.name}_total", f"{family.name}_bucket"}
    used = {series.partition("{")[0] for case in CASES.values() for series in (*case.quiet, *case.firing)}
    assert used <= ours
