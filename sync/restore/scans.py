"""Answers of gates as a restore makes them of what Postgres has."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.restore import ScanDump
from engine.words import Direction, EticketState, ScanResult

Row = Mapping[str, Any]


def restored_scans(rows: Iterable[Row]) -> list[ScanDump]:
    """The scans, in the order in which they were answered, each with its e-ticket as it was then.

    Earlier passes tell whether its holder was inside, and since when. They do not tell when it was transferred.
    """
    passes: dict[tuple[int, int], _Passes] = {}
    dumps = []
    for row in rows:
        known = passes.setdefault((row["event_id"], row["number"]), _Passes())
        admitted = row["result"] == ScanResult.ADMITTED
        if admitted:
            known.add(row["scanned_ms"], row["direction"])
        dumps.append(
            ScanDump(
                row["event_id"],
                row["gate"],
                row["nonce"],
                row["number"],
                row["issue"],
                row["result"],
                row["other_gate"],
                row["other_ms"],
                known.state,
                known.first_in_ms,
                row["recorded_ms"] if admitted else 0,
            )
        )
    return dumps


class _Passes:
    """The ways through doors with an e-ticket, up to one of its scans."""

    def __init__(self) -> None:
        self.state: str = EticketState.VALID
        self.first_in_ms = 0
        self._last_ms = 0

    def add(self, at_ms: int, direction: str) -> None:
        """One more; offline gates tell of theirs later, so it need not be the last."""
        if at_ms >= self._last_ms:
            self._last_ms, self.state = at_ms, direction
        if direction == Direction.IN:
            self.first_in_ms = min(self.first_in_ms or at_ms, at_ms)
