"""A method for each operation of the API."""

# Made by `make sdk`; do not edit.

from collections.abc import AsyncIterator
from typing import Any, Literal

from onsale_client.calls import Calls
from onsale_client.models import (
    AuditLogEntryPage,
    Availability,
    BlockBody,
    BookedCart,
    Booking,
    BookingPage,
    BookingPatch,
    Cart,
    CartItemBody,
    CheckInAnswer,
    CheckInAnswers,
    CheckInBody,
    CheckInEntryPage,
    CheckInsBody,
    ClaimBody,
    CodeKind,
    CodeOffer,
    CodePatch,
    CodeView,
    CodeViewPage,
    CompactSeats,
    ConsoleSession,
    CreatedCodes,
    CustomerData,
    DeadLetterPage,
    DeliveryStatus,
    DoorsSnapshot,
    Erasure,
    EticketList,
    EticketView,
    Event,
    EventBody,
    EventPage,
    EventPatch,
    EventRefunds,
    EventStatistics,
    EventStatisticsPage,
    EventStatus,
    ExchangeWish,
    Holds,
    JwkSet,
    NewBooking,
    NewCodes,
    NewReservation,
    NewWaiting,
    NewWebhook,
    Nothing,
    Now,
    OpenPaymentPage,
    Payment,
    PaymentBody,
    PaymentStanding,
    PretixPlan,
    Queue,
    QueueAudit,
    QueueBody,
    QueuePatch,
    QueuePlace,
    RedeliveredWebhooks,
    RefundWish,
    ReleaseBody,
    ReleasedHolds,
    Reservation,
    ReservationPage,
    ReservationPatch,
    ScanResult,
    SeatOnSalePage,
    SectionOnSalePage,
    SectionPage,
    Settlement,
    SlotPage,
    State,
    Ticket,
    TicketBody,
    TicketPage,
    TicketPatch,
    TicketTypeStatisticsPage,
    TransferBody,
    Venue,
    VenueBody,
    VenuePage,
    VenuePatch,
    WaitingEntry,
    WaitingEntryPage,
    WaitingState,
    Webhook,
    WebhookBody,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookPage,
    WebhookPatch,
)
from onsale_client.streams import StreamEvent


class Operations(Calls):
    """The operations, named as in the OpenAPI document."""

    async def list_events(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: Any | None = None,
        to: Any | None = None,
        venue_id: int | None = None,
        status: EventStatus | None = None,
    ) -> EventPage:
        """Lists all events, by start."""
        answer: EventPage = await self.call(
            "GET",
            "/v1/events",
            query={"limit": limit, "cursor": cursor, "from": from_, "to": to, "venue_id": venue_id, "status": status},
        )
        return answer

    async def read_event(self, event_id: int) -> Event:
        """Reads an event with its tickets."""
        answer: Event = await self.call("GET", "/v1/events/{event_id}", path={"event_id": event_id})
        return answer

    async def read_availability(self, event_id: int) -> Availability:
        """Reads counts that are at most 100 ms old."""
        answer: Availability = await self.call("GET", "/v1/events/{event_id}/availability", path={"event_id": event_id})
        return answer

    async def list_tickets(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        event_id: int | None = None,
        ticket_type: str | None = None,
        price_from: int | None = None,
        price_to: int | None = None,
        available: Literal["false", "true"] | None = None,
    ) -> TicketPage:
        """Lists all tickets, by id."""
        answer: TicketPage = await self.call(
            "GET",
            "/v1/tickets",
            query={
                "limit": limit,
                "cursor": cursor,
                "event_id": event_id,
                "ticket_type": ticket_type,
                "price_from": price_from,
                "price_to": price_to,
                "available": available,
            },
        )
        return answer

    async def read_ticket(self, ticket_id: int) -> Ticket:
        """Reads a ticket."""
        answer: Ticket = await self.call("GET", "/v1/tickets/{ticket_id}", path={"ticket_id": ticket_id})
        return answer

    async def list_venues(self, *, limit: int | None = None, cursor: str | None = None) -> VenuePage:
        """Lists all venues, by id."""
        answer: VenuePage = await self.call("GET", "/v1/venues", query={"limit": limit, "cursor": cursor})
        return answer

    async def read_venue(self, venue_id: int, *, format_: Literal["pretix"] | None = None) -> Venue | PretixPlan:
        """Reads a venue; with `format=pretix` as a seating plan of pretix."""
        answer: Venue | PretixPlan = await self.call(
            "GET", "/v1/venues/{venue_id}", path={"venue_id": venue_id}, query={"format": format_}
        )
        return answer

    async def list_sections(self, venue_id: int) -> SectionPage:
        """Lists all its sections, with rows and seats."""
        answer: SectionPage = await self.call("GET", "/v1/venues/{venue_id}/sections", path={"venue_id": venue_id})
        return answer

    async def list_sections_of_event(self, event_id: int) -> SectionOnSalePage:
        """Lists the sections that the event offers, as fresh as availability."""
        answer: SectionOnSalePage = await self.call(
            "GET", "/v1/events/{event_id}/sections", path={"event_id": event_id}
        )
        return answer

    async def read_seats(
        self, event_id: int, section_id: int, *, format_: Literal["compact"] | None = None
    ) -> SeatOnSalePage | CompactSeats:
        """Reads all seats of the section as they are now."""
        answer: SeatOnSalePage | CompactSeats = await self.call(
            "GET",
            "/v1/events/{event_id}/sections/{section_id}/seats",
            path={"event_id": event_id, "section_id": section_id},
            query={"format": format_},
        )
        return answer

    async def create_event(self, body: EventBody, *, idempotency_key: str | None = None) -> Event:
        """Creates an event."""
        answer: Event = await self.call("POST", "/v1/events", body=body, keyed=True, idempotency_key=idempotency_key)
        return answer

    async def change_event(self, event_id: int, body: EventPatch) -> Event:
        """Changes the given fields."""
        answer: Event = await self.call("PATCH", "/v1/events/{event_id}", path={"event_id": event_id}, body=body)
        return answer

    async def delete_event(self, event_id: int) -> None:
        """Deletes an event that was never held or sold."""
        await self.call("DELETE", "/v1/events/{event_id}", path={"event_id": event_id})

    async def add_ticket(self, event_id: int, body: TicketBody, *, idempotency_key: str | None = None) -> Ticket:
        """Adds a ticket."""
        answer: Ticket = await self.call(
            "POST",
            "/v1/events/{event_id}/tickets",
            path={"event_id": event_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def change_ticket(self, ticket_id: int, body: TicketPatch) -> Ticket:
        """Changes the given fields."""
        answer: Ticket = await self.call("PATCH", "/v1/tickets/{ticket_id}", path={"ticket_id": ticket_id}, body=body)
        return answer

    async def delete_ticket(self, ticket_id: int) -> None:
        """Deletes a ticket that was never held or sold."""
        await self.call("DELETE", "/v1/tickets/{ticket_id}", path={"ticket_id": ticket_id})

    async def create_venue(
        self,
        body: VenueBody | PretixPlan,
        *,
        format_: Literal["pretix"] | None = None,
        idempotency_key: str | None = None,
    ) -> Venue:
        """Creates a venue with its whole manifest."""
        answer: Venue = await self.call(
            "POST", "/v1/venues", body=body, query={"format": format_}, keyed=True, idempotency_key=idempotency_key
        )
        return answer

    async def change_venue(self, venue_id: int, body: VenuePatch) -> Venue:
        """Changes the name, and labels and flags of seats."""
        answer: Venue = await self.call("PATCH", "/v1/venues/{venue_id}", path={"venue_id": venue_id}, body=body)
        return answer

    async def block_seats(self, event_id: int, body: BlockBody) -> Event:
        """Takes seats off sale or puts them back on, all of them or none."""
        answer: Event = await self.call("PATCH", "/v1/events/{event_id}/seats", path={"event_id": event_id}, body=body)
        return answer

    async def create_reservation(self, body: NewReservation, *, idempotency_key: str | None = None) -> Reservation:
        """Holds all items or none."""
        answer: Reservation = await self.call(
            "POST", "/v1/reservations", body=body, keyed=True, idempotency_key=idempotency_key
        )
        return answer

    async def list_all_reservations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        event_id: int | None = None,
        ticket_id: int | None = None,
        customer_id: str | None = None,
        status: State | None = None,
    ) -> ReservationPage:
        """Lists reservations, newest first, up to the request."""
        answer: ReservationPage = await self.call(
            "GET",
            "/v1/reservations",
            query={
                "limit": limit,
                "cursor": cursor,
                "event_id": event_id,
                "ticket_id": ticket_id,
                "customer_id": customer_id,
                "status": status,
            },
        )
        return answer

    async def read_reservation(self, reservation_id: str) -> Reservation:
        """Reads a reservation, exact at this instant."""
        answer: Reservation = await self.call(
            "GET", "/v1/reservations/{reservation_id}", path={"reservation_id": reservation_id}
        )
        return answer

    async def change_reservation(self, reservation_id: str, body: ReservationPatch) -> Reservation:
        """Replaces the places of a live hold, all or none."""
        answer: Reservation = await self.call(
            "PATCH", "/v1/reservations/{reservation_id}", path={"reservation_id": reservation_id}, body=body
        )
        return answer

    async def cancel_reservation(self, reservation_id: str) -> None:
        """Cancels a reservation and gives its places back."""
        await self.call("DELETE", "/v1/reservations/{reservation_id}", path={"reservation_id": reservation_id})

    async def pay_reservation(
        self, reservation_id: str, body: PaymentBody, *, idempotency_key: str | None = None
    ) -> Reservation:
        """Pays a reservation."""
        answer: Reservation = await self.call(
            "POST",
            "/v1/reservations/{reservation_id}/pay",
            path={"reservation_id": reservation_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def refund_reservation(
        self, reservation_id: str, body: RefundWish, *, idempotency_key: str | None = None
    ) -> Reservation:
        """Refunds the money, all of it or some."""
        answer: Reservation = await self.call(
            "POST",
            "/v1/reservations/{reservation_id}/refund",
            path={"reservation_id": reservation_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def exchange_reservation(
        self, reservation_id: str, body: ExchangeWish, *, idempotency_key: str | None = None
    ) -> Reservation:
        """Moves a paid reservation to other places of its event."""
        answer: Reservation = await self.call(
            "POST",
            "/v1/reservations/{reservation_id}/exchange",
            path={"reservation_id": reservation_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def restock_reservation(self, reservation_id: str, body: Nothing | None = None) -> Reservation:
        """Puts places that were refunded without that on sale again."""
        answer: Reservation = await self.call(
            "POST", "/v1/reservations/{reservation_id}/restock", path={"reservation_id": reservation_id}, body=body
        )
        return answer

    async def refund_event(self, event_id: int, body: Nothing | None = None) -> EventRefunds:
        """Refunds everybody who paid for a cancelled event; again: how far that is."""
        answer: EventRefunds = await self.call(
            "POST", "/v1/events/{event_id}/refund", path={"event_id": event_id}, body=body
        )
        return answer

    async def read_event_refunds(self, event_id: int) -> EventRefunds:
        """Reads the progress of the refund of everybody."""
        answer: EventRefunds = await self.call("GET", "/v1/events/{event_id}/refund", path={"event_id": event_id})
        return answer

    async def read_cart(self, cart_id: str) -> Cart:
        """Reads the contents of a cart, of all events."""
        answer: Cart = await self.call("GET", "/v1/orders/carts/{cart_id}", path={"cart_id": cart_id})
        return answer

    async def add_to_cart(self, cart_id: str, body: CartItemBody, *, idempotency_key: str | None = None) -> Cart:
        """Takes a seat, or places, into the cart; again: the same answer."""
        answer: Cart = await self.call(
            "POST",
            "/v1/orders/carts/{cart_id}",
            path={"cart_id": cart_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def remove_from_cart(self, cart_id: str, event_id: int, seat_id: int) -> Cart:
        """Takes a seat out of the cart."""
        answer: Cart = await self.call(
            "DELETE",
            "/v1/orders/carts/{cart_id}/events/{event_id}/seats/{seat_id}",
            path={"cart_id": cart_id, "event_id": event_id, "seat_id": seat_id},
        )
        return answer

    async def remove_ticket_from_cart(self, cart_id: str, event_id: int, ticket_id: int) -> Cart:
        """Takes places out of the cart."""
        answer: Cart = await self.call(
            "DELETE",
            "/v1/orders/carts/{cart_id}/events/{event_id}/tickets/{ticket_id}",
            path={"cart_id": cart_id, "event_id": event_id, "ticket_id": ticket_id},
        )
        return answer

    async def discard_cart(self, cart_id: str) -> None:
        """Gives everything back, or nothing if a part is paid for; again is fine."""
        await self.call("DELETE", "/v1/orders/carts/{cart_id}", path={"cart_id": cart_id})

    async def claim_cart(self, cart_id: str, body: ClaimBody | None = None) -> Cart:
        """Makes a cart that was begun for no customer the caller's; again: the same."""
        answer: Cart = await self.call("POST", "/v1/orders/carts/{cart_id}/claim", path={"cart_id": cart_id}, body=body)
        return answer

    async def book_cart(self, cart_id: str, body: Nothing | None = None) -> BookedCart:
        """Pins everything for one payment, or nothing."""
        answer: BookedCart = await self.call(
            "PUT", "/v1/orders/carts/{cart_id}/book", path={"cart_id": cart_id}, body=body
        )
        return answer

    async def list_payments(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: PaymentStanding | None = None,
        event_id: int | None = None,
    ) -> OpenPaymentPage:
        """Lists payments that are not at their end, newest first, up to the request."""
        answer: OpenPaymentPage = await self.call(
            "GET", "/v1/payments", query={"limit": limit, "cursor": cursor, "status": status, "event_id": event_id}
        )
        return answer

    async def read_payment(self, payment_id: str) -> Payment:
        """Reads a payment with its reservations."""
        answer: Payment = await self.call("GET", "/v1/payments/{payment_id}", path={"payment_id": payment_id})
        return answer

    async def settle_payment(self, payment_id: str, body: Settlement) -> Payment:
        """Decides about a payment that is disputed."""
        answer: Payment = await self.call(
            "POST", "/v1/payments/{payment_id}/settle", path={"payment_id": payment_id}, body=body
        )
        return answer

    async def complete_payment(self, payment_id: str, body: Any | None = None) -> Payment:
        """Reports that the payment succeeded; everything is sold."""
        answer: Payment = await self.call(
            "POST", "/v1/payments/{payment_id}/complete", path={"payment_id": payment_id}, body=body
        )
        return answer

    async def fail_payment(self, payment_id: str, body: Any | None = None) -> Payment:
        """Reports that the payment failed; everything is available again."""
        answer: Payment = await self.call(
            "POST", "/v1/payments/{payment_id}/failed", path={"payment_id": payment_id}, body=body
        )
        return answer

    async def count_live_holds(
        self,
        *,
        event_id: int | None = None,
        ticket_id: int | None = None,
        customer_id: str | None = None,
        seat_id: int | None = None,
    ) -> Holds:
        """Counts live holds, payments under way and paid reservations, up to the request."""
        answer: Holds = await self.call(
            "GET",
            "/v1/holds",
            query={"event_id": event_id, "ticket_id": ticket_id, "customer_id": customer_id, "seat_id": seat_id},
        )
        return answer

    async def release_holds(self, body: ReleaseBody, *, idempotency_key: str | None = None) -> ReleasedHolds:
        """Ends live holds; their places are for sale again."""
        answer: ReleasedHolds = await self.call(
            "POST", "/v1/holds/release", body=body, keyed=True, idempotency_key=idempotency_key
        )
        return answer

    async def create_booking(self, event_id: int, body: NewBooking, *, idempotency_key: str | None = None) -> Booking:
        """Books a place of the slot."""
        answer: Booking = await self.call(
            "POST",
            "/v1/events/{event_id}/bookings",
            path={"event_id": event_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def list_all_bookings(
        self,
        event_id: int,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        date: str | None = None,
        time: str | None = None,
        status: Literal["booked", "cancelled", "expired"] | None = None,
    ) -> BookingPage:
        """Lists bookings by slot, up to the request."""
        answer: BookingPage = await self.call(
            "GET",
            "/v1/events/{event_id}/bookings",
            path={"event_id": event_id},
            query={"limit": limit, "cursor": cursor, "date": date, "time": time, "status": status},
        )
        return answer

    async def read_booking(self, event_id: int, booking_id: str) -> Booking:
        """Reads a booking, exact at this instant."""
        answer: Booking = await self.call(
            "GET", "/v1/events/{event_id}/bookings/{booking_id}", path={"event_id": event_id, "booking_id": booking_id}
        )
        return answer

    async def change_booking(self, event_id: int, booking_id: str, body: BookingPatch) -> Booking:
        """Changes all given fields, or nothing."""
        answer: Booking = await self.call(
            "PATCH",
            "/v1/events/{event_id}/bookings/{booking_id}",
            path={"event_id": event_id, "booking_id": booking_id},
            body=body,
        )
        return answer

    async def delete_booking(self, event_id: int, booking_id: str) -> None:
        """Deletes a booking and frees its place."""
        await self.call(
            "DELETE",
            "/v1/events/{event_id}/bookings/{booking_id}",
            path={"event_id": event_id, "booking_id": booking_id},
        )

    async def list_slots(
        self, event_id: int, *, limit: int | None = None, cursor: str | None = None, date: str | None = None
    ) -> SlotPage:
        """Lists future slots of a date, or of 31 days from the first."""
        answer: SlotPage = await self.call(
            "GET",
            "/v1/events/{event_id}/slots",
            path={"event_id": event_id},
            query={"limit": limit, "cursor": cursor, "date": date},
        )
        return answer

    async def join_queue(
        self, event_id: int, body: QueueBody | None = None, *, customer_id: str | None = None
    ) -> QueuePlace:
        """Gives the customer a place."""
        answer: QueuePlace = await self.call(
            "POST",
            "/v1/events/{event_id}/queue",
            path={"event_id": event_id},
            body=body,
            query={"customer_id": customer_id},
        )
        return answer

    async def read_queue(self, event_id: int) -> Queue:
        """Reads the waiting room, at most a second old."""
        answer: Queue = await self.call("GET", "/v1/events/{event_id}/queue", path={"event_id": event_id})
        return answer

    async def change_queue(self, event_id: int, body: QueuePatch) -> Queue:
        """Pauses or resumes admission, changes its limits, tells everybody something."""
        answer: Queue = await self.call("PATCH", "/v1/events/{event_id}/queue", path={"event_id": event_id}, body=body)
        return answer

    async def read_place(self, event_id: int, *, customer_id: str | None = None) -> QueuePlace:
        """Reads the customer's place, exact at this instant."""
        answer: QueuePlace = await self.call(
            "GET", "/v1/events/{event_id}/queue/place", path={"event_id": event_id}, query={"customer_id": customer_id}
        )
        return answer

    async def leave_queue(self, event_id: int, *, customer_id: str | None = None) -> None:
        """Gives up the place and its pass."""
        await self.call(
            "DELETE",
            "/v1/events/{event_id}/queue/place",
            path={"event_id": event_id},
            query={"customer_id": customer_id},
        )

    async def enter_queue(
        self, event_id: int, body: QueueBody | None = None, *, customer_id: str | None = None
    ) -> QueuePlace:
        """Lets the customer in."""
        answer: QueuePlace = await self.call(
            "POST",
            "/v1/events/{event_id}/queue/enter",
            path={"event_id": event_id},
            body=body,
            query={"customer_id": customer_id},
        )
        return answer

    async def read_queue_audit(self, event_id: int) -> QueueAudit:
        """Reads what proves the order of the waiting room."""
        answer: QueueAudit = await self.call("GET", "/v1/events/{event_id}/queue/audit", path={"event_id": event_id})
        return answer

    async def create_codes(self, event_id: int, body: NewCodes, *, idempotency_key: str | None = None) -> CreatedCodes:
        """Makes codes, all or none; up to 100,000 at a time."""
        answer: CreatedCodes = await self.call(
            "POST",
            "/v1/events/{event_id}/codes",
            path={"event_id": event_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def list_event_codes(
        self,
        event_id: int,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        tag: str | None = None,
        kind: CodeKind | None = None,
    ) -> CodeViewPage:
        """Lists codes in their order, with what is used of each."""
        answer: CodeViewPage = await self.call(
            "GET",
            "/v1/events/{event_id}/codes",
            path={"event_id": event_id},
            query={"limit": limit, "cursor": cursor, "tag": tag, "kind": kind},
        )
        return answer

    async def export_codes(self, event_id: int, *, tag: str | None = None) -> bytes:
        """All codes, or those of a tag, as CSV, with what is used of each."""
        answer: bytes = await self.call(
            "GET", "/v1/events/{event_id}/codes.csv", path={"event_id": event_id}, query={"tag": tag}
        )
        return answer

    async def read_event_code(self, event_id: int, code: str) -> CodeView:
        """Reads a code, with what is used of it at this instant."""
        answer: CodeView = await self.call(
            "GET", "/v1/events/{event_id}/codes/{code}", path={"event_id": event_id, "code": code}
        )
        return answer

    async def change_code(self, event_id: int, code: str, body: CodePatch) -> CodeView:
        """Changes a code; reservations that name it keep their terms."""
        answer: CodeView = await self.call(
            "PATCH", "/v1/events/{event_id}/codes/{code}", path={"event_id": event_id, "code": code}, body=body
        )
        return answer

    async def withdraw_code(self, event_id: int, code: str) -> None:
        """Withdraws a code; reservations that name it keep their terms."""
        await self.call("DELETE", "/v1/events/{event_id}/codes/{code}", path={"event_id": event_id, "code": code})

    async def read_code_offer(self, event_id: int, code: str, *, customer_id: str | None = None) -> CodeOffer:
        """Reads what the code opens to the customer: tickets and prices."""
        answer: CodeOffer = await self.call(
            "GET",
            "/v1/events/{event_id}/codes/{code}/offer",
            path={"event_id": event_id, "code": code},
            query={"customer_id": customer_id},
        )
        return answer

    async def list_etickets(self, reservation_id: str) -> EticketList:
        """Lists the e-tickets of a reservation; none before it is paid."""
        answer: EticketList = await self.call(
            "GET", "/v1/reservations/{reservation_id}/etickets", path={"reservation_id": reservation_id}
        )
        return answer

    async def read_etickets_pdf(self, reservation_id: str) -> bytes:
        """Reads the e-tickets that admit, a page for each."""
        answer: bytes = await self.call(
            "GET", "/v1/reservations/{reservation_id}/etickets.pdf", path={"reservation_id": reservation_id}
        )
        return answer

    async def read_eticket_qr(self, serial: int) -> bytes:
        """Reads the QR code of an e-ticket as a picture."""
        answer: bytes = await self.call("GET", "/v1/etickets/{serial}/qr.svg", path={"serial": serial})
        return answer

    async def transfer_eticket(
        self, serial: int, body: TransferBody, *, idempotency_key: str | None = None
    ) -> EticketView:
        """Gives an e-ticket another holder and a new code; the old code is void."""
        answer: EticketView = await self.call(
            "POST",
            "/v1/etickets/{serial}/transfer",
            path={"serial": serial},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def read_eticket_keys(self, event_id: int) -> JwkSet:
        """Reads the public keys by which anybody can verify codes of the event."""
        answer: JwkSet = await self.call("GET", "/v1/events/{event_id}/etickets/keys", path={"event_id": event_id})
        return answer

    async def rotate_eticket_keys(
        self, event_id: int, body: Nothing | None = None, *, idempotency_key: str | None = None
    ) -> JwkSet:
        """Adds a key, which signs from now on."""
        answer: JwkSet = await self.call(
            "POST",
            "/v1/events/{event_id}/etickets/keys",
            path={"event_id": event_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def check_in(self, event_id: int, body: CheckInBody) -> CheckInAnswer:
        """Checks whether a code admits, and lets its holder in or out if so."""
        answer: CheckInAnswer = await self.call(
            "POST", "/v1/events/{event_id}/check-ins", path={"event_id": event_id}, body=body
        )
        return answer

    async def list_check_ins_of_event(
        self,
        event_id: int,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        gate: str | None = None,
        result: ScanResult | None = None,
        conflict: bool | None = None,
    ) -> CheckInEntryPage:
        """Lists what gates scanned, newest first, up to the request."""
        answer: CheckInEntryPage = await self.call(
            "GET",
            "/v1/events/{event_id}/check-ins",
            path={"event_id": event_id},
            query={"limit": limit, "cursor": cursor, "gate": gate, "result": result, "conflict": conflict},
        )
        return answer

    async def upload_check_ins(self, event_id: int, body: CheckInsBody) -> CheckInAnswers:
        """Records what a gate scanned, up to 500 scans at once."""
        answer: CheckInAnswers = await self.call(
            "POST", "/v1/events/{event_id}/check-ins/upload", path={"event_id": event_id}, body=body
        )
        return answer

    async def read_doors_snapshot(self, event_id: int, *, since: int | None = None) -> DoorsSnapshot:
        """Reads what a gate needs offline; with `since`, what changed."""
        answer: DoorsSnapshot = await self.call(
            "GET", "/v1/events/{event_id}/check-ins/snapshot", path={"event_id": event_id}, query={"since": since}
        )
        return answer

    async def join_waiting_list(
        self, event_id: int, body: NewWaiting, *, idempotency_key: str | None = None
    ) -> WaitingEntry:
        """Gives the customer a place in the line of a ticket."""
        answer: WaitingEntry = await self.call(
            "POST",
            "/v1/events/{event_id}/waiting-list",
            path={"event_id": event_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def list_waiting_list(
        self,
        event_id: int,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        ticket_id: int | None = None,
        status: WaitingState | None = None,
    ) -> WaitingEntryPage:
        """Lists the entries of an event in their order, up to the request."""
        answer: WaitingEntryPage = await self.call(
            "GET",
            "/v1/events/{event_id}/waiting-list",
            path={"event_id": event_id},
            query={"limit": limit, "cursor": cursor, "ticket_id": ticket_id, "status": status},
        )
        return answer

    async def read_waiting_entry(self, event_id: int, waiting_id: str) -> WaitingEntry:
        """Reads an entry, exact at this instant."""
        answer: WaitingEntry = await self.call(
            "GET",
            "/v1/events/{event_id}/waiting-list/{waiting_id}",
            path={"event_id": event_id, "waiting_id": waiting_id},
        )
        return answer

    async def leave_waiting_list(self, event_id: int, waiting_id: str) -> None:
        """Gives up a place in line, or an offer."""
        await self.call(
            "DELETE",
            "/v1/events/{event_id}/waiting-list/{waiting_id}",
            path={"event_id": event_id, "waiting_id": waiting_id},
        )

    def stream_availability(self, event_id: int) -> AsyncIterator[StreamEvent]:
        """Streams counts of tickets and the state of the sale."""
        return self.stream("/v1/events/{event_id}/availability/stream", {"event_id": event_id})

    def stream_seats(self, event_id: int, section_id: int) -> AsyncIterator[StreamEvent]:
        """Streams the seats of a section."""
        return self.stream(
            "/v1/events/{event_id}/sections/{section_id}/seats/stream", {"event_id": event_id, "section_id": section_id}
        )

    def stream_queue(self, event_id: int) -> AsyncIterator[StreamEvent]:
        """Streams the waiting room."""
        return self.stream("/v1/events/{event_id}/queue/stream", {"event_id": event_id})

    async def list_statistics_of_events(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> EventStatisticsPage:
        """Lists a row per event, by id."""
        answer: EventStatisticsPage = await self.call(
            "GET", "/v1/statistics/events", query={"limit": limit, "cursor": cursor}
        )
        return answer

    async def list_statistics_of_ticket_types(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> TicketTypeStatisticsPage:
        """Lists a row per type name and currency over all events, by both."""
        answer: TicketTypeStatisticsPage = await self.call(
            "GET", "/v1/statistics/ticket-types", query={"limit": limit, "cursor": cursor}
        )
        return answer

    async def read_statistics_of_event(self, event_id: int) -> EventStatistics:
        """Reads the row of one event."""
        answer: EventStatistics = await self.call(
            "GET", "/v1/events/{event_id}/statistics", path={"event_id": event_id}
        )
        return answer

    async def list_audit_log(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        actor: str | None = None,
        event_id: int | None = None,
        action: str | None = None,
        from_: str | None = None,
        to: str | None = None,
    ) -> AuditLogEntryPage:
        """Lists changes by managers and services, newest first, up to the request."""
        answer: AuditLogEntryPage = await self.call(
            "GET",
            "/v1/audit-log",
            query={
                "limit": limit,
                "cursor": cursor,
                "actor": actor,
                "event_id": event_id,
                "action": action,
                "from": from_,
                "to": to,
            },
        )
        return answer

    async def read_customer_data(self, customer_id: str) -> CustomerData:
        """Shows everything known of a customer, up to the request."""
        answer: CustomerData = await self.call(
            "GET", "/v1/customers/{customer_id}/data", path={"customer_id": customer_id}
        )
        return answer

    async def erase_customer_data(self, customer_id: str) -> Erasure:
        """Erases names, phones and contacts of a customer."""
        answer: Erasure = await self.call(
            "DELETE", "/v1/customers/{customer_id}/data", path={"customer_id": customer_id}
        )
        return answer

    async def create_webhook(self, body: WebhookBody, *, idempotency_key: str | None = None) -> NewWebhook:
        """Registers an endpoint."""
        answer: NewWebhook = await self.call(
            "POST", "/v1/webhooks", body=body, keyed=True, idempotency_key=idempotency_key
        )
        return answer

    async def list_webhooks(self, *, limit: int | None = None, cursor: str | None = None) -> WebhookPage:
        """Lists endpoints by id."""
        answer: WebhookPage = await self.call("GET", "/v1/webhooks", query={"limit": limit, "cursor": cursor})
        return answer

    async def read_webhook(self, webhook_id: int) -> Webhook:
        """Reads an endpoint, without its secret."""
        answer: Webhook = await self.call("GET", "/v1/webhooks/{webhook_id}", path={"webhook_id": webhook_id})
        return answer

    async def change_webhook(self, webhook_id: int, body: WebhookPatch) -> Webhook:
        """Changes the given fields."""
        answer: Webhook = await self.call(
            "PATCH", "/v1/webhooks/{webhook_id}", path={"webhook_id": webhook_id}, body=body
        )
        return answer

    async def delete_webhook(self, webhook_id: int) -> None:
        """Deletes an endpoint and its pending deliveries."""
        await self.call("DELETE", "/v1/webhooks/{webhook_id}", path={"webhook_id": webhook_id})

    async def rotate_secret(self, webhook_id: int, body: Nothing | None = None) -> NewWebhook:
        """Makes a new secret; the previous one is valid for another day."""
        answer: NewWebhook = await self.call(
            "POST", "/v1/webhooks/{webhook_id}/rotate", path={"webhook_id": webhook_id}, body=body
        )
        return answer

    async def test_webhook(self, webhook_id: int, body: Nothing | None = None) -> WebhookDelivery:
        """Sends a message of type webhook.test."""
        answer: WebhookDelivery = await self.call(
            "POST", "/v1/webhooks/{webhook_id}/test", path={"webhook_id": webhook_id}, body=body
        )
        return answer

    async def list_deliveries(
        self,
        webhook_id: int,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: DeliveryStatus | None = None,
    ) -> WebhookDeliveryPage:
        """Lists deliveries, newest first."""
        answer: WebhookDeliveryPage = await self.call(
            "GET",
            "/v1/webhooks/{webhook_id}/deliveries",
            path={"webhook_id": webhook_id},
            query={"limit": limit, "cursor": cursor, "status": status},
        )
        return answer

    async def redeliver_dead(
        self, webhook_id: int, body: Nothing | None = None, *, idempotency_key: str | None = None
    ) -> RedeliveredWebhooks:
        """Sends dead messages again, oldest first, at most 1,000 of them."""
        answer: RedeliveredWebhooks = await self.call(
            "POST",
            "/v1/webhooks/{webhook_id}/redeliver",
            path={"webhook_id": webhook_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def redeliver(
        self, webhook_id: int, delivery_id: int, body: Nothing | None = None, *, idempotency_key: str | None = None
    ) -> WebhookDelivery:
        """Sends a message again, dead or delivered."""
        answer: WebhookDelivery = await self.call(
            "POST",
            "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
            path={"webhook_id": webhook_id, "delivery_id": delivery_id},
            body=body,
            keyed=True,
            idempotency_key=idempotency_key,
        )
        return answer

    async def list_unwritten_facts(self, *, limit: int | None = None, cursor: str | None = None) -> DeadLetterPage:
        """Lists facts that could not be written to Postgres, newest first, each with its reason."""
        answer: DeadLetterPage = await self.call("GET", "/v1/dead-letters", query={"limit": limit, "cursor": cursor})
        return answer

    async def read_console_session(
        self,
    ) -> ConsoleSession:
        """Reads which manager the token is of, and until when."""
        answer: ConsoleSession = await self.call("GET", "/v1/console/session")
        return answer

    async def read_console_now(
        self,
    ) -> Now:
        """Reads how every sale that is not over stands, and this installation."""
        answer: Now = await self.call("GET", "/v1/console/now")
        return answer
