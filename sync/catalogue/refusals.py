"""Refusals of changes of events and of venues."""

import msgspec


class OtherRevision(msgspec.Struct, frozen=True):
    """It was changed since the caller read it. Nothing was changed now."""


class OtherCurrency(msgspec.Struct, frozen=True):
    """A price is in another currency than its event, which has this one. Nothing was changed."""

    given: str
    currency: str


class UnknownSeats(msgspec.Struct, frozen=True):
    """These seats are not of the venue. Nothing was changed."""

    seat_ids: list[int]


class RepeatedLabel(msgspec.Struct, frozen=True):
    """Another seat of its row has the label that this seat would get. Nothing was changed."""

    seat_id: int


class WrongVenue(msgspec.Struct, frozen=True):
    """These sections, which tickets of the event offer, are not of its venue. Nothing was changed."""

    section_ids: list[int]


class EventIsCancelled(msgspec.Struct, frozen=True):
    """The event is cancelled, and no other status can follow. Nothing was changed."""
