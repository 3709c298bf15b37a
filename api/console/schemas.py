"""Answers for the console: how every sale and this installation stand now."""

from typing import Any, ClassVar, Literal

import msgspec

from api.http.types import Money, Number, Timestamp
from engine.words import EventStatus


class Places(msgspec.Struct, frozen=True):
    """Places of an event in all its tickets, as Redis counts them; `held` has those being paid."""

    capacity: Number
    available: Number
    held: Number
    sold: Number
    kept: Number

    EXAMPLE: ClassVar[Any] = {"capacity": 300, "available": 180, "held": 20, "sold": 100, "kept": 0}


class StoredSales(msgspec.Struct, frozen=True):
    """Sales of an event as Postgres has them: behind Redis by `lag_ms` of the event. `held` has those being paid."""

    held: Number
    sold: Number
    revenue: Money

    EXAMPLE: ClassVar[Any] = {"held": 20, "sold": 100, "revenue": Money.EXAMPLE}


class EventNow(msgspec.Struct, frozen=True):
    """An event now. What is null is not known at the moment.

    `places`: null, too, for a timed event, whose places depend on the slot. `refused`: requests for places that were
    refused, by the code of the problem, since `counting` of the whole answer began. `partition`: the slice of the
    inventory.
    """

    id: int
    name: str
    status: EventStatus
    starts_at: Timestamp
    timezone: str
    sale_opens_at: Timestamp | None
    sale_closes_at: Timestamp | None
    timed: bool
    partition: Number
    places: Places | None
    stored: StoredSales | None
    lag_ms: Number | None
    refused: dict[str, Number]

    EXAMPLE: ClassVar[Any] = {
        "id": 1,
        "name": "Big event",
        "status": "on_sale",
        "starts_at": "2027-06-01T18:00:00Z",
        "timezone": "Europe/Warsaw",
        "sale_opens_at": None,
        "sale_closes_at": None,
        "timed": False,
        "partition": 1,
        "places": Places.EXAMPLE,
        "stored": StoredSales.EXAMPLE,
        "lag_ms": 12,
        "refused": {"sold_out": 7},
    }


class HoldTimes(msgspec.Struct, frozen=True):
    """Answers to reservations and cart items by the time that they took, counted since `counting` began.

    `answers[n]` took at most `at_most_ms[n]`, and more than the one before; the last number took longer than all.
    """

    at_most_ms: list[float]
    answers: list[Number]

    EXAMPLE: ClassVar[Any] = {"at_most_ms": [1.0, 2.5, 5.0], "answers": [90, 9, 1, 0]}


class ActiveAlert(msgspec.Struct, frozen=True):
    """An alert of the runbook, by its name there. `partition`: the only one that it is about; null: it is about all."""

    name: str
    severity: Literal["page", "warn"]
    summary: str
    since: Timestamp | None
    partition: Number | None

    EXAMPLE: ClassVar[Any] = {
        "name": "SyncLate",
        "severity": "warn",
        "summary": "Postgres is more than a minute behind: is it away, or too slow?",
        "since": "2027-06-01T10:01:00Z",
        "partition": None,
    }


class Installation(msgspec.Struct, frozen=True):
    """The state of this installation. `source` of alerts, hold times and refusals: Prometheus, or this server alone.

    `prometheus`: what is wrong with the Prometheus server, if one is set and does not answer; else null.
    """

    source: Literal["prometheus", "server"]
    prometheus: str | None
    redis: Literal["ok", "full", "away"]
    postgres: Literal["ok", "away"]
    lag_ms: Number | None
    hold_times: HoldTimes
    alerts: list[ActiveAlert]

    EXAMPLE: ClassVar[Any] = {
        "source": "server",
        "prometheus": None,
        "redis": "ok",
        "postgres": "ok",
        "lag_ms": 12,
        "hold_times": HoldTimes.EXAMPLE,
        "alerts": [ActiveAlert.EXAMPLE],
    }


class Now(msgspec.Struct, frozen=True):
    """Events that are not over, by start, at most 200; `left_out` are further ones.

    Counts can be compared with those of an earlier answer with the same `counting`, so a page can tell what happened
    meanwhile. `health`: null for a token that covers some events only.
    """

    as_of: Timestamp
    counting: str
    events: list[EventNow]
    left_out: Number
    health: Installation | None

    EXAMPLE: ClassVar[Any] = {
        "as_of": "2027-06-01T10:02:00Z",
        "counting": "8f14e45f",
        "events": [EventNow.EXAMPLE],
        "left_out": 0,
        "health": Installation.EXAMPLE,
    }
