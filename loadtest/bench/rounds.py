"""Rounds: in each, every variant is measured once, in an order that changes from round to round."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable

import msgspec

from engine.settings import Settings
from loadtest.bench.cpu import Cores, on_cores, used_by_ended_children, used_by_everybody, used_seconds
from loadtest.bench.stock import CallCosts, call_costs, reset_call_costs
from loadtest.bench.variants import Variant
from loadtest.bench.wrk import Load, ask, written_tokens

_SETTLE_SECONDS = 0.3
_WARM_UP_SECONDS = 1


class Plan(msgspec.Struct, frozen=True):
    """The length, load and place of each variant's measurement."""

    settings: Settings
    cores: Cores
    rounds: int
    seconds: int
    connections: int


class Used(msgspec.Struct, frozen=True):
    """CPU seconds: of a variant's server, of wrk, of its store, and of all programs of the machine."""

    api: float
    wrk: float
    store: float
    everybody: float

    def since(self, before: "Used") -> "Used":
        """The usage since then."""
        return Used(
            self.api - before.api,
            self.wrk - before.wrk,
            self.store - before.store,
            self.everybody - before.everybody,
        )

    @property
    def ours(self) -> float:
        """Of the server and its store."""
        return self.api + self.store

    @property
    def others(self) -> float:
        """Of programs that have nothing to do with the benchmark."""
        return max(0.0, self.everybody - self.api - self.wrk - self.store)


class Measured(msgspec.Struct, frozen=True):
    """One variant in one round. `trouble` says why the round counts for nothing."""

    load: Load
    seconds: float
    used: Used
    holds: int
    costs: CallCosts | None
    trouble: str | None


Rounds = dict[str, list[Measured]]
"""By variant, one for each round."""


def run_rounds(variants: list[Variant], plan: Plan, tell: Callable[[str], None]) -> Rounds:
    """Measures everybody after a short warm-up. `tell` gets a line about each measurement."""
    warming_up = msgspec.structs.replace(plan, seconds=_WARM_UP_SECONDS)
    for variant in variants:
        _measure(variant, warming_up, "warm-up-")
    measured: Rounds = {variant.name: [] for variant in variants}
    for number in range(plan.rounds):
        first = number % len(variants)
        for variant in variants[first:] + variants[:first]:
            result = _measure(variant, plan, f"round-{number}-")
            measured[variant.name].append(result)
            outcome = result.trouble or f"{result.load.per_second:,.0f}/s"
            tell(f"round {number + 1} of {plan.rounds}: {variant.name}: {outcome}")
    return measured


def _measure(variant: Variant, plan: Plan, prefix: str) -> Measured:
    store = variant.store
    if store:
        store.renew()
    if store and store.is_redis:
        asyncio.run(reset_call_costs(plan.settings))
    asking = variant.asking
    with written_tokens(asking, prefix, plan.seconds) as tokens, on_cores(plan.cores.rest):
        before = _used(variant)
        began = time.monotonic()
        load = ask(variant.url, asking, prefix, tokens, seconds=plan.seconds, connections=plan.connections)
        seconds = time.monotonic() - began
        time.sleep(_SETTLE_SECONDS)  # what was under way when wrk went away ends
        used = _used(variant).since(before)
    costs = asyncio.run(call_costs(plan.settings)) if store and store.is_redis else None
    holds = store.sold() if store and asking.takes else load.requests
    trouble = load.trouble
    if trouble is None and holds < load.requests:
        trouble = f"{load.requests} holds were acknowledged and {holds} are there"
    return Measured(load, seconds, used, holds, costs, trouble)


def _used(variant: Variant) -> Used:
    store = used_seconds(variant.store.process.pid) if variant.store else 0.0
    return Used(used_seconds(variant.server.pid), used_by_ended_children(), store, used_by_everybody())


def share_of_others(rounds: Rounds) -> float:
    """Which part of the machine's cores was used by programs that have nothing to do with the benchmark."""
    everything = [one for measured in rounds.values() for one in measured]
    cores = os.cpu_count() or 1
    return sum(one.used.others for one in everything) / (cores * sum(one.seconds for one in everything))


def median_ratio(rounds: Rounds, variant: Variant) -> float:
    """The median over the rounds of a variant's throughput as a share of its noop's in the same round."""
    pairs = zip(rounds[variant.name], rounds[variant.noop], strict=True)
    return statistics.median(one.load.per_second / noop.load.per_second for one, noop in pairs)


def median_api_ratio(rounds: Rounds, variant: Variant) -> float:
    """The median over the rounds of the worker's CPU time for its noop's answer as a share of that for a variant's.

    It is the ratio of their throughputs if the worker has a core of its own and uses it fully. Where other programs use
    the machine, throughput depends on them.
    """
    pairs = zip(rounds[variant.name], rounds[variant.noop], strict=True)
    return statistics.median(
        (noop.used.api / noop.load.requests) / (one.used.api / one.load.requests) for one, noop in pairs
    )


def median_cost_ratio(rounds: Rounds, variant: Variant) -> float:
    """The median over the rounds of the CPU time of its noop's answer as a share of that of a variant's answer.

    It is that of the server and its store together, which a busy machine changes less than it does the throughput.
    """
    pairs = zip(rounds[variant.name], rounds[variant.noop], strict=True)
    return statistics.median(
        (noop.used.ours / noop.load.requests) / (one.used.ours / one.load.requests) for one, noop in pairs
    )
