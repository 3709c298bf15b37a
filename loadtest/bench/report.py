"""The table, and the verdict."""

import statistics
from collections.abc import Callable

from loadtest.bench.contestants import OURS, OURS_BEST, OURS_NAMED, Contestant
from loadtest.bench.rounds import Measured, Rounds, median_ratio

LEAST_RATIO = 0.70
GOAL_RATIO = 0.85
LEAST_SEATS_RATIOS = {OURS_NAMED: 0.60, OURS_BEST: 0.40}
MOST_LUA_MICROS = 9.0
LUA_BATCH = 64

_COLUMNS = (
    "holds/s",
    "min-max",
    "of noop",
    "p50 ms",
    "p99 ms",
    "API µs each",
    "API core",
    "wrk core",
    "store core",
    "batch",
    "Lua µs/hold",
)


def table(contestants: list[Contestant], rounds: Rounds) -> str:
    """A Markdown table: medians over the rounds.

    `API µs each` is the CPU time of the worker for one answer; the cores are the shares of one core that were used.
    """
    head = [f"| | {' | '.join(_COLUMNS)} |", f"|---|{'---:|' * len(_COLUMNS)}"]
    return "\n".join([*head, *(_row(contestant, rounds) for contestant in contestants)])


def _row(contestant: Contestant, rounds: Rounds) -> str:
    measured = rounds[contestant.name]

    def median(value: Callable[[Measured], float]) -> float:
        return statistics.median(map(value, measured))

    speeds = [one.load.per_second for one in measured]
    cells = [
        f"{contestant.name}: {contestant.what}",
        f"{statistics.median(speeds):,.0f}",
        f"{min(speeds):,.0f}-{max(speeds):,.0f}",
        f"{median_ratio(rounds, contestant.name):.2f}",
        f"{median(lambda one: one.load.p50_us) / 1000:.1f}",
        f"{median(lambda one: one.load.p99_us) / 1000:.1f}",
        f"{median(lambda one: one.used.api / one.load.requests) * 1_000_000:.1f}",
        f"{median(lambda one: one.used.api / one.seconds):.0%}",
        f"{median(lambda one: one.used.wrk / one.seconds):.0%}",
        f"{median(lambda one: one.used.store / one.seconds):.0%}" if contestant.store else "",
        f"{median(_batch):.0f}" if contestant.store and contestant.store.is_redis else "",
        f"{median(_lua_micros):.1f}" if contestant.store and contestant.store.is_redis else "",
    ]
    return f"| {' | '.join(cells)} |"


def _batch(measured: Measured) -> float:
    return measured.holds / measured.costs.calls if measured.costs else 0.0


def _lua_micros(measured: Measured) -> float:
    return measured.costs.micros / measured.holds if measured.costs else 0.0


def verdicts(rounds: Rounds, lua_micros: float) -> list[tuple[bool, str]]:
    """What must be true, each with whether it is."""
    ratio = median_ratio(rounds, OURS)
    goal = "reached" if ratio >= GOAL_RATIO else "missed"
    seats = [(name, median_ratio(rounds, name), least) for name, least in LEAST_SEATS_RATIOS.items()]
    troubles = [f"{name}: {one.trouble}" for name, measured in rounds.items() for one in measured if one.trouble]
    return [
        (not troubles, "every round is valid" if not troubles else "rounds with errors: " + "; ".join(troubles)),
        (
            ratio >= LEAST_RATIO,
            f"onsale / noop {ratio:.2f}, at least {LEAST_RATIO:.2f} (goal {GOAL_RATIO:.2f}: {goal})",
        ),
        *((of_noop >= least, f"{name} / noop {of_noop:.2f}, at least {least:.2f}") for name, of_noop, least in seats),
        (
            lua_micros <= MOST_LUA_MICROS,
            f"Lua {lua_micros:.1f} µs per hold in batches of {LUA_BATCH}, at most {MOST_LUA_MICROS:.0f}",
        ),
    ]
