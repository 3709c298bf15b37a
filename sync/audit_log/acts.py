"""Entries of the audit log for facts that commands made on behalf of a caller."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from engine.acting import Actor, decode_actor
from engine.etickets import serial_of
from engine.facts import Act, BookingFact, EticketFact, Fact, QueueFact, WaitingFact
from engine.records import Record
from engine.words import EticketFactWord
from sync.audit_log.entries import NewEntry

_LOGGED_OF_ETICKETS = frozenset({EticketFactWord.TRANSFERRED, EticketFactWord.ENTERED, EticketFactWord.LEFT})
"""The others follow from what a reservation's entry tells, or from an erasure's."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Standing(NamedTuple):
    """The state of a reservation, and its places."""

    status: str
    places: int


class Acted(NamedTuple):
    """The acts of one outbox entry with all its facts; None stands for one that could not be decoded.

    `told_before`: the number of facts in the entries of the same batch before it.
    """

    acts: list[Act]
    facts: list[Fact | None]
    bookings: list[BookingFact | None]
    etickets: list[EticketFact | None] = []  # noqa: RUF012  # of a NamedTuple, and nobody changes it
    told_before: int = 0
    waiting: list[WaitingFact | None] = []  # noqa: RUF012  # of a NamedTuple, and nobody changes it
    queues: list[QueueFact | None] = []  # noqa: RUF012  # of a NamedTuple, and nobody changes it


def entries_of(acted: Acted, before: Mapping[str, Standing]) -> list[NewEntry]:
    """The entries of one outbox entry. `before`: reservations as the facts before it left them.

    Raises ValueError if an actor cannot be decoded.
    """
    known = dict(before)
    entries: list[NewEntry] = []
    for act in acted.acts:
        actor = decode_actor(act.actor)
        for fact in acted.facts[act.first_fact : act.first_fact + act.facts]:
            if fact is None:
                continue
            was = known.get(fact.reservation_id)
            known[fact.reservation_id] = standing_of(fact.record)
            entries.append(
                NewEntry(
                    actor,
                    f"reservation/{fact.reservation_id}",
                    fact.record.event_id,
                    None if was is None else was._asdict(),
                    _reservation(fact) | dict.fromkeys(actor.overrides, True),
                    at=_instant(fact.at_ms),
                )
            )
        for told in acted.bookings[act.first_booking_fact : act.first_booking_fact + act.booking_facts]:
            if told is not None:
                resource, after = f"booking/{told.booking.booking_id}", {"change": told.word.value}
                at = _instant(told.at_ms)
                entries.append(NewEntry(actor, resource, told.booking.event_id, None, after, at=at))
        for given in acted.etickets[act.first_eticket_fact : act.first_eticket_fact + act.eticket_facts]:
            if given is not None and given.word in _LOGGED_OF_ETICKETS:
                resource = f"eticket/{serial_of(given.event_id, given.number)}"
                shown_of = {"change": given.word.value, "issue": given.eticket.issue}
                entries.append(NewEntry(actor, resource, given.event_id, None, shown_of, at=_instant(given.at_ms)))
        for waited in acted.waiting[act.first_waiting_fact : act.first_waiting_fact + act.waiting_facts]:
            if waited is not None:
                entry, at = waited.entry, _instant(waited.at_ms)
                shown = {"change": waited.word.value, "ticket_id": entry.ticket_id, "quantity": entry.quantity}
                resource = f"waiting-list/{entry.waiting_id}"
                entries.append(NewEntry(actor, resource, entry.event_id, None, shown, at=at))
        entries += _queue_entries(actor, acted.queues[act.first_queue_fact : act.first_queue_fact + act.queue_facts])
    return entries


def _queue_entries(actor: Actor, facts: Sequence[QueueFact | None]) -> Iterator[NewEntry]:
    """The entries about places in waiting rooms. A room opens, or is drawn, on behalf of nobody."""
    for fact in facts:
        if fact is not None and fact.customer_id:
            resource, shown = (
                f"event/{fact.event_id}/queue/{fact.customer_id}",
                {"change": fact.word, "index": fact.index},
            )
            yield NewEntry(actor, resource, fact.event_id, None, shown, at=_instant(fact.at_ms))


def reservations_of(acted: Acted) -> list[str]:
    """Ids of the reservations that the acts changed."""
    return [
        fact.reservation_id
        for act in acted.acts
        for fact in acted.facts[act.first_fact : act.first_fact + act.facts]
        if fact is not None
    ]


def _instant(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def standing_of(record: Record) -> Standing:
    """The state of a reservation as its record tells it."""
    return Standing(record.state.value, sum(line.quantity for line in record.lines))


def _reservation(fact: Fact) -> dict[str, Any]:
    """A reservation as it is now, and how much of its money is to go back."""
    shown = {"change": fact.word.value} | standing_of(fact.record)._asdict()
    refunds = [refund.amount_minor for attempt in fact.record.attempts for refund in attempt.refunds]
    return shown | {"refunded": {"amount": sum(refunds), "currency": fact.record.currency}} if refunds else shown
