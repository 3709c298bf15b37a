"""Counts since a process began: how long holds took, and what was refused. Of this server, or of all by Prometheus."""

from collections import Counter as Tally
from collections.abc import Iterable
from typing import NamedTuple, Self

from prometheus_client import CollectorRegistry
from prometheus_client.samples import Sample

HOLDS = ("/v1/reservations", "/v1/orders/carts/{cart_id}")
"""The routes whose POST takes places."""

_BUCKET, _REFUSED = "onsale_request_seconds_bucket", "onsale_refused_holds_total"


class Counts(NamedTuple):
    """The counts. `up_to`: answers to holds by the seconds that they took at most; `refused`: by event and code."""

    up_to: dict[float, int]
    refused: dict[int, dict[str, int]]

    @classmethod
    def of(cls, up_to: Iterable[tuple[str, float]], refused: Iterable[tuple[str, str, float]]) -> Self:
        """Counts from numbers as Prometheus has them, any number of them for the same thing."""
        times: Tally[float] = Tally()
        for seconds, count in up_to:
            times[float(seconds)] += round(count)
        refusals: dict[int, Tally[str]] = {}
        for event, code, count in refused:
            refusals.setdefault(int(event), Tally())[code] += round(count)
        return cls(dict(sorted(times.items())), {event: dict(codes) for event, codes in refusals.items()})


def counts_of(registry: CollectorRegistry) -> Counts:
    """The counts of all processes of this server."""
    samples: list[Sample] = [sample for metric in registry.collect() for sample in metric.samples]
    return Counts.of(
        (
            (sample.labels["le"], sample.value)
            for sample in samples
            if sample.name == _BUCKET and sample.labels["method"] == "POST" and sample.labels["route"] in HOLDS
        ),
        (
            (sample.labels["event"], sample.labels["code"], sample.value)
            for sample in samples
            if sample.name == _REFUSED
        ),
    )
