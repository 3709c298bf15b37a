"""Commands that change the places of a hold, for the pure model (reference_model.py)."""

from collections.abc import Sequence

from msgspec.structs import replace

from engine.commands.holds import Add, Hold, Remove, RemovePlaces, Replace
from engine.commands.items import ANY_TOTAL, BestSeats, NamedSeats, items_text
from engine.records import CodeUse, Line
from engine.results.codes import CodeNotApplicable, CodeUnknown, CodeUsedUp
from engine.results.holds import Cancelled, Held, OnlyFewer, PriceChanged
from engine.results.internal import Again
from engine.results.reservations import Expired, NotFound, NotHeld
from engine.results.result import Result
from engine.terms import CodeTerms, Terms
from engine.words import FactWord, State
from tests.support.engine.reference_codes import Code, covers, is_used_up, not_applicable, places_under, priced
from tests.support.engine.reference_holds import NOT_CHANGEABLE, Holds
from tests.support.engine.reference_items import (
    AnyItem,
    at_old_prices,
    choose,
    is_had,
    item_refusal,
    items_of,
    joined_lines,
    minimum_refusal,
    places_of,
    pool_of,
    starts_of,
    ticket_of,
    without_places,
    without_seats,
)
from tests.support.engine.reference_reservation import Reservation
from tests.support.engine.reference_waiting import OFFER, has_more


class HoldChanges(Holds):
    """Places that join a hold, leave it, or replace others."""

    def _add(self, command: Add) -> Result:
        reservation = self.reservations.get(command.reservation_id)
        if reservation is None:
            if 0 < command.until_ms <= self.now_ms:
                return Expired()
            left_ms = command.until_ms - self.now_ms if command.until_ms else command.hold_ms
            return self._hold(
                Hold(
                    command.reservation_id,
                    command.event_id,
                    command.customer_id,
                    command.details,
                    "",
                    items_text([command.item]),
                    min(left_ms, command.hold_ms or left_ms),
                    expected_minor=command.expected_minor,
                    code=command.code,
                ),
                one_by_one=True,
            )
        if reservation.state is not State.HELD:
            return NOT_CHANGEABLE[reservation.state]
        terms = self.terms[reservation.event_id]
        code = self._code(reservation.event_id, command.code, reservation.customer_id)
        if command.code and not code:
            return CodeUnknown()
        own = code.terms if code else None
        other = reservation.code and reservation.code.code != command.code
        if own and (other or not covers(own, ticket_of(command.item))):
            return CodeNotApplicable(0)
        refusal = (
            self._sale_refusal(terms, own)
            or item_refusal(terms, [command.item], self.now_ms, own)
            or minimum_refusal(terms, [command.item], one_by_one=True)
        )
        if refusal:
            return refusal
        return self._add_to(reservation, terms, command, code)

    def _add_to(self, reservation: Reservation, terms: Terms, command: Add, code: Code | None) -> Result:
        item, expected_minor = command.item, command.expected_minor
        before = reservation.record()
        added = self._added(reservation, terms, item, code)
        if isinstance(added, Result):
            return Again() if self._backlog and not isinstance(added, CodeNotApplicable) else added
        lines, asked_for = added
        total_minor = sum(line.quantity * line.unit_minor for line in asked_for)
        if expected_minor not in (ANY_TOTAL, total_minor):
            return PriceChanged(total_minor, terms.currency)
        if lines == before.lines:
            return Held(self.now_ms, True, before)
        if code and reservation.code is None:
            reservation.code = CodeUse(command.code, code.terms.kind)
        self._change_lines(reservation, lines)
        self._take_slots(reservation, starts_of([item]))
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _added(
        self, reservation: Reservation, terms: Terms, item: AnyItem, code: Code | None
    ) -> tuple[list[Line], list[Line]] | Result:
        """The lines that the reservation has then, and those of them that are the item's."""
        if isinstance(item, NamedSeats | BestSeats):
            return self._seats_added(reservation, terms, item, code)
        ticket = next(ticket for ticket in terms.tickets if ticket.ticket_id == ticket_of(item))
        pool = pool_of(ticket, item)

        def mine(lines: Sequence[Line]) -> list[Line]:
            return [line for line in lines if (line.ticket_id, line.pool) == (ticket.ticket_id, pool)]

        gained = places_of(item) - sum(line.quantity for line in mine(reservation.lines))
        more = [Line(ticket.ticket_id, pool, gained, ticket.unit_minor)] if gained > 0 else []
        more = priced(code.terms if code else None, more)
        lines = joined_lines(reservation.lines, more)
        if gained < 0:
            lines, _ = without_places(reservation.lines, ticket.ticket_id, pool, -gained)
        refusal: Result | None = self._code_places(code, lines) or self._limit_refusal(reservation, terms, gained)
        refusal = refusal or self._code_left(reservation, code, lines)
        if refusal:
            return refusal
        if short := self._short(reservation.event_id, more, code):
            return self._short_of(reservation.event_id, short)
        if gained > 0:
            pass
        elif gained < 0:
            lines, _ = without_places(reservation.lines, ticket.ticket_id, pool, -gained)
        else:
            lines = list(reservation.lines)
        return lines, mine(lines)

    def _seats_added(
        self, reservation: Reservation, terms: Terms, item: NamedSeats | BestSeats, code: Code | None
    ) -> tuple[list[Line], list[Line]] | Result:
        before, asked = reservation.lines, item
        if isinstance(item, NamedSeats):
            had = {seat for line in before if line.pool == item.pool for seat in line.seats}
            new = [seat for seat in item.seats if seat not in had]
            asked = NamedSeats(item.ticket_id, len(new), item.pool, new)
        more = choose(self, reservation.event_id, terms, [asked])
        if isinstance(more, Result):
            return more
        own = code.terms if code else None
        exceeded = self._limit_refusal(reservation, terms, sum(line.quantity for line in more))
        more = priced(own, more)
        if isinstance(item, BestSeats):
            lines = joined_lines(before, more)
            refusal = self._code_places(code, lines) or exceeded or self._code_left(reservation, code, lines)
            return refusal or (lines, more)
        same = [line for line in before if (line.ticket_id, line.pool) == (item.ticket_id, item.pool)]
        changed = [seat for seat in item.seats if not any(seat in line.seats for line in same)]
        ticket = next(ticket for ticket in terms.tickets if ticket.ticket_id == item.ticket_id)
        more = [Line(item.ticket_id, item.pool, len(changed), ticket.unit_minor, changed)] if changed else []
        more = priced(own, more)
        lines = joined_lines(without_seats(before, item.pool, changed), more) if changed else list(before)
        refusal = self._code_places(code, lines) or exceeded or self._code_left(reservation, code, lines)
        if refusal:
            return refusal
        asked_for = [
            replace(line, quantity=len({*line.seats} & {*item.seats}))
            for line in lines
            if (line.ticket_id, line.pool) == (item.ticket_id, item.pool)
        ]
        return lines, asked_for

    @staticmethod
    def _code_places(code: Code | None, lines: Sequence[Line]) -> CodeNotApplicable | None:
        under = places_under(lines)
        return not_applicable(code.terms, under) if code and under else None

    def _code_left(self, reservation: Reservation, code: Code | None, lines: Sequence[Line]) -> CodeUsedUp | None:
        if code is None:
            return None
        name = next(name for (event_id, name), each in self.codes.items() if each is code)
        use, is_new = self.use(reservation.event_id, name), reservation.code is None
        return CodeUsedUp() if is_used_up(code, use, lines, reservation.lines, is_new=is_new) else None

    def _replace(self, command: Replace) -> Result:
        reservation = self.reservations.get(command.reservation_id)
        if reservation is None or reservation.customer_id != command.customer_id:
            return NotFound()
        if reservation.state is not State.HELD:
            return NOT_CHANGEABLE[reservation.state]
        terms, items = self.terms[reservation.event_id], items_of(command.items)
        named = reservation.code.code if reservation.code else ""
        code = self._code(reservation.event_id, named, reservation.customer_id)
        own, before = code.terms if code else None, reservation.lines
        has_new = not all(is_had(item, items, before) for item in items)
        refusal = (
            (self._sale_refusal(terms, own) if has_new else None)
            or item_refusal(terms, items, self.now_ms, own, before)
            or minimum_refusal(terms, items, one_by_one=False)
        )
        if refusal:
            return refusal
        chosen = self._replacement(reservation, terms, items, own)
        if isinstance(chosen, Result):
            return Again() if self._backlog else chosen
        lines = at_old_prices(chosen, before)
        under = places_under(lines)
        more_under = has_more(*([line for line in each if line.off_minor is not None] for each in (lines, before)))
        if own and more_under and (refused := not_applicable(own, under)):
            return refused
        if reservation.digest == OFFER and has_more(chosen, before):
            return OnlyFewer()
        gained = sum(line.quantity for line in chosen) - reservation.places()
        exceeded = self._limit_refusal(reservation, terms, gained)
        if exceeded:
            return Again() if self._backlog else exceeded
        if lines == before:
            return Held(self.now_ms, True, reservation.record())
        self._change_lines(reservation, lines)
        self._take_slots(reservation, starts_of(items))
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())

    def _replacement(
        self, reservation: Reservation, terms: Terms, items: Sequence[AnyItem], own: CodeTerms | None
    ) -> list[Line] | Result:
        """The lines of the items while what the reservation has is free. `own`: of its code, if that is valid."""
        name = reservation.code.code if reservation.code else ""
        known = self.codes.get((reservation.event_id, name))
        before, reservation.lines = reservation.lines, []
        short = None
        with self._free(reservation.event_id, [(line.pool, line.seats) for line in before]):
            found = choose(self, reservation.event_id, terms, items)
            if not isinstance(found, Result):
                found = priced(own, found)
                short = self._short(reservation.event_id, at_old_prices(found, before) if known else found, known)
        refusal = found if isinstance(found, Result) else short and self._short_of(reservation.event_id, short)
        reservation.lines = before
        if isinstance(found, Result):
            return found
        if refusal:
            return refusal
        after, use = at_old_prices(found, before), self.use(reservation.event_id, name)
        return CodeUsedUp() if known and is_used_up(known, use, after, before, is_new=False) else found

    def _remove(self, reservation: Reservation, command: Remove | RemovePlaces) -> Result:
        if reservation.state is not State.HELD:
            return NOT_CHANGEABLE[reservation.state]
        if isinstance(command, Remove):
            mine = {seat for line in reservation.lines if line.pool == command.pool for seat in line.seats}
            if not mine.issuperset(command.seats):
                return NotHeld()
            rest = without_seats(reservation.lines, command.pool, command.seats)
        else:
            rest, gone = without_places(
                reservation.lines, command.ticket_id, command.pool or None, reservation.places()
            )
            if not gone:
                return NotHeld()
        if not rest:
            self._give_back(reservation, State.CANCELLED)
            return Cancelled(self.now_ms, False, reservation.record())
        self._change_lines(reservation, rest)
        self._fact(FactWord.CHANGED, reservation)
        return Held(self.now_ms, False, reservation.record())
