"""The rules of slots and bookings, for the pure model (reference_model.py)."""

from collections.abc import Callable
from typing import TypeAlias

from msgspec.structs import replace

from engine.commands.bookings import Book, CountSlots, EraseBooking, FindBooking, Move, OnBooking, Unbook
from engine.facts import BookingFact
from engine.records import Booking
from engine.results.bookings import (
    Booked,
    BookingChanged,
    BookingErased,
    BookingExpired,
    BookingFound,
    Moved,
    Purged,
    SlotFull,
    SlotsCounted,
    Unbooked,
)
from engine.results.events import SaleClosed, UnknownPool
from engine.results.internal import Again
from engine.results.limits import LimitExceeded
from engine.results.reservations import KeyReused, NotFound
from engine.results.result import Result
from engine.slots import phone_customer, slot_pool
from engine.stock import SlotCounts
from engine.terms import Terms
from engine.words import BookingFactWord, BookingState, EventStatus
from tests.support.engine.reference_items import slot_refusal
from tests.support.engine.reference_stock import Deleted, Stock

SaleRefusal: TypeAlias = Callable[[Terms], Result | None]


class Slots:
    """Runs the commands on bookings and slots, at the instant of a call."""

    def __init__(self, stock: Stock, booking_ms: int, slice_of_purge: int) -> None:
        self._stock = stock
        self._booking_ms = booking_ms
        self._slice = slice_of_purge
        self.facts: list[BookingFact] = []
        self._now_ms = 0
        self.backlog = False
        """True if expired holds or bookings were left for the next call."""
        self._has_expired = False
        self._purgeable: list[str] = []
        self._ending: list[tuple[int, str]] = []

    def begin(self, partition: int, now_ms: int, *, backlog: bool) -> None:
        """A call begins: what is to go is what was there before it."""
        self._now_ms, self.backlog, self.facts, self._has_expired = now_ms, backlog, [], False
        purges = self._stock.purges(partition)
        due = sorted((until_ms, member.encode()) for member, until_ms in purges.items() if until_ms <= now_ms)
        self._purgeable = [member.decode() for _, member in due]
        ending = sorted(
            (slot.until_ms, f"{event_id}/{pool}", event_id, pool)
            for (event_id, pool), slot in self._stock.slots.items()
            if self._stock.partition(event_id) == partition and slot.until_ms <= now_ms
        )
        self._ending = [(event_id, pool) for *_, event_id, pool in ending]

    def take(self, event_id: int, pool: str, start_ms: int) -> None:
        """Something of a slot is taken, which begins then."""
        self._stock.take_slot(event_id, pool, start_ms, start_ms + self._booking_ms)

    def until_ms(self, event_id: int, pool: str) -> int:
        """By when goes what is taken of a slot."""
        return self._stock.slots[event_id, pool].start_ms + self._booking_ms

    def has_begun(self, event_id: int, pool: str) -> bool:
        """True if a slot of which something was taken has begun."""
        slot = self._stock.slots.get((event_id, pool))
        return slot is None or slot.start_ms <= self._now_ms

    def later(self, event_id: int) -> list[str]:
        """The event's slots that are there and have not begun."""
        return sorted(
            pool
            for (of_event, pool), slot in self._stock.slots.items()
            if of_event == event_id and slot.start_ms > self._now_ms
        )

    def run(self, command: OnBooking[Result] | CountSlots, sale_refusal: SaleRefusal) -> Result:
        """The answer of a command."""
        match command:
            case Book():
                return self._book(command, sale_refusal)
            case Move():
                booking = self._live(command)
                return self._move(booking, command, sale_refusal) if isinstance(booking, Booking) else booking
            case Unbook():
                return self._unbook(command)
            case EraseBooking():
                return self._erase(command)
            case FindBooking(event_id, booking_id):
                known = self._stock.bookings.get((event_id, booking_id))
                return BookingFound(self._now_ms, False, known) if known else NotFound()
            case CountSlots(event_id, slots):
                return self._count(event_id, slots)
        raise AssertionError(command)

    def _book(self, command: Book, sale_refusal: SaleRefusal) -> Result:
        key = (command.event_id, command.booking_id)
        deleted = self._stock.deleted.get(key)
        before = self._stock.bookings.get(key)
        if before is None and deleted and self._now_ms < deleted.booking.expires_ms:
            before = deleted.booking
        if before:
            return Booked(self._now_ms, True, before) if before.digest == command.digest else KeyReused()
        terms = self._stock.terms.get(command.event_id)
        if terms is None or not terms.schedule.capacity:
            return UnknownPool(0)
        refusal = (
            sale_refusal(terms)
            or slot_refusal(terms, command.slot, command.start_ms, self._now_ms)
            or self._limit_refusal(terms, command.event_id, command.customer_id)
            or self._limit_refusal(terms, command.event_id, phone_customer(command.phone))
            or self._full_refusal(command.event_id, command.slot)
        )
        if refusal:
            return refusal
        booking = Booking(
            booking_id=command.booking_id,
            event_id=command.event_id,
            slot=command.slot,
            start_ms=command.start_ms,
            details=command.details,
            digest=command.digest,
            created_ms=self._now_ms,
            changed_ms=self._now_ms,
            expires_ms=command.start_ms + self._booking_ms,
            state=BookingState.BOOKED,
            customer_id=command.customer_id,
            phone=command.phone,
        )
        self._put(BookingFactWord.BOOKED, booking)
        return Booked(self._now_ms, False, booking)

    def _move(self, before: Booking, command: Move, sale_refusal: SaleRefusal) -> Result:
        slot, details = command.slot or before.slot, command.details or before.details
        phone = command.phone if command.details else before.phone
        if (slot, details) == (before.slot, before.details):
            return Moved(self._now_ms, True, before)
        terms, moves = self._stock.terms[before.event_id], slot != before.slot
        if terms.status is EventStatus.CANCELLED:
            return SaleClosed()
        if command.changed_ms not in (0, before.changed_ms):
            return BookingChanged()
        refusal = sale_refusal(terms) or slot_refusal(terms, slot, command.start_ms, self._now_ms) if moves else None
        if not refusal and phone != before.phone:
            refusal = self._limit_refusal(terms, before.event_id, phone_customer(phone))
        if not refusal and moves:
            refusal = self._full_refusal(before.event_id, slot)
        if refusal:
            return refusal
        start_ms = command.start_ms if moves else before.start_ms
        after = replace(
            before,
            slot=slot,
            start_ms=start_ms,
            details=details,
            phone=phone,
            changed_ms=max(self._now_ms, before.changed_ms + 1),
            expires_ms=before.expires_ms - before.start_ms + start_ms,
        )
        self._put(BookingFactWord.MOVED, after)
        return Moved(self._now_ms, False, after)

    def _unbook(self, command: Unbook) -> Result:
        key = (command.event_id, command.booking_id)
        deleted = self._stock.deleted.get(key)
        if deleted and deleted.request_id == command.request_id and self._now_ms < deleted.booking.expires_ms:
            return Unbooked(self._now_ms, True, deleted.booking)
        booking = self._live(command)
        if not isinstance(booking, Booking):
            return booking
        if command.changed_ms not in (0, booking.changed_ms):
            return BookingChanged()
        changed_ms = max(self._now_ms, booking.changed_ms + 1)
        gone = replace(booking, state=BookingState.CANCELLED, changed_ms=changed_ms, details="{}", phone="")
        del self._stock.bookings[key]
        self._stock.deleted[key] = Deleted(gone, command.request_id)
        self.facts.append(BookingFact(BookingFactWord.UNBOOKED, self._now_ms, gone))
        return Unbooked(self._now_ms, False, gone)

    def _erase(self, command: EraseBooking) -> Result:
        booking = self._stock.bookings.get((command.event_id, command.booking_id))
        if booking is None:
            return NotFound()
        if (booking.details, booking.phone) == (command.details, ""):
            return BookingErased(self._now_ms, True, booking)
        changed_ms = max(self._now_ms, booking.changed_ms + 1)
        erased = replace(booking, details=command.details, phone="", changed_ms=changed_ms)
        self._put(BookingFactWord.ERASED, erased)
        return BookingErased(self._now_ms, False, erased)

    def _live(self, command: OnBooking[Result]) -> Booking | NotFound | BookingExpired:
        booking = self._stock.bookings.get((command.event_id, command.booking_id))
        if booking is None:
            return NotFound()
        return booking if self._now_ms < booking.expires_ms else BookingExpired()

    def _limit_refusal(self, terms: Terms, event_id: int, name: str) -> Result | None:
        if name in ("", phone_customer("")):
            return None
        exceeded = self.limit_refusal(terms, event_id, name, 1)
        return Again() if exceeded and self.backlog else exceeded

    def limit_refusal(self, terms: Terms, event_id: int, name: str, gained: int) -> LimitExceeded | None:
        """The refusal of more places for a customer or a phone number. What has expired goes before that."""
        taken = self._stock.customer_places(event_id, name)
        if taken + gained > terms.max_per_customer and terms.schedule.capacity and not self._has_expired:
            self._has_expired = True
            self._expire(self._purgeable[: self._slice])
            self.backlog = self.backlog or len(self._purgeable) >= self._slice
            taken = self._stock.customer_places(event_id, name)
        return LimitExceeded(terms.max_per_customer, taken) if taken + gained > terms.max_per_customer else None

    def _full_refusal(self, event_id: int, slot: str) -> Result | None:
        counters = self._stock.counters(event_id, slot_pool(slot))
        if counters.available:
            return None
        return Again() if self.backlog else SlotFull(counters.capacity)

    def _put(self, word: BookingFactWord, booking: Booking) -> None:
        if word is BookingFactWord.BOOKED or self._is_moved(booking):
            self.take(booking.event_id, slot_pool(booking.slot), booking.start_ms)
        self._stock.bookings[booking.event_id, booking.booking_id] = booking
        self._stock.ever_booked.add(booking.event_id)
        self.facts.append(BookingFact(word, self._now_ms, booking))

    def _is_moved(self, booking: Booking) -> bool:
        return self._stock.bookings[booking.event_id, booking.booking_id].slot != booking.slot

    def _count(self, event_id: int, slots: list[str]) -> Result:
        terms = self._stock.terms.get(event_id)
        if terms is None or not terms.schedule.capacity:
            return UnknownPool(0)
        counted = [SlotCounts(slot, *self._stock.counters(event_id, slot_pool(slot))) for slot in slots]
        return SlotsCounted(self._now_ms, counted)

    def _is_live(self, key: tuple[int, str]) -> bool:
        counters = self._stock.counters(*key)
        return counters.held + counters.paying > 0

    def purge(self, skip: int, most: int) -> Purged:
        """Removes what is to go, at most so much: what belongs to slots, then slots that nobody holds or pays for."""
        members, slots = self._purgeable[:most], self._ending[skip:][: max(0, most - len(self._purgeable[:most]))]
        expired = self._expire(members)
        kept = [key for key in slots if key in self._stock.slots and self._is_live(key)]
        removed = [key for key in slots if key in self._stock.slots and key not in kept]
        for key in removed:
            del self._stock.slots[key]
        return Purged(expired, len(removed), len(kept), len(members) + len(slots) == most)

    def _expire(self, members: list[str]) -> int:
        """Removes what is to go of bookings and visits. Returns how many bookings."""
        gone = [key for key in self._stock.bookings if f"{key[0]}/{key[1]}" in members]
        for key in gone:
            del self._stock.bookings[key]
        for reservation in self._stock.everything():
            ids = {member.split("/")[1] for member in members if member.startswith(reservation.reservation_id + "/")}
            reservation.visits = {pool: until for pool, until in reservation.visits.items() if pool not in ids}
        return len(gone)
