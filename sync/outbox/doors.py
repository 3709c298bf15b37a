"""Facts about e-tickets, and what gates scanned, as rows."""

from collections.abc import Sequence
from typing import Any

from engine.facts import EticketFact, Scan


def eticket_columns(facts: Sequence[EticketFact]) -> Sequence[Sequence[Any]]:
    """The rows of e-tickets, column by column: the last fact of each is enough."""
    last = {(fact.event_id, fact.number): fact.eticket for fact in facts}
    etickets = list(last.values())
    return (
        [event_id for event_id, _ in last],
        [number for _, number in last],
        [eticket.reservation_id for eticket in etickets],
        [eticket.ticket_id for eticket in etickets],
        [eticket.pool for eticket in etickets],
        [eticket.seat for eticket in etickets],
        [eticket.issue for eticket in etickets],
        [eticket.state.value for eticket in etickets],
        [eticket.holder for eticket in etickets],
        [eticket.transfer_id for eticket in etickets],
        [eticket.first_in_ms for eticket in etickets],
        [eticket.changed_ms for eticket in etickets],
    )


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
