"""Verdicts of the benchmark are of CPU time: what other programs do to the throughput does not count."""

from pathlib import Path

from cli.dev.child_process import Child
from loadtest.bench.report import GOAL_RATIOS, LEAST_RATIOS, verdicts
from loadtest.bench.request_spec import RequestSpec
from loadtest.bench.rounds import Measured, Used, median_api_ratio
from loadtest.bench.variants import NOOP, OURS, Variant
from loadtest.bench.wrk import Load


def _variant(name: str) -> Variant:
    return Variant(name, "", "", RequestSpec(), Child(name, [], Path("log")), None)


def _measured(requests: int, api_seconds: float) -> Measured:
    load = Load(requests, 1_000_000, 1, 1, 0, 0, 0)
    return Measured(load, 1.0, Used(api_seconds, 0.0, 0.0, 0.0), requests, None, None)


def _judged(ours: Measured) -> list[tuple[bool, str]]:
    rounds = {NOOP: [_measured(1000, 0.05)], OURS: [ours]}
    return verdicts([_variant(NOOP), _variant(OURS)], rounds, 5.0)


def test_a_ratio_is_of_the_cpu_time_of_an_answer() -> None:
    rounds = {NOOP: [_measured(1000, 0.05)] * 2, OURS: [_measured(10, 0.0004), _measured(5000, 0.2)]}
    assert round(median_api_ratio(rounds, _variant(OURS)), 9) == 1.25


def test_a_ratio_fails_below_its_bar_and_tells_of_its_goal() -> None:
    least = LEAST_RATIOS[OURS]
    too_slow, told = _judged(_measured(1000, 0.05 / (least - 0.01)))[1]
    fast, more = _judged(_measured(1000, 0.05 / (least + 0.5)))[1]
    assert (too_slow, fast) == (False, True)
    assert f"goal {GOAL_RATIOS[OURS]:.2f}: missed" in told
    assert "reached" in more


def test_late_answers_are_not_taken_for_broken_connections() -> None:
    load = Load(7, 1_000_000, 1, 1, 0, 0, 5)
    assert load.trouble == (
        "0 answers were no success, 0 connections broke, 5 answers took more than 10 s, of 7 requests"
    )
