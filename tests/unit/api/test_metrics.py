"""Requests counted in plain numbers: Prometheus reads the same as if each had been counted by its client."""

import os
import random
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from api.metrics import Metrics

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_COUNT_IN_A_PROCESS = """
from api.metrics import Metrics
metrics = Metrics()
observe = metrics.observer_of("/v1/reservations", "POST")
for _ in range({count}):
    observe("POST", 201, 0.004)
metrics.publish()
"""


def _of_requests(text: bytes) -> list[str]:
    """The lines about requests, without when they were made and the series that are there from the start."""
    lines = [
        line for line in text.decode().splitlines() if line.startswith("onsale_request") and "_created" not in line
    ]
    return sorted(line for line in lines if not line.endswith(" 0.0"))


def test_prometheus_reads_what_its_client_would_have_counted() -> None:
    metrics, registry = Metrics(), CollectorRegistry()
    requests = Counter("onsale_requests_total", "", ("method", "route", "status"), registry=registry)
    seconds = Histogram("onsale_request_seconds", "", ("method", "route"), buckets=_BOUNDS, registry=registry)
    chance = random.Random(12)  # noqa: S311  # no secret
    observers = {route: metrics.observer_of(route, "POST") for route in ("/a", "/b/{id}")}
    for number in range(3000):
        route, method = chance.choice(list(observers)), chance.choice(["GET", "POST", "MADE-UP"])
        status = chance.choice([200, 201, 409, 503])
        took = chance.choice([*_BOUNDS, 0.0, 9.0, chance.random() / 100])
        observers[route](method, status, took)
        method = "other" if method == "MADE-UP" else method
        requests.labels(method, route, str(status)).inc()
        seconds.labels(method, route).observe(took)
        if number % 700 == 0:
            metrics.publish()
    metrics.publish()
    metrics.publish()

    def rounded(lines: list[str]) -> list[str]:
        return [f"{name} {float(value):.6f}" for name, value in (line.rsplit(" ", 1) for line in lines)]

    ours, theirs = _of_requests(generate_latest(metrics.registry)), _of_requests(generate_latest(registry))
    assert len(theirs) > 50
    assert rounded(ours) == rounded(theirs)


def test_several_processes_are_counted_together(tmp_path: Path) -> None:
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for count in (3, 4):
        code = _COUNT_IN_A_PROCESS.format(count=count)
        subprocess.run([sys.executable, "-c", code], env=environ, check=True, timeout=60)  # ours
    read = (
        "from prometheus_client import CollectorRegistry, generate_latest\n"
        "from prometheus_client.multiprocess import MultiProcessCollector\n"
        "registry = CollectorRegistry(); MultiProcessCollector(registry)\n"
        "print(generate_latest(registry).decode())"
    )
    command = [sys.executable, "-c", read]
    text = subprocess.run(command, env=environ, check=True, capture_output=True, text=True, timeout=60)
    lines = text.stdout.splitlines()
    assert 'onsale_requests_total{method="POST",route="/v1/reservations",status="201"} 7.0' in lines
    assert 'onsale_request_seconds_count{method="POST",route="/v1/reservations"} 7.0' in lines
    assert 'onsale_request_seconds_bucket{le="0.0025",method="POST",route="/v1/reservations"} 0.0' in lines
    assert 'onsale_request_seconds_bucket{le="0.005",method="POST",route="/v1/reservations"} 7.0' in lines
