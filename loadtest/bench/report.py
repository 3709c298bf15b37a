"""The table, and the verdict."""

import statistics
from collections.abc import Callable

from loadtest.bench.rounds import Measured, Rounds, median_api_ratio, median_cost_ratio, median_ratio
from loadtest.bench.variants import (
    OURS,
    OURS_BEST,
    OURS_CODE,
    OURS_CODES,
    OURS_GUARDED,
    OURS_KEYED,
    OURS_NAMED,
    OURS_READ,
    Variant,
)

LEAST_RATIOS = {
    OURS: 1.05,
    OURS_NAMED: 0.90,
    OURS_BEST: 0.90,
    OURS_KEYED: 0.95,
    OURS_GUARDED: 0.95,
    OURS_READ: 0.95,
}
"""Answers for the same CPU time of the worker, as a share of those of the noop that is asked the same."""
GOAL_RATIOS = {
    OURS: 1.50,
    OURS_NAMED: 0.90,
    OURS_BEST: 0.90,
    OURS_KEYED: 0.95,
    OURS_GUARDED: 1.30,
    OURS_READ: 0.95,
}
LEAST_CODE_RATIO = 0.9
"""Of a hold without a code, in CPU time of the server and its store."""
MOST_LUA_MICROS, GOAL_LUA_MICROS = 12.0, 6.0
LUA_BATCH = 64

_COLUMNS = (
    "answers/s",
    "min-max",
    "of noop",
    "p50 ms",
    "p99 ms",
    "API µs each",
    "store µs each",
    "API core",
    "wrk core",
    "store core",
    "batch",
    "Lua µs/hold",
)


def table(variants: list[Variant], rounds: Rounds) -> str:
    """A Markdown table: medians over the rounds.

    `of noop` is how many answers the worker gives for the CPU time of one of the noop's. `API µs each` is the CPU time
    of the worker for one answer, `store µs each` that of Redis or Postgres. The cores are the shares of one core that
    were used.
    """
    head = [f"| | {' | '.join(_COLUMNS)} |", f"|---|{'---:|' * len(_COLUMNS)}"]
    return "\n".join([*head, *(_row(variant, rounds) for variant in variants)])


def _row(variant: Variant, rounds: Rounds) -> str:
    measured = rounds[variant.name]

    def median(value: Callable[[Measured], float]) -> float:
        return statistics.median(map(value, measured))

    speeds = [one.load.per_second for one in measured]
    cells = [
        f"{variant.name}: {variant.what}",
        f"{statistics.median(speeds):,.0f}",
        f"{min(speeds):,.0f}-{max(speeds):,.0f}",
        f"{median_api_ratio(rounds, variant):.2f}" if variant.noop in rounds else "",
        f"{median(lambda one: one.load.p50_us) / 1000:.1f}",
        f"{median(lambda one: one.load.p99_us) / 1000:.1f}",
        f"{median(lambda one: one.used.api / one.load.requests) * 1_000_000:.1f}",
        f"{median(lambda one: one.used.store / one.load.requests) * 1_000_000:.1f}" if variant.store else "",
        f"{median(lambda one: one.used.api / one.seconds):.0%}",
        f"{median(lambda one: one.used.wrk / one.seconds):.0%}",
        f"{median(lambda one: one.used.store / one.seconds):.0%}" if variant.store else "",
        f"{median(_batch):.0f}" if variant.calls_lua else "",
        f"{median(_lua_micros):.1f}" if variant.calls_lua else "",
    ]
    return f"| {' | '.join(cells)} |"


def _batch(measured: Measured) -> float:
    return measured.holds / measured.costs.calls if measured.costs else 0.0


def _lua_micros(measured: Measured) -> float:
    return measured.costs.micros / measured.holds if measured.costs else 0.0


def verdicts(variants: list[Variant], rounds: Rounds, lua_micros: float) -> list[tuple[bool, str]]:
    """The required results, each with whether it holds."""
    troubles = [f"{name}: {one.trouble}" for name, measured in rounds.items() for one in measured if one.trouble]
    return [
        (not troubles, "every round is valid" if not troubles else "rounds with errors: " + "; ".join(troubles)),
        *(
            _ratio_verdict(one, median_api_ratio(rounds, one))
            for one in variants
            if one.name in LEAST_RATIOS and one.noop in rounds
        ),
        *(_code_verdict(one, rounds) for one in variants if one.name in (OURS_CODE, OURS_CODES)),
        (
            lua_micros <= MOST_LUA_MICROS,
            f"Lua {lua_micros:.1f} µs per hold in batches of {LUA_BATCH}, at most {MOST_LUA_MICROS:.0f} "
            f"(goal {GOAL_LUA_MICROS:.0f}: {_reached(lua_micros <= GOAL_LUA_MICROS)})",
        ),
    ]


def _ratio_verdict(variant: Variant, ratio: float) -> tuple[bool, str]:
    least, goal = LEAST_RATIOS[variant.name], GOAL_RATIOS[variant.name]
    sentence = f"{variant.name} / {variant.noop} {ratio:.2f}, at least {least:.2f}"
    return ratio >= least, f"{sentence} (goal {goal:.2f}: {_reached(ratio >= goal)})"


def _reached(is_reached: bool) -> str:  # what it says is the verdict
    return "reached" if is_reached else "missed"


def _code_verdict(variant: Variant, rounds: Rounds) -> tuple[bool, str]:
    ratio, speed = median_cost_ratio(rounds, variant), median_ratio(rounds, variant)
    sentence = f"{variant.name}: {variant.noop} takes {ratio:.2f} of its CPU time, at least {LEAST_CODE_RATIO:.2f}"
    return ratio >= LEAST_CODE_RATIO, f"{sentence} (it answers {speed:.2f} times as many a second)"
