"""Results of exchanges."""

from engine.results.result import OnRecord


class Exchanging(OnRecord, frozen=True, tag="exchanging"):
    """The new places are pinned beside the old ones, for the attempt that was asked for."""


class Exchanged(OnRecord, frozen=True, tag="exchanged"):
    """The reservation has the places that were asked for."""
