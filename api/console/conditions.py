"""Alerts that a server can tell by itself, without Prometheus: what Redis, Postgres and its own queues show now.

Each has the name and the limit of an alert in deploy/prometheus/alerts.yml. Alerts about what happened within some
minutes are not here: they need somebody who remembers.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from api.console.schemas import ActiveAlert
from engine.inspection import UnsettledPayments
from engine.open_work import OpenWork
from sync.read_models.late_work import LateWork

QUEUED_COMMANDS = 4096
MEMORY_RATIO = 0.8
OVERDUE_MS = 5000
LAG_SECONDS = 60
UNSETTLED_SECONDS = 900
WEBHOOK_SECONDS = 3600
DEAD_LETTERS_SECONDS = 600


class Observed(NamedTuple):
    """The state that a server sees now. `away`: partitions of a cluster. `work`: of the partitions that answer.

    `memory_ratio`, `late`: None where it is not known.
    """

    redis: Literal["ok", "full", "away"]
    postgres: Literal["ok", "away"]
    away: Sequence[int]
    work: Mapping[int, OpenWork]
    memory_ratio: float | None
    queued: int
    late: LateWork | None

    @property
    def lag_ms(self) -> int | None:
        """By how much Postgres is behind; None if no partition tells."""
        return max((each.outbox_ms for each in self.work.values()), default=None)


def alerts_of(seen: Observed) -> list[ActiveAlert]:
    """The alerts, those that wake people first, then by name."""
    found = [*_of_redis(seen), *_of_postgres(seen)]
    return sorted(found, key=lambda alert: (alert.severity, alert.name, alert.partition or 0))


def _of_redis(seen: Observed) -> Iterator[ActiveAlert]:
    if seen.redis == "away":
        yield _page("Unavailable", "Redis does not answer, so nothing can be sold.")
    if seen.redis == "full":
        yield _page("RedisMemoryFull", "Redis has no memory left: nothing more is sold. What is held can be paid.")
    elif seen.memory_ratio is not None and seen.memory_ratio > MEMORY_RATIO:
        yield _warn("RedisMemoryHigh", f"Redis has used {seen.memory_ratio:.0%} of the memory at which sales stop.")
    if seen.queued > QUEUED_COMMANDS:
        yield _page("QueueLong", f"{seen.queued} commands wait for Redis; requests will be refused soon.")
    for partition in seen.away:
        detail = f"The server of partition {partition:02} is away or lost it: its events do not sell."
        yield _page("ShardAway", detail, partition)
    overdue_ms = max((each.overdue_ms for each in seen.work.values()), default=0)
    if overdue_ms > OVERDUE_MS:
        yield _warn("SweepLate", f"Expired holds have waited for {overdue_ms // 1000} s: is the sync worker alive?")
    payments = [each.payments for each in seen.work.values() if isinstance(each.payments, UnsettledPayments)]
    open_seconds = max((each.oldest_ms // 1000 for each in payments), default=0)
    if open_seconds > UNSETTLED_SECONDS:
        detail = f"A payment or refund has been open for {open_seconds // 60} minutes: does the gateway answer?"
        yield _page("MoneyWaits", detail)


def _of_postgres(seen: Observed) -> Iterator[ActiveAlert]:
    lag_seconds = (seen.lag_ms or 0) // 1000
    if seen.postgres == "away":
        yield _warn("SyncLate", f"Postgres does not answer; it is {lag_seconds} s behind. Sales go on.")
    elif lag_seconds > LAG_SECONDS:
        yield _warn("SyncLate", f"Postgres is {lag_seconds} s behind: is it too slow, or the sync worker down?")
    if seen.late is None:
        return
    if seen.late.webhooks_oldest_seconds > WEBHOOK_SECONDS:
        yield _warn("WebhooksLate", "A webhook endpoint has accepted no message for an hour.")
    if seen.late.webhook_endpoints_off:
        yield _warn("WebhookEndpointOff", "A webhook endpoint answered 410 and was disabled: it gets no messages.")
    if seen.late.dead_letters:
        detail = f"{seen.late.dead_letters} facts could not be applied in the last ten minutes."
        yield _warn("DeadLetters", detail)


def _page(name: str, summary: str, partition: int | None = None) -> ActiveAlert:
    return ActiveAlert(name, "page", summary, None, partition)


def _warn(name: str, summary: str) -> ActiveAlert:
    return ActiveAlert(name, "warn", summary, None, None)
