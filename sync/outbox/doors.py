"""Facts about e-tickets, and what gates scanned, as rows."""

from collections.abc import Sequence
from typing import Any

from engine.facts import EticketFact, Scan
from sync.outbox.rows import Row


def eticket_rows(facts: Sequence[EticketFact]) -> Sequence[Row]:
    """The rows of e-tickets: the last fact of each is enough."""
    last = {(fact.event_id, fact.number): fact.eticket for fact in facts}
    return [
        (
            event_id,
            number,
            eticket.reservation_id,
            eticket.ticket_id,
            eticket.pool,
            eticket.seat,
            eticket.issue,
            eticket.state,
            eticket.holder,
            eticket.transfer_id,
            eticket.first_in_ms,
            eticket.changed_ms,
        )
        for (event_id, number), eticket in last.items()
    ]


def check_in_columns(scans: Sequence[Scan]) -> Sequence[Sequence[Any]]:
    """The rows of scans, column by column."""
    return (
        [scan.event_id for scan in scans],
        [scan.gate for scan in scans],
        [scan.nonce for scan in scans],
        [None if scan.number < 0 else scan.number for scan in scans],
        [scan.issue for scan in scans],
        [scan.direction.value for scan in scans],
        [scan.result.value for scan in scans],
        [scan.offline for scan in scans],
        [scan.scanned_ms for scan in scans],
        [scan.at_ms for scan in scans],
        [scan.other_gate or None for scan in scans],
        [scan.other_ms for scan in scans],
    )
