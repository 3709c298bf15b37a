"""A short storm: four times as many arrivals as can be served, in open loop, with payments all the while."""

from pathlib import Path

import pytest
import uvloop

from loadtest.bench.cpu import divide_cores, on_cores
from loadtest.storm.report import table
from loadtest.storm.stage import VARIANTS, stage
from loadtest.storm.storm import Plan, rage

_PLAN = Plan(loads=(0.5, 2, 4), seconds=3, capacity_seconds=1, connections=3000)
_LEAST_GOODPUT = 0.5
_CALM_WITHIN_SECONDS = 2.0


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_a_storm_sells_at_full_speed_and_lets_everybody_pay(tmp_path: Path) -> None:
    cores = divide_cores(pin=True)
    with stage(tmp_path / "storm", cores, VARIANTS[0]) as running, on_cores(cores.rest):
        storm = uvloop.run(rage(running, _PLAN, print))
    shown = table(storm)
    for step in storm.steps:
        assert step.payments.succeeded == step.payments.due, shown
        assert step.load.statuses.keys() <= {201, 503}, shown
        assert not step.load.broken, shown
        assert not step.load.unhelpful, shown
    assert min(step.goodput for step in storm.steps if step.share > 1) >= _LEAST_GOODPUT, shown
    assert storm.steps[-1].load.normal_after_seconds() <= _CALM_WITHIN_SECONDS, shown
