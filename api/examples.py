"""Examples for people who read the OpenAPI document: bodies to send, and each problem as the API words it."""

from collections.abc import Mapping
from typing import Any

from api import answers as a
from api import bookings, carts, manage, payments, reservations, seats, venues, webhooks
from api.problems import Code, Problem, invalid, not_found, too_large
from api.refusals import failed_payment, problem_of, too_fast
from engine import results as r
from engine.words import FailureReason

_EUR_300 = {"amount": 30_000, "currency": "EUR"}
_EVENT_HEAD = {"id": 1, "name": "Big event", "starts_at": "2027-06-01T18:00:00Z"}
_ISLOM = {"id": "22", "first_name": "Islom", "last_name": "Karimov"}
_CART_ID = "6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49"

_TICKET = {
    "id": 7,
    "event": _EVENT_HEAD,
    "ticket_type": "VIP",
    "price": _EUR_300,
    "seating": "general",
    "capacity": 300,
    "available": 298,
    "held": 2,
    "sold": 0,
    "sold_out": False,
}
_MILIND = {
    "first_name": "Milind",
    "last_name": "Rao",
    "phone_number": "9334556789",
    "date": "2027-09-12",
    "time": "13:30",
}
_PLACES = {
    "reserved": 3, "held": 1, "sold": 2, "cancelled": 1, "expired": 0, "refunded": 0,
    "revenue": {"amount": 60_000, "currency": "EUR"}, "conversion": 0.5,
}  # fmt: skip

BODIES: Mapping[type, Any] = {
    # sent
    manage.EventBody: {
        "name": "Big event",
        "starts_at": "2027-06-01T18:00:00Z",
        "timezone": "Europe/Warsaw",
        "status": "on_sale",
        "max_per_customer": 10,
        "hold_seconds": 900,
        "tickets": [{"ticket_type": "VIP", "price": _EUR_300, "capacity": 300}],
    },
    manage.EventPatch: {"status": "closed"},
    manage.TicketBody: {"ticket_type": "VIP", "price": _EUR_300, "capacity": 300},
    manage.TicketPatch: {"capacity": 400},
    venues.VenueBody: {
        "name": "Hall",
        "sections": [{"name": "Stalls", "rows": [{"name": "A", "seats": 20}, {"name": "B", "seats": 20}]}],
    },
    seats.BlockBody: {"seat_ids": [101, 102], "blocked": True},
    reservations.NewReservation: {"items": [{"ticket_id": 7, "quantity": 2}], "customer": _ISLOM},
    payments.PaymentBody: {"amount": 60_000, "currency": "EUR", "payment_token": "tok_visa"},
    payments.RefundWish: {"restock": True},
    carts.CartItemBody: {"event_id": 1, "price_id": 9, "seat_id": 101},
    bookings.NewBooking: _MILIND,
    bookings.BookingPatch: {"time": "16:15"},
    webhooks.WebhookBody: {"url": "https://shop.example/onsale", "events": ["reservation.paid"]},
    webhooks.WebhookPatch: {"enabled": False},
    # answered
    a.Ticket: _TICKET,
    a.Event: {
        **_EVENT_HEAD,
        "timezone": "Europe/Warsaw",
        "venue_id": None,
        "status": "on_sale",
        "sale_opens_at": None,
        "sale_closes_at": None,
        "hold_seconds": 900,
        "max_per_customer": 10,
        "ticket_types": {"VIP": True},
        "tickets": [_TICKET],
    },
    a.Availability: {
        "event_id": 1,
        "as_of": "2027-06-01T10:00:00.120Z",
        "tickets": [{"ticket_id": 7, "capacity": 300, "available": 298, "held": 2, "sold": 0}],
    },
    a.Venue: {
        "id": 1,
        "name": "Hall",
        "capacity": 40,
        "sections": [{"id": 1, "name": "Stalls", "capacity": 40}],
    },
    a.Section: {"id": 1, "name": "Stalls", "rows": [{"name": "A", "seats": [{"id": 101, "number": 1}]}]},
    a.SeatOnSale: {
        "seat_id": 101,
        "row": "A",
        "number": 1,
        "status": {"id": 0, "name": "available"},
        "prices": [{"ticket_id": 9, "name": "Stalls", "price": _EUR_300}],
    },
    a.CompactSeats: {
        "section_id": 1,
        "as_of": "2027-06-01T10:00:00.120Z",
        "rows": [{"name": "A", "first_seat_id": 101, "seats": "aahsb"}],
    },
    a.Reservation: {
        "id": "1-01k2m3n4p5q6r7s8",
        "event": _EVENT_HEAD,
        "status": "held",
        "customer": _ISLOM,
        "items": [{"ticket_id": 7, "ticket_type": "VIP", "quantity": 2, "seats": [], "unit_price": _EUR_300}],
        "total": {"amount": 60_000, "currency": "EUR"},
        "created_at": "2027-06-01T10:00:00Z",
        "expires_at": "2027-06-01T10:15:00Z",
        "expires_in_ms": 899_997,
        "payment": None,
    },
    a.ReservationPayment: {
        "id": "p-01k2m3n4p5q6r7s8",
        "status": "completed",
        "amount": 60_000,
        "currency": "EUR",
        "created_at": "2027-06-01T10:01:00Z",
        "completed_at": "2027-06-01T10:01:00.350Z",
    },
    a.Cart: {
        "id": _CART_ID,
        "status": "open",
        "items": [
            {
                "event": _EVENT_HEAD,
                "ticket_id": 9,
                "ticket_type": "Stalls",
                "seat": {"seat_id": 101, "section": "Stalls", "row": "A", "number": 1},
                "quantity": 1,
                "unit_price": _EUR_300,
            }
        ],
        "total": _EUR_300,
        "expires_at": "2027-06-01T10:15:00Z",
        "payment_id": None,
    },
    a.BookedCart: {"payment_id": f"cart-{_CART_ID}-1"},
    a.Booking: {
        "id": "8a1f4c1e-5b0d-4c55-9a35-0d8c1f2b3a49",
        "event_id": 3,
        **_MILIND,
        "starts_at": "2027-09-12T11:30:00Z",
        "status": "booked",
        "expired": False,
        "created_at": "2027-09-01T10:00:00Z",
    },
    a.Slot: {
        "date": "2027-09-12",
        "time": "13:30",
        "starts_at": "2027-09-12T11:30:00Z",
        "capacity": 20,
        "available": 19,
        "held": 0,
        "sold": 1,
    },
    a.Payment: {
        "id": f"cart-{_CART_ID}-1",
        "status": "pending",
        "amount": 30_000,
        "currency": "EUR",
        "reservations": ["1-01k2m3n4p5q6r7s8"],
    },
    a.EventStatistics: {
        "event_id": 1,
        "name": "Big event",
        **_PLACES,
        "sales_per_minute": 0.05,
        "first_sale_at": "2027-06-01T10:01:00.350Z",
        "sold_out_at": None,
    },
    a.TicketTypeStatistics: {"ticket_type": "VIP", **_PLACES},
}
"""By type."""

PROBLEMS: Mapping[Code, Problem] = {
    Code.MALFORMED_JSON: Problem(Code.MALFORMED_JSON, "The body is not JSON: Input data was truncated."),
    Code.UNAUTHENTICATED: Problem(Code.UNAUTHENTICATED, "The token has run out; get a new one."),
    Code.CARD_DECLINED: failed_payment(FailureReason.CARD_DECLINED),
    Code.PAYMENT_FAILED: failed_payment(FailureReason.PAYMENT_FAILED),
    Code.FORBIDDEN: Problem(Code.FORBIDDEN, "A manager's token is needed."),
    Code.NOT_FOUND: not_found("event 8"),
    Code.METHOD_NOT_ALLOWED: Problem(Code.METHOD_NOT_ALLOWED, "This path takes GET, HEAD."),
    Code.SOLD_OUT: problem_of(r.SoldOut(7, 1, 0)),
    Code.SEAT_TAKEN: Problem(
        Code.SEAT_TAKEN, "Not to be had any more: seats 101, 102; choose others.", seat_ids=[101, 102]
    ),
    Code.SLOT_FULL: Problem(Code.SLOT_FULL, "The slot is full; choose another.", available=0),
    Code.LIMIT_EXCEEDED: problem_of(r.LimitExceeded(10, 9)),
    Code.SALE_CLOSED: problem_of(r.SaleClosed()),
    Code.NOT_ON_SALE_YET: problem_of(r.NotOnSaleYet(1_811_872_800_000)),
    Code.ALREADY_PAID: problem_of(r.AlreadyPaid()),
    Code.PAYMENT_IN_PROGRESS: problem_of(r.PaymentInProgress()),
    Code.NOT_HELD: problem_of(r.NotHeld()),
    Code.BELOW_TAKEN: problem_of(r.BelowTaken("7", 3, 5)),
    Code.PAYMENT_SETTLED: problem_of(r.PaymentSettled()),
    Code.EXPIRED: problem_of(r.Expired()),
    Code.CANCELLED: problem_of(r.AlreadyCancelled()),
    Code.TOO_LARGE: too_large(65_536),
    Code.UNSUPPORTED_MEDIA_TYPE: Problem(
        Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as JSON with Content-Type: application/json."
    ),
    Code.INVALID: invalid("items[0].quantity", "Expected `int` >= 1"),
    Code.AMOUNT_MISMATCH: problem_of(r.AmountMismatch(60_000)),
    Code.CURRENCY_NOT_SUPPORTED: Problem(Code.CURRENCY_NOT_SUPPORTED, "Only EUR is supported, not 'USD'."),
    Code.SLOT_NOT_SCHEDULED: Problem(Code.SLOT_NOT_SCHEDULED, "The event has no slot at 13:00; choose one of its own."),
    Code.KEY_REUSED: problem_of(r.KeyReused()),
    Code.RATE_LIMITED: too_fast("customer", 1500),
    Code.INTERNAL: Problem(Code.INTERNAL, "This is our fault and is logged; quote the request id when you report it."),
    Code.UNAVAILABLE: Problem(Code.UNAVAILABLE, "Redis does not answer; try again."),
}
"""Each problem, with the words it has in the API where those are a function's."""
