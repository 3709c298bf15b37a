"""Giving money of a reservation back, and putting its places on sale again."""

from functools import partial
from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import caller_of
from api.app_keys import ENGINE, PAYMENTS
from api.catalogue.cache import CATALOGUE
from api.engine_problems import problem_of
from api.http.problems import Code, Problem, invalid, not_found
from api.http.replies import Reply
from api.http.requests import ALL_DIFFERENT, CurrencyText, DatabaseId, read_body, read_no_body, refuse_repeated
from api.http.types import Money
from api.idempotency import idempotency_key, once
from api.sales.payments import render_reservation, reservation_reply, secret_of
from api.sales.reservations import archived_reservation, check_currency_of, check_reservation
from engine.commands.items import ANY_TOTAL, NamedSeats
from engine.commands.refunds import Refund, RefundSome, Restock
from engine.ids import event_of, keyed_refund_id, new_refund_id
from engine.results.payments import AmountMismatch
from engine.results.refunds import NotPaid, RefundDue, Refunded, Restocked
from engine.results.reservations import NotFound, NotHeld, PaymentInProgress
from engine.seats import section_pool


class RefundedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Places of a reservation that are refunded: that many of a ticket, or the seats that are named."""

    ticket_id: DatabaseId
    quantity: Annotated[int, Meta(ge=1, le=2000)] | None = None
    seat_ids: Annotated[list[DatabaseId], Meta(min_length=1, max_length=100), ALL_DIFFERENT] | None = None


class RefundedAmount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The amount to refund, in minor units."""

    amount: Annotated[int, Meta(ge=0, le=10**15)]
    currency: CurrencyText


class RefundWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/reservations/{reservation_id}/refund. `restock`: the places are for sale again.

    Without it they are kept off sale. With neither items nor an amount all of it is refunded: all money that has not
    gone back. With an amount alone only money goes back, also after the last place went for less than was paid.
    """

    restock: bool = False
    items: Annotated[list[RefundedItem], Meta(min_length=1, max_length=100)] | None = None
    amount: RefundedAmount | None = None

    EXAMPLE: ClassVar[Any] = {"restock": True}


_REFUND = msgspec.json.Decoder(RefundWish)


async def refund_reservation(request: web.Request) -> Reply:
    """POST /v1/reservations/{reservation_id}/refund: refunds the money, all of it or some.

    200 when it has gone back, 202 while it is on its way. A reservation that ended by a refund of less than was paid
    can have more money back: some, or the rest. If its places are kept off sale, `restock` puts them back.
    """
    reservation_id = request.match_info["reservation_id"]
    body = await read_body(request, _REFUND)
    await check_reservation(request, reservation_id)
    if body.amount is not None:
        if body.items is None and body.amount.amount == 0:
            raise invalid("amount.amount", "0 refunds nothing; name an amount, or items")
        await check_currency_of(request, reservation_id, body.amount.currency)
    command = await _command(request, reservation_id, body)
    render = partial(render_reservation, request, reservation_id)
    tag = request.app[ENGINE].tag_of(event_of(reservation_id) or 0)
    act = partial(_refund, request, command)
    return await once(request, f"refund {reservation_id}", body, act, render, tag=tag)


async def restock_reservation(request: web.Request) -> Reply:
    """POST /v1/reservations/{reservation_id}/restock: puts places that were refunded without that on sale again."""
    reservation_id = request.match_info["reservation_id"]
    await read_no_body(request)
    await check_reservation(request, reservation_id)
    engine = request.app[ENGINE]
    result = await engine.submit(Restock(reservation_id))
    if isinstance(result, NotFound):
        result = await engine.submit(Restock(reservation_id, await archived_reservation(request, reservation_id)))
    if not isinstance(result, Restocked):
        raise problem_of(result)
    return await reservation_reply(request, reservation_id, result)


async def _refund(request: web.Request, command: Refund | RefundSome) -> Reply:
    payments, reservation_id = request.app[PAYMENTS], command.reservation_id
    result = await payments.refund(command)
    if isinstance(result, NotFound):
        archived = await archived_reservation(request, reservation_id)
        result = await payments.refund(msgspec.structs.replace(command, archived=archived))
    if not isinstance(result, RefundDue | Refunded):
        raise _refused(result)
    status = 200 if isinstance(result, Refunded) else 202
    return await reservation_reply(request, reservation_id, result, status=status)


def _refused(refusal: NotFound | NotPaid | NotHeld | AmountMismatch | PaymentInProgress) -> Problem:
    """The problem of a refund, in words for who refunds."""
    match refusal:
        case NotHeld():
            return Problem(
                Code.NOT_HELD, "Some of these places are not in the reservation; read it, and name places that it has."
            )
        case AmountMismatch(total_minor=left_minor, currency=currency):
            return Problem(
                Code.AMOUNT_MISMATCH,
                f"Only {left_minor} in minor units are left of what was paid; refund at most that.",
                total=Money(left_minor, currency),
            )
        case _:
            return problem_of(refusal)


async def _command(request: web.Request, reservation_id: str, body: RefundWish) -> Refund | RefundSome:
    """The command for the engine. Raises Problem."""
    if body.items is None and body.amount is None:
        return Refund(reservation_id, body.restock)
    key = idempotency_key(request)
    scope = caller_of(request).scope
    secret = secret_of(request, reservation_id)
    refund_id = new_refund_id(reservation_id) if key is None else keyed_refund_id(reservation_id, scope, key, secret)
    items: list[tuple[int, int] | NamedSeats] = []
    event = await request.app[CATALOGUE].event(event_of(reservation_id) or 0)
    for place, item in enumerate(body.items or ()):
        if event is not None and item.ticket_id not in event.ticket_by_id:
            raise not_found(f"ticket {item.ticket_id} of event {event.event_id}")
        if item.seat_ids is not None:
            if item.quantity not in (None, len(item.seat_ids)):
                raise invalid(f"items[{place}].quantity", "is not the number of seats that are named")
            refuse_repeated(f"items[{place}].seat_ids", item.seat_ids, "a seat")
            items += await _seats(request, reservation_id, item.ticket_id, item.seat_ids)
        elif item.quantity is None:
            raise invalid(f"items[{place}].quantity", "required, but missing; or give seat_ids")
        else:
            items.append((item.ticket_id, item.quantity))
    amount_minor = ANY_TOTAL if body.amount is None else body.amount.amount
    return RefundSome(reservation_id, refund_id, body.restock, items, amount_minor)


async def _seats(request: web.Request, reservation_id: str, ticket_id: int, seat_ids: list[int]) -> list[NamedSeats]:
    """Seats of a ticket by their sections. Raises Problem not_found."""
    catalogue = request.app[CATALOGUE]
    event = await catalogue.event(event_of(reservation_id) or 0)
    seating = await catalogue.seating(event) if event else None
    sections = [one for ticket in event.tickets for one in ticket.section_ids] if event else []
    places: dict[str, list[int]] = {}
    for seat_id in seat_ids:
        found = seating.section_of(seat_id, sections) if seating else None
        if found is None:
            raise not_found(f"seat {seat_id} of ticket {ticket_id}")
        places.setdefault(section_pool(found[0]), []).append(found[1])
    return [NamedSeats(ticket_id, len(here), pool, sorted(here)) for pool, here in places.items()]
