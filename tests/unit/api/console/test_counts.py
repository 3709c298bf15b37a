"""Counts out of the metrics: of holds alone, over all of their routes and all processes of a server."""

import os
import subprocess
import sys
from pathlib import Path

from api.console.counts import counts_of
from api.metrics import Metrics


def test_counts_of_holds_and_refusals() -> None:
    metrics = Metrics()
    for route, seconds in (
        ("/v1/reservations", 0.002),
        ("/v1/orders/carts/{cart_id}", 0.002),
        ("/v1/reservations", 9.0),
        ("/v1/events", 0.002),
    ):
        metrics.observer_of(route)("POST", 201, seconds)
    metrics.observer_of("/v1/reservations")("GET", 200, 0.002)
    for event_id, code in ((1, "sold_out"), (1, "sold_out"), (1, "seat_taken"), (2, "sold_out")):
        metrics.count_refused_hold(event_id, code)
    metrics.publish()
    counts = counts_of(metrics.registry)
    assert counts.refused == {1: {"sold_out": 2, "seat_taken": 1}, 2: {"sold_out": 1}}
    assert (counts.up_to[0.001], counts.up_to[0.0025], counts.up_to[5.0], counts.up_to[float("inf")]) == (0, 2, 2, 3)
    assert list(counts.up_to) == sorted(counts.up_to)


_WORKER = """
from api.metrics import Metrics
metrics = Metrics()
metrics.observer_of("/v1/reservations")("POST", 409, 0.002)
metrics.count_refused_hold(1, "sold_out")
metrics.publish()
"""
_READER = """
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from api.console.counts import counts_of
registry = CollectorRegistry()
MultiProcessCollector(registry)
counts = counts_of(registry)
print(counts.refused, counts.up_to[0.001], counts.up_to[0.0025], counts.up_to[float("inf")])
"""


def test_processes_that_share_their_metrics_are_counted_together(tmp_path: Path, repository: Path) -> None:
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def told_by(program: str) -> str:
        command = [sys.executable, "-c", program]
        ran = subprocess.run(command, check=True, capture_output=True, timeout=60, env=environ, cwd=repository)
        return ran.stdout.decode().strip()

    assert [told_by(program) for program in (_WORKER, _WORKER, _READER)][-1] == "{1: {'sold_out': 2}} 0 2 2"
