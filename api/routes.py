"""The routes of the API: one table, which the router, the frame, the OpenAPI document and the tests read."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from api import answers as a
from api import (
    bookings,
    callbacks,
    carts,
    demo_page,
    docs,
    events,
    manage,
    operations,
    payments,
    reservations,
    seats,
    slots,
    statistics,
    tickets,
    venues,
    webhooks,
)
from api.bodies import Nothing
from api.callers import CUSTOMERS, MANAGERS, SERVICES
from api.pages import PageQuery
from api.problems import Code
from api.route import Route

_OK, _CREATED, _ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED
_WEBHOOK = "/v1/webhooks/{webhook_id}"
_NOTHING: Mapping[HTTPStatus, None] = {HTTPStatus.NO_CONTENT: None}

_EVENT, _TICKET, _RESERVATION = "/v1/events/{event_id}", "/v1/tickets/{ticket_id}", "/v1/reservations/{reservation_id}"
_BOOKINGS, _BOOKING = f"{_EVENT}/bookings", f"{_EVENT}/bookings/{{booking_id}}"
_VENUE, _CART, _PAYMENT = "/v1/venues/{venue_id}", "/v1/orders/carts/{cart_id}", "/v1/payments/{payment_id}"

_TAKING = (
    Code.NOT_FOUND,
    Code.SALE_CLOSED,
    Code.NOT_ON_SALE_YET,
    Code.LIMIT_EXCEEDED,
    Code.RATE_LIMITED,
    Code.SOLD_OUT,
    Code.SEAT_TAKEN,
)
_BOOKING_A_SLOT = (
    Code.SALE_CLOSED,
    Code.NOT_ON_SALE_YET,
    Code.RATE_LIMITED,
    Code.SLOT_FULL,
    Code.SLOT_NOT_SCHEDULED,
)
_ENDED = (Code.EXPIRED, Code.CANCELLED, Code.NOT_HELD)

_on_sale = partial(Route, tag="On sale", roles=None, cached=True)
_managing = partial(Route, tag="Managing", roles=MANAGERS)
_reservations = partial(Route, tag="Reservations", roles=CUSTOMERS)
_carts = partial(Route, tag="Carts and payments", roles=CUSTOMERS, scoped=True)
_bookings = partial(Route, tag="Timed-entry bookings", roles=CUSTOMERS)
_statistics = partial(Route, tag="Statistics", roles=MANAGERS)
_webhooks = partial(Route, tag="Webhooks", roles=MANAGERS)
_operations = partial(Route, tag="Operations", roles=None)

ROUTES: tuple[Route, ...] = (
    _on_sale(
        method="GET",
        path="/v1/events",
        handler=events.list_events,
        query=events.EventsQuery,
        answers={_OK: a.Page[a.Event]},
    ),
    _on_sale(method="GET", path=_EVENT, handler=events.read_event, answers={_OK: a.Event}),
    _on_sale(
        method="GET",
        path=f"{_EVENT}/availability",
        handler=events.read_availability,
        answers={_OK: a.Availability},
    ),
    _on_sale(
        method="GET",
        path="/v1/tickets",
        handler=tickets.list_tickets,
        query=tickets.TicketsQuery,
        answers={_OK: a.Page[a.Ticket]},
    ),
    _on_sale(method="GET", path=_TICKET, handler=tickets.read_ticket, answers={_OK: a.Ticket}),
    _on_sale(
        method="GET", path="/v1/venues", handler=venues.list_venues, query=PageQuery, answers={_OK: a.Page[a.Venue]}
    ),
    _on_sale(method="GET", path=_VENUE, handler=venues.read_venue, answers={_OK: a.Venue}),
    _on_sale(
        method="GET",
        path=f"{_VENUE}/sections",
        handler=venues.list_sections,
        answers={_OK: a.Page[a.Section]},
    ),
    _on_sale(
        method="GET",
        path=f"{_EVENT}/sections/{{section_id}}/seats",
        handler=seats.read_seats,
        query=seats.SeatsQuery,
        answers={_OK: a.Page[a.SeatOnSale] | a.CompactSeats},
    ),
    _managing(
        method="POST",
        path="/v1/events",
        handler=manage.create_event,
        body=manage.EventBody,
        answers={_CREATED: a.Event},
        refusals=(Code.NOT_FOUND, Code.CURRENCY_NOT_SUPPORTED),
    ),
    _managing(method="PATCH", path=_EVENT, handler=manage.change_event, body=manage.EventPatch, answers={_OK: a.Event}),
    _managing(
        method="POST",
        path=f"{_EVENT}/tickets",
        handler=manage.add_ticket,
        body=manage.TicketBody,
        answers={_CREATED: a.Ticket},
        refusals=(Code.CURRENCY_NOT_SUPPORTED,),
    ),
    _managing(
        method="PATCH",
        path=_TICKET,
        handler=manage.change_ticket,
        body=manage.TicketPatch,
        answers={_OK: a.Ticket},
        scoped=True,
        refusals=(Code.CURRENCY_NOT_SUPPORTED, Code.BELOW_TAKEN),
    ),
    _managing(
        method="POST",
        path="/v1/venues",
        handler=venues.create_venue,
        body=venues.VenueBody,
        answers={_CREATED: a.Venue},
    ),
    _managing(
        method="PATCH",
        path=f"{_EVENT}/seats",
        handler=seats.block_seats,
        body=seats.BlockBody,
        answers={_OK: a.Event},
        refusals=(Code.SEAT_TAKEN,),
    ),
    _reservations(
        method="POST",
        path="/v1/reservations",
        handler=reservations.create_reservation,
        body=reservations.NewReservation,
        keyed=True,
        scoped=True,
        answers={_CREATED: a.Reservation},
        refusals=(*_TAKING, Code.SLOT_NOT_SCHEDULED),
    ),
    _reservations(
        method="GET",
        path="/v1/reservations",
        handler=reservations.list_all_reservations,
        query=reservations.ReservationsQuery,
        scoped=True,
        answers={_OK: a.Page[a.Reservation]},
    ),
    _reservations(method="GET", path=_RESERVATION, handler=reservations.read_reservation, answers={_OK: a.Reservation}),
    _reservations(
        method="DELETE",
        path=_RESERVATION,
        handler=reservations.cancel_reservation,
        answers=_NOTHING,
        refusals=(Code.EXPIRED, Code.NOT_HELD, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS),
    ),
    _reservations(
        method="POST",
        path=f"{_RESERVATION}/pay",
        handler=payments.pay_reservation,
        body=payments.PaymentBody,
        keyed=True,
        answers={_OK: a.Reservation, _ACCEPTED: a.Reservation},
        refusals=(
            *_ENDED,
            Code.CARD_DECLINED,
            Code.PAYMENT_FAILED,
            Code.PAYMENT_IN_PROGRESS,
            Code.AMOUNT_MISMATCH,
            Code.CURRENCY_NOT_SUPPORTED,
        ),
    ),
    _reservations(
        method="POST",
        path=f"{_RESERVATION}/refund",
        handler=payments.refund_reservation,
        body=payments.RefundWish,
        keyed=True,
        roles=MANAGERS,
        answers={_OK: a.Reservation, _ACCEPTED: a.Reservation},
        refusals=(Code.NOT_HELD,),
    ),
    _carts(method="GET", path=_CART, handler=carts.read_cart, answers={_OK: a.Cart}, refusals=(Code.EXPIRED,)),
    _carts(
        method="POST",
        path=_CART,
        handler=carts.add_to_cart,
        body=carts.CartItemBody,
        keyed=True,
        answers={_OK: a.Cart},
        refusals=(*_TAKING, *_ENDED, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS),
    ),
    _carts(
        method="DELETE",
        path=f"{_CART}/events/{{event_id}}/seats/{{seat_id}}",
        handler=carts.remove_from_cart,
        answers={_OK: a.Cart},
        refusals=(Code.EXPIRED, Code.NOT_HELD, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS),
    ),
    _carts(
        method="PUT",
        path=f"{_CART}/book",
        handler=carts.book_cart,
        body=Nothing,
        answers={_OK: a.BookedCart},
        refusals=(Code.NOT_HELD, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS, Code.PAYMENT_SETTLED),
    ),
    _carts(method="GET", path=_PAYMENT, handler=callbacks.read_payment, answers={_OK: a.Payment}),
    _carts(
        method="POST",
        path=f"{_PAYMENT}/complete",
        handler=callbacks.complete_payment,
        body=Nothing,
        answers={_OK: a.Payment},
        roles=SERVICES,
        signed=True,
        refusals=(Code.PAYMENT_SETTLED,),
    ),
    _carts(
        method="POST",
        path=f"{_PAYMENT}/failed",
        handler=callbacks.fail_payment,
        body=Nothing,
        answers={_OK: a.Payment},
        roles=SERVICES,
        signed=True,
        refusals=(Code.PAYMENT_SETTLED,),
    ),
    _bookings(
        method="POST",
        path=_BOOKINGS,
        handler=bookings.create_booking,
        body=bookings.NewBooking,
        keyed=True,
        answers={_CREATED: a.Booking},
        refusals=_BOOKING_A_SLOT,
    ),
    _bookings(
        method="GET",
        path=_BOOKINGS,
        handler=bookings.list_all_bookings,
        query=bookings.BookingsQuery,
        roles=SERVICES,
        answers={_OK: a.Page[a.Booking]},
    ),
    _bookings(method="GET", path=_BOOKING, handler=bookings.read_booking, answers={_OK: a.Booking}),
    _bookings(
        method="PATCH",
        path=_BOOKING,
        handler=bookings.change_booking,
        body=bookings.BookingPatch,
        answers={_OK: a.Booking},
        refusals=(*_BOOKING_A_SLOT, Code.EXPIRED),
    ),
    _bookings(
        method="DELETE", path=_BOOKING, handler=bookings.delete_booking, answers=_NOTHING, refusals=(Code.EXPIRED,)
    ),
    _bookings(
        method="GET",
        path=f"{_EVENT}/slots",
        handler=slots.list_slots,
        query=slots.SlotsQuery,
        roles=None,
        answers={_OK: a.Page[a.Slot]},
    ),
    _statistics(
        method="GET",
        path="/v1/statistics/events",
        handler=statistics.list_statistics_of_events,
        query=PageQuery,
        scoped=True,
        answers={_OK: a.Page[a.EventStatistics]},
    ),
    _statistics(
        method="GET",
        path="/v1/statistics/ticket-types",
        handler=statistics.list_statistics_of_ticket_types,
        query=PageQuery,
        answers={_OK: a.Page[a.TicketTypeStatistics]},
    ),
    _statistics(
        method="GET",
        path=f"{_EVENT}/statistics",
        handler=statistics.read_statistics_of_event,
        answers={_OK: a.EventStatistics},
    ),
    _webhooks(
        method="POST",
        path="/v1/webhooks",
        handler=webhooks.create_webhook,
        body=webhooks.WebhookBody,
        answers={_CREATED: a.NewWebhook},
    ),
    _webhooks(
        method="GET",
        path="/v1/webhooks",
        handler=webhooks.list_webhooks,
        query=PageQuery,
        answers={_OK: a.Page[a.Webhook]},
    ),
    _webhooks(method="GET", path=_WEBHOOK, handler=webhooks.read_webhook, answers={_OK: a.Webhook}),
    _webhooks(
        method="PATCH",
        path=_WEBHOOK,
        handler=webhooks.change_webhook,
        body=webhooks.WebhookPatch,
        answers={_OK: a.Webhook},
    ),
    _webhooks(method="DELETE", path=_WEBHOOK, handler=webhooks.delete_webhook, answers=_NOTHING),
    _webhooks(
        method="POST",
        path=f"{_WEBHOOK}/rotate",
        handler=webhooks.rotate_secret,
        body=Nothing,
        answers={_OK: a.NewWebhook},
    ),
    _webhooks(
        method="POST",
        path=f"{_WEBHOOK}/test",
        handler=webhooks.test_webhook,
        body=Nothing,
        answers={_ACCEPTED: a.WebhookDelivery},
    ),
    _webhooks(
        method="GET",
        path=f"{_WEBHOOK}/deliveries",
        handler=webhooks.list_deliveries,
        query=webhooks.DeliveriesQuery,
        answers={_OK: a.Page[a.WebhookDelivery]},
    ),
    _webhooks(
        method="POST",
        path=f"{_WEBHOOK}/deliveries/{{delivery_id}}/redeliver",
        handler=webhooks.redeliver,
        body=Nothing,
        answers={_ACCEPTED: a.WebhookDelivery},
    ),
    _operations(method="GET", path="/healthz", handler=operations.healthz, answers={_OK: a.Health}),
    _operations(method="GET", path="/readyz", handler=operations.readyz, answers={_OK: a.Readiness}),
    _operations(
        method="GET",
        path="/metrics",
        handler=operations.metrics,
        roles=MANAGERS,
        metrics=True,
        answers={_OK: str},
        media=("text/plain",),
    ),
    _operations(method="GET", path="/openapi.json", handler=docs.read_openapi, answers={_OK: dict}, cached=True),
    _operations(
        method="GET", path="/docs", handler=docs.read_docs, answers={_OK: str}, media=("text/html",), cached=True
    ),
    _operations(
        method="GET",
        path="/docs/{asset}",
        handler=docs.read_asset,
        answers={_OK: bytes},
        media=("text/css", "text/javascript", "image/png"),
        cached=True,
    ),
    _operations(
        method="GET",
        path="/demo",
        handler=demo_page.read_demo,
        answers={_OK: str},
        media=("text/html",),
        cached=True,
        refusals=(Code.NOT_FOUND,),
    ),
    _operations(
        method="GET",
        path="/demo/{demo_asset}",
        handler=demo_page.read_demo_asset,
        answers={_OK: bytes},
        media=("text/css", "text/javascript"),
        cached=True,
    ),
)
"""All routes, in the order of the contract."""
