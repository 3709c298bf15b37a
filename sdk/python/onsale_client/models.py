"""Types of bodies and answers."""

# Made by `make sdk`; do not edit.

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

State: TypeAlias = Literal["cancelled", "expired", "held", "paid", "paying", "refund_due", "refunded"]
QueueEnd: TypeAlias = Literal["cancelled", "sale_closed", "sold_out"]
EventStatus: TypeAlias = Literal["cancelled", "closed", "draft", "on_sale", "paused"]
AttemptState: TypeAlias = Literal["completed", "failed", "pending", "refund_due", "refunded"]
PaymentStanding: TypeAlias = Literal["disputed", "pending", "refund_due"]
QueuePhase: TypeAlias = Literal["closed", "gathering", "over", "paused", "serving"]
CodeKind: TypeAlias = Literal["access", "allocation", "discount"]
EticketState: TypeAlias = Literal["in", "out", "valid", "void"]
Direction: TypeAlias = Literal["in", "out"]
ScanResult: TypeAlias = Literal["admitted", "already_in", "not_yet", "other_event", "unknown", "void"]
WaitingState: TypeAlias = Literal["declined", "ended", "offered", "taken", "waiting"]
WebhookEvent: TypeAlias = Literal[
    "booking.booked",
    "booking.cancelled",
    "booking.changed",
    "eticket.checked_in",
    "event.cancelled",
    "reservation.cancelled",
    "reservation.disputed",
    "reservation.exchanged",
    "reservation.expired",
    "reservation.held",
    "reservation.paid",
    "reservation.refund_due",
    "reservation.refunded",
    "reservation.restocked",
    "waiting_list.offered",
]
DeliveryStatus: TypeAlias = Literal["dead", "delivered", "pending"]


class WrongField(TypedDict):
    """A field of a body, a parameter or a header, and what is wrong with it."""

    path: str
    message: str


class Money(TypedDict):
    """An amount in minor units, with its currency."""

    amount: int
    currency: str


class EventPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[Event]
    next_cursor: str | None


class Event(TypedDict):
    """An event with its tickets. `ticket_types` says which types can be bought now; a timed one has a schedule."""

    id: int
    name: str
    starts_at: str
    timezone: str
    venue_id: int | None
    status: EventStatus
    sale_opens_at: str | None
    sale_closes_at: str | None
    hold_seconds: int
    max_per_customer: int
    currency: str
    description: str | None
    image_url: str | None
    ticket_types: dict[str, Any]
    tickets: list[Ticket]
    schedule: NotRequired[Schedule]
    waiting_room: NotRequired[WaitingRoom]
    doors_open_at: NotRequired[str]
    waiting_list: NotRequired[WaitingList]


class Ticket(TypedDict):
    """A ticket with its counts; `held` includes places being paid."""

    id: int
    event: EventHead
    ticket_type: str
    price: Money
    seating: Literal["assigned", "general", "timed"]
    capacity: int
    available: int
    held: int
    sold: int
    kept: int
    sold_out: bool
    paused: bool
    hidden: bool
    sale_opens_at: str | None
    sale_closes_at: str | None
    min_quantity: int


class EventHead(TypedDict):
    """The event; name and start are null if the catalogue no longer has it."""

    id: int
    name: str | None
    starts_at: str | None


Schedule = TypedDict(
    "Schedule",
    {
        "times": "list[str]",
        "capacity": "int",
        "weekdays": NotRequired["list[int]"],
        "except": NotRequired["list[str]"],
    },
)
"""The slots of a timed event: its local times, and the places of each."""


class WaitingRoom(TypedDict):
    """The waiting room of an event. Null for `max_inside` and `per_minute`: as stock and response times allow."""

    opens_at: str
    pass_seconds: int
    places_per_pass: int
    max_inside: int | None
    per_minute: int | None


class WaitingList(TypedDict):
    """The waiting list of an event. `ends_at` null: it ends when the sale closes."""

    offer_seconds: int
    ends_at: str | None
    fill_gaps: bool


class Availability(TypedDict):
    """The counts of an event's tickets at one instant. `version` grows with each change of the event or its tickets."""

    event_id: int
    as_of: str
    status: EventStatus
    version: int
    next_return_at: str | None
    tickets: list[TicketAvailability]


class TicketAvailability(TypedDict):
    """The price and the counts of a ticket; `held` has the paying ones, `kept` those refunded without restock."""

    ticket_id: int
    price: Money
    capacity: int
    available: int
    held: int
    sold: int
    kept: int


class TicketPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[Ticket]
    next_cursor: str | None


class VenuePage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[Venue]
    next_cursor: str | None


class Venue(TypedDict):
    """A venue with its sections."""

    id: int
    name: str
    capacity: int
    sections: list[SectionSize]


class SectionSize(TypedDict):
    """A section of a venue."""

    id: int
    name: str
    capacity: int


class PretixPlan(TypedDict):
    """A seating plan as pretix publishes its format; members that are not listed here are kept, too."""

    name: str
    categories: list[PlanCategory]
    zones: list[PlanZone]
    size: PlanSize


class PlanCategory(TypedDict):
    """A kind of seats, and the colour in which they are drawn."""

    name: str
    color: str


class PlanZone(TypedDict):
    """A part of a plan: its rows, and the areas and text that are drawn."""

    name: str
    rows: list[PlanRow]
    position: NotRequired[PlanPoint]
    areas: NotRequired[list[dict[str, Any]]]


class PlanRow(TypedDict):
    """A row of a plan."""

    row_number: str
    seats: list[PlanSeat]
    position: NotRequired[PlanPoint]
    row_number_position: NotRequired[Literal["both", "end", "start"] | None]


class PlanSeat(TypedDict):
    """A seat of a plan."""

    seat_number: str
    seat_guid: str
    position: PlanPoint
    category: NotRequired[str]


class PlanPoint(TypedDict):
    """A place on the plan, from that of the thing that it is in: from the left and from the top."""

    x: NotRequired[float]
    y: NotRequired[float]


class PlanSize(TypedDict):
    """The size of a drawing."""

    width: float
    height: float


class SectionPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[Section]
    next_cursor: str | None


class Section(TypedDict):
    """A section of a venue, with its rows, the best first; or with a capacity and no rows, for general admission."""

    id: int
    name: str
    rows: list[Row]
    capacity: NotRequired[int]


class Row(TypedDict):
    """A row of a section, with its seats."""

    name: str
    seats: list[NumberedSeat]


class NumberedSeat(TypedDict):
    """A seat of a row; `label` is what stands on it."""

    id: int
    number: int
    label: str
    accessible: NotRequired[bool]
    companion: NotRequired[bool]
    restricted_view: NotRequired[bool]
    x: NotRequired[float]
    y: NotRequired[float]
    external_id: NotRequired[str]


class SectionOnSalePage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[SectionOnSale]
    next_cursor: str | None


class SectionOnSale(TypedDict):
    """A section that an event offers: its counts, and the lowest and the highest of its prices."""

    section_id: int
    name: str
    seating: Literal["assigned", "general"]
    capacity: int
    available: int
    held: int
    sold: int
    price_from: Money
    price_to: Money


class SeatOnSalePage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[SeatOnSale]
    next_cursor: str | None


class SeatOnSale(TypedDict):
    """A seat of an event; `label` is what stands on it."""

    seat_id: int
    row: str
    number: int
    label: str
    status: SeatState
    prices: list[SeatPrice]
    accessible: NotRequired[bool]
    companion: NotRequired[bool]
    restricted_view: NotRequired[bool]
    x: NotRequired[float]
    y: NotRequired[float]
    external_id: NotRequired[str]


class SeatState(TypedDict):
    """The state of a seat: 0 available, 1 held, 2 sold, 3 blocked."""

    id: Literal[0, 1, 2, 3]
    name: Literal["available", "blocked", "held", "sold"]


class SeatPrice(TypedDict):
    """A ticket that sells a seat."""

    ticket_id: int
    name: str
    price: Money


class CompactSeats(TypedDict):
    """All seats of a section, in few bytes."""

    section_id: int
    as_of: str
    rows: list[RowText]


class RowText(TypedDict):
    """A row, one character per seat: `a`vailable, `h`eld, `s`old or `b`locked."""

    name: str
    first_seat_id: int
    seats: str


class EventBody(TypedDict):
    """Body of POST /v1/events. With a schedule, which stays as it is, it is timed."""

    name: str
    starts_at: str
    timezone: NotRequired[str]
    venue_id: NotRequired[int | None]
    status: NotRequired[EventStatus]
    sale_opens_at: NotRequired[str | None]
    sale_closes_at: NotRequired[str | None]
    hold_seconds: NotRequired[int]
    max_per_customer: NotRequired[int]
    currency: NotRequired[str]
    description: NotRequired[str | None]
    image_url: NotRequired[str | None]
    tickets: NotRequired[list[TicketBody]]
    schedule: NotRequired[ScheduleBody]
    waiting_room: NotRequired[WaitingRoomBody | None]
    doors_open_at: NotRequired[str | None]
    waiting_list: NotRequired[WaitingListBody | None]


class TicketBody(TypedDict):
    """A ticket to offer: a capacity, or sections of the event's venue. Of a timed event: neither."""

    ticket_type: str
    price: PriceBody
    capacity: NotRequired[int]
    section_ids: NotRequired[list[int]]
    paused: NotRequired[bool]
    hidden: NotRequired[bool]
    sale_opens_at: NotRequired[str | None]
    sale_closes_at: NotRequired[str | None]
    min_quantity: NotRequired[int]


class PriceBody(TypedDict):
    """An amount in minor units, with its currency."""

    amount: int
    currency: str


ScheduleBody = TypedDict(
    "ScheduleBody",
    {
        "times": "list[str]",
        "capacity": "int",
        "weekdays": NotRequired["list[int]"],
        "except": NotRequired["list[str]"],
    },
)
"""The start times of slots, local to the event, and the places of each."""


class WaitingRoomBody(TypedDict):
    """The waiting room of an event. Customers may join from `opens_at`; the order is drawn when the sale opens."""

    opens_at: str
    pass_seconds: NotRequired[int]
    places_per_pass: NotRequired[int]
    max_inside: NotRequired[int | None]
    per_minute: NotRequired[int | None]


class WaitingListBody(TypedDict):
    """The waiting list of an event. A customer who is offered places has `offer_seconds` to pay for them."""

    offer_seconds: NotRequired[int]
    ends_at: NotRequired[str | None]
    fill_gaps: NotRequired[bool]


class EventPatch(TypedDict):
    """Body of PATCH /v1/events/{event_id}: missing fields stay."""

    name: NotRequired[str]
    starts_at: NotRequired[str]
    timezone: NotRequired[str]
    venue_id: NotRequired[int | None]
    status: NotRequired[EventStatus]
    sale_opens_at: NotRequired[str | None]
    sale_closes_at: NotRequired[str | None]
    hold_seconds: NotRequired[int]
    max_per_customer: NotRequired[int]
    currency: NotRequired[str]
    description: NotRequired[str | None]
    image_url: NotRequired[str | None]
    schedule: NotRequired[SchedulePatch]
    waiting_room: NotRequired[WaitingRoomBody | None]
    doors_open_at: NotRequired[str | None]
    waiting_list: NotRequired[WaitingListBody | None]


SchedulePatch = TypedDict(
    "SchedulePatch",
    {
        "times": NotRequired["list[str]"],
        "capacity": NotRequired["int"],
        "weekdays": NotRequired["list[int]"],
        "except": NotRequired["list[str]"],
    },
)
"""Changes of a schedule; fields that are not given stay. A slot with taken places cannot be removed."""


class TicketPatch(TypedDict):
    """Body of PATCH /v1/tickets/{ticket_id}: missing fields stay; null removes a window."""

    ticket_type: NotRequired[str]
    price: NotRequired[PriceBody]
    capacity: NotRequired[int]
    paused: NotRequired[bool]
    hidden: NotRequired[bool]
    sale_opens_at: NotRequired[str | None]
    sale_closes_at: NotRequired[str | None]
    min_quantity: NotRequired[int]


class VenueBody(TypedDict):
    """Body of POST /v1/venues: the whole manifest, at most 200,000 seats, 20,000 in a section."""

    name: str
    sections: list[SectionBody]


class SectionBody(TypedDict):
    """A section with its rows, the best first; or a capacity and no rows, for general admission within it."""

    name: str
    rows: NotRequired[list[RowBody]]
    capacity: NotRequired[int]


class RowBody(TypedDict):
    """A row of seats: that many, labelled from 1, or each of them."""

    name: str
    seats: int | list[SeatBody]


class SeatBody(TypedDict):
    """A seat: what stands on it, and what else is known of it. `x` and `y`: where it stands on a plan."""

    label: str
    accessible: NotRequired[bool | None]
    companion: NotRequired[bool | None]
    restricted_view: NotRequired[bool | None]
    x: NotRequired[float | None]
    y: NotRequired[float | None]


class VenuePatch(TypedDict):
    """Body of PATCH /v1/venues/{venue_id}: missing fields and seats stay. The number of seats never changes."""

    name: NotRequired[str]
    seats: NotRequired[list[SeatPatch]]


class SeatPatch(TypedDict):
    """Changes of a seat: missing fields stay; null: it is unknown."""

    seat_id: int
    label: NotRequired[str]
    accessible: NotRequired[bool | None]
    companion: NotRequired[bool | None]
    restricted_view: NotRequired[bool | None]
    x: NotRequired[float | None]
    y: NotRequired[float | None]


class BlockBody(TypedDict):
    """Body of PATCH /v1/events/{event_id}/seats."""

    seat_ids: list[int]
    blocked: bool


class NewReservation(TypedDict):
    """Body of POST /v1/reservations. All items belong to one event."""

    items: list[ItemBody]
    customer: NotRequired[CustomerBody]
    expected_total: NotRequired[ExpectedTotal | None]
    code: NotRequired[str | None]
    override_limit: NotRequired[bool]
    from_blocked: NotRequired[bool]


class ItemBody(TypedDict):
    """An item of a reservation: places of one ticket, `quantity` of them or the seats that are named."""

    ticket_id: int
    quantity: NotRequired[int | None]
    seat_ids: NotRequired[list[int] | None]
    best_available: NotRequired[bool]
    together: NotRequired[bool]
    slot: NotRequired[str | None]


class CustomerBody(TypedDict):
    """The customer of a request."""

    id: NotRequired[str]
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]


class ExpectedTotal(TypedDict):
    """The total that was shown, in minor units."""

    amount: int
    currency: str


class Reservation(TypedDict):
    """A reservation. A held or expired one has a deadline; a paying or paid one has none."""

    id: str
    event: EventHead
    status: State
    customer: Customer
    items: list[ReservedItem]
    total: Money
    created_at: str
    expires_at: str | None
    expires_in_ms: int | None
    payment: ReservationPayment | None
    payments: NotRequired[list[ReservationPayment]]
    refunded: NotRequired[Money]
    code: NotRequired[str]
    offer: NotRequired[bool]


class Customer(TypedDict):
    """The customer who reserved."""

    id: str
    first_name: str | None
    last_name: str | None


class ReservedItem(TypedDict):
    """Places of one ticket, at the price when they were held. `slot`: the local start of a timed ticket's slot."""

    ticket_id: int
    ticket_type: str | None
    quantity: int
    seats: list[Seat]
    unit_price: Money
    slot: NotRequired[str]
    starts_at: NotRequired[str]


class Seat(TypedDict):
    """A seat that is taken; `label` is what stands on it."""

    seat_id: int
    section: str
    row: str
    number: int
    label: str


class ReservationPayment(TypedDict):
    """The payment of a reservation."""

    id: str
    status: AttemptState
    amount: int
    currency: str
    created_at: str
    completed_at: str | None


class ReservationPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[Reservation]
    next_cursor: str | None


class ReservationPatch(TypedDict):
    """Body of PATCH /v1/reservations/{reservation_id}: all that the reservation is to have."""

    items: list[ItemBody]


class PaymentBody(TypedDict):
    """Body of POST /v1/reservations/{reservation_id}/pay. `amount` is the whole total, in minor units."""

    amount: int
    currency: str
    payment_token: NotRequired[str | None]


class RefundWish(TypedDict):
    """Body of POST /v1/reservations/{reservation_id}/refund. `restock`: the places are for sale again."""

    restock: NotRequired[bool]
    items: NotRequired[list[RefundedItem] | None]
    amount: NotRequired[RefundedAmount | None]


class RefundedItem(TypedDict):
    """Places of a reservation that are refunded: that many of a ticket, or the seats that are named."""

    ticket_id: int
    quantity: NotRequired[int | None]
    seat_ids: NotRequired[list[int] | None]


class RefundedAmount(TypedDict):
    """The amount to refund, in minor units."""

    amount: int
    currency: str


class ExchangeWish(TypedDict):
    """Body of POST /v1/reservations/{reservation_id}/exchange: all that the reservation is to have."""

    items: list[ItemBody]
    payment_token: NotRequired[str | None]
    expected_total: NotRequired[ExpectedTotal | None]
    override_limit: NotRequired[bool]


class Nothing(TypedDict):
    """An object without members, or no body at all."""


class EventRefunds(TypedDict):
    """Progress of the refunds of a cancelled event: reservations, and all money that goes or went back to them."""

    event_id: int
    reservations: int
    refunded: int
    refund_due: int
    amount: Money


class Cart(TypedDict):
    """A cart. A booked cart has a payment instead of a deadline."""

    id: str
    status: Literal["booked", "completed", "failed", "open"]
    items: list[CartItem]
    total: Money
    expires_at: str | None
    payment_id: str | None


class CartItem(TypedDict):
    """A seat in a cart, or places without seats; then `seat` is null. `slot`: as of a ReservedItem."""

    event: EventHead
    ticket_id: int
    ticket_type: str | None
    seat: Seat | None
    quantity: int
    unit_price: Money
    slot: NotRequired[str]
    starts_at: NotRequired[str]


class CartItemBody(TypedDict):
    """Body of POST /v1/orders/carts/{cart_id}: a seat, or places that are all alike. `price_id` is a ticket's id."""

    event_id: int
    price_id: int
    seat_id: NotRequired[int | None]
    quantity: NotRequired[int | None]
    best_available: NotRequired[bool]
    together: NotRequired[bool]
    slot: NotRequired[str | None]
    expected_total: NotRequired[ExpectedTotal | None]
    customer: NotRequired[CustomerBody | None]
    code: NotRequired[str | None]


class ClaimBody(TypedDict):
    """Body of POST /v1/orders/carts/{cart_id}/claim. A customer needs none: its token says who it is."""

    customer: NotRequired[CustomerBody | None]


class BookedCart(TypedDict):
    """The payment of a booked cart."""

    payment_id: str


class OpenPaymentPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[OpenPayment]
    next_cursor: str | None


class OpenPayment(TypedDict):
    """A payment that is not at its end, and the reservation that it is for. That of a cart is there once for each."""

    id: str
    reservation_id: str
    event_id: int
    customer_id: str
    status: PaymentStanding
    amount: Money
    received: ReceivedMoney | None
    refund_due: Money
    created_at: str


class ReceivedMoney(TypedDict):
    """The money that the gateway has of a payment; any currency."""

    amount: int
    currency: str


class Payment(TypedDict):
    """A payment as the gateway sees it, with the reservations that it is for, and what of it goes back."""

    id: str
    status: Literal["completed", "disputed", "failed", "pending"]
    amount: int
    currency: str
    reservations: list[str]
    refunds: list[Refund]
    received: NotRequired[ReceivedMoney]


class Refund(TypedDict):
    """Money of a payment that goes back; `pending` until the gateway has given it back."""

    id: str
    amount: int
    status: Literal["completed", "pending"]
    created_at: str


class Settlement(TypedDict):
    """Body of POST /v1/payments/{payment_id}/settle. `note`: why, for those who look at it later."""

    outcome: Literal["completed", "failed"]
    note: str


class Holds(TypedDict):
    """Everybody whom a change may affect."""

    held: HoldsInState
    paying: HoldsInState
    paid: HoldsInState
    bookings: int
    waiting: int


class HoldsInState(TypedDict):
    """Reservations in one state, their places, their customers, and their worth in each currency."""

    reservations: int
    places: int
    customers: int
    amounts: list[Money]


class ReleaseBody(TypedDict):
    """Body of POST /v1/holds/release: an event, a customer, or both; a seat of the event."""

    event_id: NotRequired[int]
    customer_id: NotRequired[str]
    seat_id: NotRequired[int]
    cursor: NotRequired[str | None]


class ReleasedHolds(TypedDict):
    """The part of the holds that a request looked at."""

    released: int
    places: int
    paying: int
    ended: int
    next_cursor: str | None


class NewBooking(TypedDict):
    """Body of POST /v1/events/{event_id}/bookings. Date and time are local to the event."""

    first_name: str
    last_name: str
    phone_number: str
    date: str
    time: str
    customer: NotRequired[BookingCustomer | None]


class BookingCustomer(TypedDict):
    """The customer for whom a service or a manager books: limits and the waiting room count for it."""

    id: str


class Booking(TypedDict):
    """A place in a slot, taken free of charge; `cancelled` with its event."""

    id: str
    event_id: int
    first_name: str
    last_name: str
    phone_number: str
    date: str
    time: str
    starts_at: str
    status: Literal["booked", "cancelled", "expired"]
    expired: bool
    created_at: str


class BookingPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[Booking]
    next_cursor: str | None


class BookingPatch(TypedDict):
    """Body of PATCH /v1/events/{event_id}/bookings/{booking_id}: missing fields stay."""

    first_name: NotRequired[str]
    last_name: NotRequired[str]
    phone_number: NotRequired[str]
    date: NotRequired[str]
    time: NotRequired[str]


class SlotPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[Slot]
    next_cursor: str | None


class Slot(TypedDict):
    """A slot with its counts; `held` includes places being paid, `sold` includes bookings."""

    date: str
    time: str
    starts_at: str
    capacity: int
    available: int
    held: int
    sold: int
    kept: int


class QueueBody(TypedDict):
    """Body of a request for a place in a waiting room, or none. It names the customer, if the query does not."""

    customer: NotRequired[CustomerBody | None]


class QueuePlace(TypedDict):
    """A customer's place. `position` and `ahead` are null until the order is drawn."""

    event_id: int
    customer_id: str
    index: int
    position: int | None
    ahead: int | None
    expected: Expected
    pass_expires_at: str | None


class Expected(TypedDict):
    """When the turn comes: in one case of two, and in nine of ten. Null before the draw and while nobody is let in."""

    p50: str | None
    p90: str | None


class Queue(TypedDict):
    """The waiting room, as everybody sees it. `cohort` and `seed` are null until the order is drawn."""

    event_id: int
    phase: QueuePhase
    as_of: str
    cohort: int | None
    joined: int
    serving: int
    inside: int
    commitment: str
    seed: str | None
    per_minute: int
    message: str | None
    reason: QueueEnd | None
    next_return_at: str | None
    poll_after_ms: list[int]


class QueuePatch(TypedDict):
    """Body of PATCH /v1/events/{event_id}/queue: missing fields stay; null removes a limit, or the message."""

    paused: NotRequired[bool]
    max_inside: NotRequired[int | None]
    per_minute: NotRequired[int | None]
    message: NotRequired[str | None]


class QueueAudit(TypedDict):
    """Enough to recompute every position (docs/waiting-room.md). All but the commitment is null before the draw."""

    event_id: int
    commitment: str
    secret: str | None
    cohort: int | None
    digest: str | None
    seed: str | None


class NewCodes(TypedDict):
    """Body of POST /v1/events/{event_id}/codes: `codes` by name, or a `count` of random ones behind a `prefix`."""

    kind: CodeKind
    codes: NotRequired[list[str]]
    count: NotRequired[int]
    prefix: NotRequired[str]
    ticket_ids: NotRequired[list[int] | None]
    max_uses: NotRequired[int | None]
    max_places_per_use: NotRequired[int | None]
    valid_from: NotRequired[str | None]
    valid_until: NotRequired[str | None]
    customer_id: NotRequired[str | None]
    tag: NotRequired[str | None]
    percent: NotRequired[int | None]
    amount_off: NotRequired[PriceBody | None]
    price: NotRequired[PriceBody | None]
    budget: NotRequired[PriceBody | None]
    places: NotRequired[int | None]
    opens_at: NotRequired[str | None]


class CreatedCodes(TypedDict):
    """The number of codes that were made, and the first hundred of them."""

    created: int
    codes: list[str]


class CodeViewPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[CodeView]
    next_cursor: str | None


class CodeView(TypedDict):
    """A code, and what is used of it: held, paying and paid reservations that name it, and their places under it."""

    code: str
    kind: CodeKind
    ticket_ids: list[int] | None
    max_uses: int | None
    max_places_per_use: int | None
    valid_from: str | None
    valid_until: str | None
    customer_id: str | None
    tag: str | None
    created_at: str
    uses: int
    places_held: int
    places_sold: int
    percent: NotRequired[int]
    amount_off: NotRequired[Money]
    price: NotRequired[Money]
    budget: NotRequired[Money | None]
    saved: NotRequired[Money]
    places: NotRequired[int]
    places_left: NotRequired[int]
    opens_at: NotRequired[str | None]


class CodePatch(TypedDict):
    """Body of PATCH /v1/events/{event_id}/codes/{code}: missing fields stay, null removes a limit."""

    ticket_ids: NotRequired[list[int] | None]
    max_uses: NotRequired[int | None]
    max_places_per_use: NotRequired[int | None]
    valid_from: NotRequired[str | None]
    valid_until: NotRequired[str | None]
    customer_id: NotRequired[str | None]
    tag: NotRequired[str | None]
    percent: NotRequired[int]
    amount_off: NotRequired[PriceBody]
    price: NotRequired[PriceBody]
    budget: NotRequired[PriceBody | None]
    places: NotRequired[int]
    opens_at: NotRequired[str | None]


class CodeOffer(TypedDict):
    """The tickets that a code opens to the customer. `opens_at` is null once the sale is open for it."""

    event_id: int
    code: str
    kind: CodeKind
    opens_at: str | None
    valid_until: str | None
    max_places_per_use: int | None
    tickets: list[OfferedTicketView]


class OfferedTicketView(TypedDict):
    """A ticket under a code. `available`: places that can be had with it; null where that depends on the time."""

    id: int
    ticket_type: str
    price: Money
    regular_price: Money
    available: int | None


class EticketList(TypedDict):
    """The e-tickets of a reservation, in the order in which they were made; none before it is paid."""

    items: list[EticketView]


class EticketView(TypedDict):
    """The e-ticket of one place. `slot`: of a timed ticket, its local date and time."""

    serial: int
    code: str
    ticket_id: int
    ticket_type: str | None
    seat: Seat | None
    slot: str | None
    holder: HolderNames
    status: EticketState


class HolderNames(TypedDict):
    """The person whom an e-ticket admits."""

    first_name: str | None
    last_name: str | None


class TransferBody(TypedDict):
    """Body of POST /v1/etickets/{serial}/transfer."""

    holder: HolderBody


class HolderBody(TypedDict):
    """The names of the person whom an e-ticket is to admit."""

    first_name: str
    last_name: str


class JwkSet(TypedDict):
    """A JSON Web Key Set (RFC 7517), the newest key first."""

    keys: list[Jwk]


class Jwk(TypedDict):
    """A public key (RFC 8037)."""

    kid: str
    x: str
    kty: NotRequired[Literal["OKP"]]
    crv: NotRequired[Literal["Ed25519"]]
    alg: NotRequired[Literal["EdDSA"]]
    use: NotRequired[Literal["sig"]]


class CheckInBody(TypedDict):
    """Body of POST /v1/events/{event_id}/check-ins: a code that a gate scanned."""

    code: str
    gate: NotRequired[str | None]
    direction: NotRequired[Direction]
    scanned_at: NotRequired[str | None]
    nonce: NotRequired[str | None]
    offline: NotRequired[bool]


class CheckInAnswer(TypedDict):
    """The answer to a scan. `eticket` is null for a code that is none of the event."""

    result: ScanResult
    eticket: EticketView | None
    first_in_at: str | None
    conflict: DoubledEntry | None


class DoubledEntry(TypedDict):
    """The other entry with the same e-ticket: which gate let somebody in, and when."""

    gate: str
    at: str


class CheckInEntryPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[CheckInEntry]
    next_cursor: str | None


class CheckInEntry(TypedDict):
    """A scan as it was recorded. `serial` is null for a code that is none of the event."""

    serial: int | None
    ticket_id: int | None
    ticket_type: str | None
    holder: HolderNames | None
    gate: str
    direction: Direction
    result: ScanResult
    offline: bool
    scanned_at: str
    recorded_at: str
    conflict: DoubledEntry | None


class CheckInsBody(TypedDict):
    """Body of POST /v1/events/{event_id}/check-ins/upload: scans in the order in which they were made."""

    items: list[CheckInBody]


class CheckInAnswers(TypedDict):
    """The answers to an upload, in its order."""

    items: list[CheckInAnswer]


class DoorsSnapshot(TypedDict):
    """Everything a gate needs offline. `version` is for the next `since`. Of a cancelled event no e-ticket admits."""

    event_id: int
    name: str
    as_of: str
    version: int
    cancelled: bool
    doors_open_at: str | None
    early_seconds: int
    late_seconds: int
    timezone: str
    slots: dict[str, Any]
    keys: list[Jwk]
    tickets: list[SnapshotTicket]
    etickets: list[list[int | str | None]]


class SnapshotTicket(TypedDict):
    """A ticket type, for the screens of gates."""

    ticket_id: int
    ticket_type: str


class NewWaiting(TypedDict):
    """Body of POST /v1/events/{event_id}/waiting-list."""

    ticket_id: int
    quantity: int
    contact: ContactBody
    customer: NotRequired[CustomerBody]


class ContactBody(TypedDict):
    """The address to which offers are sent."""

    email: str


class WaitingEntry(TypedDict):
    """A place in the line of a ticket. `position` is from 1, and null unless it waits."""

    id: str
    event_id: int
    ticket_id: int
    quantity: int
    customer: Customer
    contact: Contact
    status: WaitingState
    position: int | None
    reservation_id: str | None
    offer_expires_at: str | None
    created_at: str


class Contact(TypedDict):
    """The address to which offers are sent; null once it was erased."""

    email: str | None


class WaitingEntryPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[WaitingEntry]
    next_cursor: str | None


class EventStatisticsPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[EventStatistics]
    next_cursor: str | None


class EventStatistics(TypedDict):
    """Figures of an event, in places. `conversion` is paid reservations ÷ all that ended."""

    reserved: int
    held: int
    sold: int
    cancelled: int
    expired: int
    refunded: int
    kept: int
    revenue: Money
    conversion: float | None
    event_id: int
    name: str
    sales_per_minute: float
    first_sale_at: str | None
    sold_out_at: str | None
    check_ins: NotRequired[Attendance]


Attendance = TypedDict(
    "Attendance",
    {
        "expected": "int",
        "in": "int",
        "out": "int",
        "came": "int",
        "tickets": "list[TicketAttendance]",
        "minutes": "list[MinuteOfDoors]",
    },
)
"""The check-ins of an event: together, by ticket, and by minute; minutes in which nobody passed are left out."""


TicketAttendance = TypedDict(
    "TicketAttendance",
    {
        "ticket_id": "int",
        "ticket_type": "str | None",
        "expected": "int",
        "in": "int",
        "out": "int",
        "came": "int",
    },
)
"""The e-tickets of a ticket that are not void."""


MinuteOfDoors = TypedDict(
    "MinuteOfDoors",
    {
        "at": "str",
        "in": "int",
        "out": "int",
    },
)
"""The people who came in, and who went out, in the minute that begins `at`."""


class TicketTypeStatisticsPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[TicketTypeStatistics]
    next_cursor: str | None


class TicketTypeStatistics(TypedDict):
    """Figures of all tickets of one name in one currency, over all events. Each figure is as of an event."""

    reserved: int
    held: int
    sold: int
    cancelled: int
    expired: int
    refunded: int
    kept: int
    revenue: Money
    conversion: float | None
    ticket_type: str


class AuditLogEntryPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[AuditLogEntry]
    next_cursor: str | None


class AuditLogEntry(TypedDict):
    """A change by a manager or a service. `before` and `after` are null if there is nothing to show."""

    at: str
    actor: str
    role: str
    action: str
    resource: str
    before: Any
    after: Any
    request_id: str
    reason: str | None


class CustomerData(TypedDict):
    """Everything known of a customer, newest first; not `complete` if there is more than one answer shows."""

    customer_id: str
    complete: bool
    reservations: list[Reservation]
    etickets: list[EticketAbout]
    check_ins: list[CheckInAbout]
    bookings: list[Booking]
    waiting_lists: list[WaitingEntry]
    codes: list[OwnCode]
    queue_places: list[QueuePlace]
    messages: list[MessageAbout]
    audit_log: list[AuditLogEntry]
    unwritten_facts: list[UnwrittenFact]
    erasure: Erasure | None


class EticketAbout(TypedDict):
    """An e-ticket of a reservation of the customer, and the names of its holder."""

    serial: int
    reservation_id: str
    first_name: str | None
    last_name: str | None
    status: EticketState


class CheckInAbout(TypedDict):
    """A scan of one of these e-tickets."""

    serial: int
    gate: str
    direction: Direction
    result: ScanResult
    scanned_at: str


class OwnCode(TypedDict):
    """A code that only the customer may use."""

    event_id: int
    code: str
    kind: CodeKind
    tag: str | None
    created_at: str


class MessageAbout(TypedDict):
    """A webhook message about a reservation or a booking of the customer; `body` as it was sent."""

    at: str
    webhook_id: int
    event: str
    status: str
    body: str


class UnwrittenFact(TypedDict):
    """A fact about the customer that could not be written to its tables; `fact` in base64."""

    at: str
    partition: int
    epoch: int
    sequence: int
    error: str
    fact: str


class Erasure(TypedDict):
    """The erasure of a customer's names, phones and contacts; `done_at` is null while some may be left."""

    customer_id: str
    requested_at: str
    done_at: str | None


class WebhookBody(TypedDict):
    """Body of POST /v1/webhooks. Without `events`: all current types."""

    url: str
    events: NotRequired[list[WebhookEvent]]
    description: NotRequired[str]


class NewWebhook(TypedDict):
    """An endpoint with its secret, which is shown once."""

    id: int
    url: str
    events: list[WebhookEvent]
    description: str
    enabled: bool
    gone_at: str | None
    created_at: str
    secret: str


class WebhookPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[Webhook]
    next_cursor: str | None


class Webhook(TypedDict):
    """An endpoint of the shop. `gone_at`: the time of its answer 410, which disabled it."""

    id: int
    url: str
    events: list[WebhookEvent]
    description: str
    enabled: bool
    gone_at: str | None
    created_at: str


class WebhookPatch(TypedDict):
    """Body of PATCH /v1/webhooks/{webhook_id}: missing fields stay."""

    url: NotRequired[str]
    events: NotRequired[list[WebhookEvent]]
    description: NotRequired[str]
    enabled: NotRequired[bool]


class WebhookDelivery(TypedDict):
    """A message to an endpoint, and its state. `message_id` is its webhook-id, `subject` mostly a reservation."""

    id: int
    message_id: str
    type: str
    subject: str
    status: DeliveryStatus
    attempts: int
    created_at: str
    next_attempt_at: str | None
    ended_at: str | None
    response_status: int | None
    error: str | None


class WebhookDeliveryPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[WebhookDelivery]
    next_cursor: str | None


class RedeliveredWebhooks(TypedDict):
    """Dead deliveries that are sent once more, and those that are left: ask again for them."""

    redelivered: int
    dead: int


class DeadLetterPage(TypedDict):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[DeadLetter]
    next_cursor: str | None


class DeadLetter(TypedDict):
    """A fact that could not be written to its tables, and the reason."""

    id: int
    at: str
    partition: int
    epoch: int
    sequence: int
    error: str
    bytes: int


class ConsoleSession(TypedDict):
    """A manager. `auth`: `off` where no token is needed. `events`: the ids that the token covers; null: all."""

    name: str
    auth: Literal["jwt", "off"]
    events: list[int] | None
    expires_at: str | None


class Now(TypedDict):
    """Events that are not over, by start, at most 200; `left_out` are further ones."""

    as_of: str
    counting: str
    events: list[EventNow]
    left_out: int
    health: Installation | None


class EventNow(TypedDict):
    """An event now. What is null is not known at the moment."""

    id: int
    name: str
    status: EventStatus
    starts_at: str
    timezone: str
    sale_opens_at: str | None
    sale_closes_at: str | None
    timed: bool
    partition: int
    places: Places | None
    stored: StoredSales | None
    lag_ms: int | None
    refused: dict[str, Any]


class Places(TypedDict):
    """Places of an event in all its tickets, as Redis counts them; `held` has those being paid."""

    capacity: int
    available: int
    held: int
    sold: int
    kept: int


class StoredSales(TypedDict):
    """Sales of an event as Postgres has them: behind Redis by `lag_ms` of the event. `held` has those being paid."""

    held: int
    sold: int
    revenue: Money


class Installation(TypedDict):
    """The state of this installation. `source` of alerts, hold times and refusals: Prometheus, or this server alone."""

    source: Literal["prometheus", "server"]
    prometheus: str | None
    redis: Literal["away", "full", "ok"]
    postgres: Literal["away", "ok"]
    lag_ms: int | None
    hold_times: HoldTimes
    alerts: list[ActiveAlert]


class HoldTimes(TypedDict):
    """Answers to reservations and cart items by the time that they took, counted since `counting` began."""

    at_most_ms: list[float]
    answers: list[int]


class ActiveAlert(TypedDict):
    """An alert of the runbook, by its name there. `partition`: the only one that it is about; null: it is about all."""

    name: str
    severity: Literal["page", "warn"]
    summary: str
    since: str | None
    partition: int | None


class MalformedJsonProblem(TypedDict):
    """The request cannot be read."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["malformed_json"]


class UnauthenticatedProblem(TypedDict):
    """Authentication required."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["unauthenticated"]


class CardDeclinedProblem(TypedDict):
    """The card was declined."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["card_declined"]


class PaymentFailedProblem(TypedDict):
    """The payment failed."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["payment_failed"]


class ForbiddenProblem(TypedDict):
    """Not allowed."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["forbidden"]


class NotFoundProblem(TypedDict):
    """Not found."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["not_found"]


class CodeUnknownProblem(TypedDict):
    """The code is not valid."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["code_unknown"]


class MethodNotAllowedProblem(TypedDict):
    """Method not allowed."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["method_not_allowed"]


class SoldOutProblem(TypedDict):
    """Sold out."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["sold_out"]
    ticket_id: int
    available: int
    next_return_at: str | None
    largest_block: NotRequired[int]


class SeatTakenProblem(TypedDict):
    """Seat taken."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["seat_taken"]
    seat_ids: list[int]


class SlotFullProblem(TypedDict):
    """The slot is full."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["slot_full"]
    available: int
    capacity: NotRequired[int]


class LimitExceededProblem(TypedDict):
    """Customer limit exceeded."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["limit_exceeded"]
    limit: int
    taken: NotRequired[int]
    hold_seconds: NotRequired[int]
    retry_seconds: NotRequired[int]


class SaleClosedProblem(TypedDict):
    """The sale is closed."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["sale_closed"]


class SalePausedProblem(TypedDict):
    """The sale is paused."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["sale_paused"]


class NotOnSaleYetProblem(TypedDict):
    """Not on sale yet."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["not_on_sale_yet"]
    opens_at: str | None


class PriceChangedProblem(TypedDict):
    """The price has changed."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["price_changed"]
    total: Money


class AlreadyPaidProblem(TypedDict):
    """Already paid."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["already_paid"]


class PaymentInProgressProblem(TypedDict):
    """A payment is in progress."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["payment_in_progress"]


class NotHeldProblem(TypedDict):
    """The reservation's state does not allow it."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["not_held"]
    state: NotRequired[State]


class BelowTakenProblem(TypedDict):
    """Capacity below the places taken."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["below_taken"]
    taken: int
    slot: NotRequired[str]


class InUseProblem(TypedDict):
    """In use."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["in_use"]


class PaymentSettledProblem(TypedDict):
    """The payment has the opposite outcome."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["payment_settled"]


class QueueRequiredProblem(TypedDict):
    """A place in the waiting room is required."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["queue_required"]


class NotYourTurnProblem(TypedDict):
    """Not your turn yet."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["not_your_turn"]
    ahead: int | None


class PassExpiredProblem(TypedDict):
    """The pass has expired."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["pass_expired"]


class InsideFullProblem(TypedDict):
    """Nobody can be let in at the moment."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["inside_full"]


class QueueClosedProblem(TypedDict):
    """Nobody can join now."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["queue_closed"]
    reason: NotRequired[QueueEnd | None]
    ticket_id: NotRequired[int]
    available: NotRequired[int]


class CodeUsedUpProblem(TypedDict):
    """The code is used up."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["code_used_up"]


class ExpiredProblem(TypedDict):
    """Expired."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["expired"]


class CancelledProblem(TypedDict):
    """The reservation was cancelled."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["cancelled"]


class PreconditionFailedProblem(TypedDict):
    """Changed since it was read."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["precondition_failed"]


class TooLargeProblem(TypedDict):
    """The body is too large."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["too_large"]


class UnsupportedMediaTypeProblem(TypedDict):
    """The body must be application/json."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["unsupported_media_type"]


class InvalidProblem(TypedDict):
    """The request is not valid."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["invalid"]
    fields: list[WrongField]


class AmountMismatchProblem(TypedDict):
    """The amount does not match the total."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["amount_mismatch"]
    total: Money


class CurrencyNotSupportedProblem(TypedDict):
    """Another currency."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["currency_not_supported"]


class SlotNotScheduledProblem(TypedDict):
    """The slot is not in the schedule."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["slot_not_scheduled"]
    times: NotRequired[list[str]]


class KeyReusedProblem(TypedDict):
    """The idempotency key was used for another request."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["key_reused"]


class CodeNotApplicableProblem(TypedDict):
    """The code is not for these places."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["code_not_applicable"]
    limit: NotRequired[int]


class RateLimitedProblem(TypedDict):
    """Too many requests."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["rate_limited"]
    limited: Literal["address", "customer", "expiries", "keys", "payments"]
    limit: NotRequired[int]
    taken: NotRequired[int]
    hold_seconds: NotRequired[int]


class InternalProblem(TypedDict):
    """Internal error."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["internal"]


class UnavailableProblem(TypedDict):
    """Temporarily unavailable."""

    type: str
    title: str
    status: int
    detail: str
    code: Literal["unavailable"]
    missing: NotRequired[list[str]]


Problem: TypeAlias = (
    MalformedJsonProblem
    | UnauthenticatedProblem
    | CardDeclinedProblem
    | PaymentFailedProblem
    | ForbiddenProblem
    | NotFoundProblem
    | CodeUnknownProblem
    | MethodNotAllowedProblem
    | SoldOutProblem
    | SeatTakenProblem
    | SlotFullProblem
    | LimitExceededProblem
    | SaleClosedProblem
    | SalePausedProblem
    | NotOnSaleYetProblem
    | PriceChangedProblem
    | AlreadyPaidProblem
    | PaymentInProgressProblem
    | NotHeldProblem
    | BelowTakenProblem
    | InUseProblem
    | PaymentSettledProblem
    | QueueRequiredProblem
    | NotYourTurnProblem
    | PassExpiredProblem
    | InsideFullProblem
    | QueueClosedProblem
    | CodeUsedUpProblem
    | ExpiredProblem
    | CancelledProblem
    | PreconditionFailedProblem
    | TooLargeProblem
    | UnsupportedMediaTypeProblem
    | InvalidProblem
    | AmountMismatchProblem
    | CurrencyNotSupportedProblem
    | SlotNotScheduledProblem
    | KeyReusedProblem
    | CodeNotApplicableProblem
    | RateLimitedProblem
    | InternalProblem
    | UnavailableProblem
)
"""A problem document (RFC 9457): `code` tells which."""

ProblemCode: TypeAlias = Literal[
    "malformed_json",
    "unauthenticated",
    "card_declined",
    "payment_failed",
    "forbidden",
    "not_found",
    "code_unknown",
    "method_not_allowed",
    "sold_out",
    "seat_taken",
    "slot_full",
    "limit_exceeded",
    "sale_closed",
    "sale_paused",
    "not_on_sale_yet",
    "price_changed",
    "already_paid",
    "payment_in_progress",
    "not_held",
    "below_taken",
    "in_use",
    "payment_settled",
    "queue_required",
    "not_your_turn",
    "pass_expired",
    "inside_full",
    "queue_closed",
    "code_used_up",
    "expired",
    "cancelled",
    "precondition_failed",
    "too_large",
    "unsupported_media_type",
    "invalid",
    "amount_mismatch",
    "currency_not_supported",
    "slot_not_scheduled",
    "key_reused",
    "code_not_applicable",
    "rate_limited",
    "internal",
    "unavailable",
]
