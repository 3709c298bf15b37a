"""Payments that somebody may have to look at: pending, disputed, or with a refund due."""

from aiohttp import web

from api.access.callers import caller_of
from api.app_keys import POSTGRES
from api.http.pagination import PageQuery, decode_cursor, not_a_cursor, page
from api.http.replies import Reply, json_reply
from api.http.requests import DatabaseId, read_query
from api.http.times import rfc3339
from api.http.types import Money
from api.read_your_writes import wait_for_outcomes
from api.sales.schemas import OpenPayment, ReceivedMoney
from sync.postgres import END_OF_TIME_MS
from sync.read_models.open_payments import PaymentPlace, PaymentStanding, StoredOpenPayment, list_open_payments


class OpenPaymentsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/payments."""

    status: PaymentStanding | None = None
    event_id: DatabaseId | None = None


async def list_payments(request: web.Request) -> Reply:
    """GET /v1/payments: lists payments that are not at their end, newest first, up to the request.

    `pending`: the gateway has not reported the outcome, and the places are pinned. `disputed`: a manager decides.
    `refund_due`: money is to go back.
    """
    query = read_query(request, OpenPaymentsQuery)
    before = decode_cursor(request.path, query.cursor, PaymentPlace)
    if before is not None and (not 0 <= before.started_ms < END_OF_TIME_MS or "\0" in "".join(before[1:])):
        raise not_a_cursor()
    caller = caller_of(request)
    caller.check_events([] if query.event_id is None else [query.event_id])
    await wait_for_outcomes(request, query.event_id)
    found = await list_open_payments(
        request.app[POSTGRES],
        standing=query.status,
        event_id=query.event_id,
        of_events=caller.events,
        before=before,
        limit=query.limit + 1,
    )
    return json_reply(page(request, found, query.limit, lambda payment: payment.place, _view))


def _view(payment: StoredOpenPayment) -> OpenPayment:
    received = None
    if payment.received_minor is not None and payment.received_currency is not None:
        received = ReceivedMoney(payment.received_minor, payment.received_currency)
    return OpenPayment(
        id=payment.payment_id,
        reservation_id=payment.reservation_id,
        event_id=payment.event_id,
        customer_id=payment.customer_id,
        status=PaymentStanding(payment.standing),
        amount=Money(payment.amount_minor, payment.currency),
        received=received,
        refund_due=Money(payment.due_minor, payment.currency),
        created_at=rfc3339(payment.started_ms),
    )
