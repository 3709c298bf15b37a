"""The fields of events and of their tickets that a manager sets."""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from engine.catalogue import Schedule, WaitingList, WaitingRoom
from engine.currencies import FIRST_CURRENCY
from engine.words import EventStatus


class TicketFields(msgspec.Struct, frozen=True):
    """The fields of a ticket that a manager sets. The price is in minor units of its currency.

    Times are aware. None for `sale_opens_at` and `sale_closes_at`: no such limit beside its event's.
    """

    ticket_type: str
    unit_minor: int
    capacity: int = 0
    paused: bool = False
    hidden: bool = False
    sale_opens_at: datetime | None = None
    sale_closes_at: datetime | None = None
    min_quantity: int = 1
    currency: str = FIRST_CURRENCY


class NewTicket(TicketFields, frozen=True):
    """A ticket to be offered.

    It offers either a capacity of places that are all alike, or the seats of sections of the event's venue.
    """

    section_ids: list[int] = []


class EventFields(msgspec.Struct, frozen=True):
    """The fields of an event that a manager sets.

    Times are aware. None for `sale_opens_at`, `sale_closes_at` and `doors_open_at`: no such limit.
    """

    name: str
    starts_at: datetime
    timezone: str = "UTC"
    venue_id: int | None = None
    status: EventStatus = EventStatus.DRAFT
    sale_opens_at: datetime | None = None
    sale_closes_at: datetime | None = None
    hold_seconds: int = 900
    max_per_customer: int = 10
    description: str | None = None
    image_url: str | None = None
    waiting_room: WaitingRoom | None = None
    currency: str = FIRST_CURRENCY
    doors_open_at: datetime | None = None
    eticket_keys: int = 1
    waiting_list: WaitingList | None = None


class NewEvent(EventFields, frozen=True, kw_only=True):
    """An event to be made, with its tickets; with a schedule it is timed, and they have no places of their own."""

    tickets: list[NewTicket]
    schedule: Schedule | None = None


class TicketChanges(msgspec.Struct, frozen=True):
    """Changes of a ticket; UNSET fields stay as they are.

    Places that are already held keep their prices. `currency` must be that of the event.
    """

    ticket_type: str | UnsetType = UNSET
    unit_minor: int | UnsetType = UNSET
    capacity: int | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    sale_opens_at: datetime | UnsetType | None = UNSET
    sale_closes_at: datetime | UnsetType | None = UNSET
    min_quantity: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
