"""Exchanges that failed: they make room for others, and the purchase before them stays known."""

from engine.commands.events import PutEvent
from engine.commands.exchanges import Exchange
from engine.commands.holds import Hold
from engine.commands.items import ANY_TOTAL, items_text
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.refunds import Refund
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.payments import Paid
from engine.results.refunds import RefundDue
from engine.results.result import Result
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus
from tests.support.engine.reference_exchanges import ATTEMPTS_KEPT

EVENT, FREE, ALSO_FREE, DEAR = 1, 7, 8, 9


async def got_for_nothing(engine: Engine) -> str:
    """A reservation of a free ticket, which is paid."""
    tickets = [TicketTerms(each, [str(each)], price) for each, price in ((FREE, 0), (ALSO_FREE, 0), (DEAR, 500))]
    terms = Terms(EventStatus.ON_SALE, 0, 0, 60_000, 100, tickets)
    await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(ticket.ticket_id), 10) for ticket in tickets]))
    rid = new_reservation_id(EVENT)
    await engine.submit(Hold(rid, EVENT, "anna", "{}", "", items_text([(FREE, 1)])))
    await engine.submit(BeginPayment(rid, "pay", 0, ""))
    assert isinstance(await engine.submit(ConfirmPayment(rid, "pay")), Paid)
    return rid


async def exchange(engine: Engine, rid: str, attempt_id: str, ticket_id: int) -> Result:
    wish = items_text([(ticket_id, 1)])
    return await engine.submit(
        Exchange(rid, attempt_id, wish, ANY_TOTAL, may_charge=True, over_limit=False, digest="d")
    )


async def fail_often(engine: Engine, rid: str) -> None:
    """More exchanges to a dearer ticket fail than are remembered."""
    for number in range(ATTEMPTS_KEPT + 1):
        assert isinstance(await exchange(engine, rid, f"dearer-{number}", DEAR), Exchanging)
        await engine.submit(FailPayment(rid, f"dearer-{number}", "card_declined"))


async def test_a_free_purchase_can_still_be_refunded(engine: Engine) -> None:
    rid = await got_for_nothing(engine)
    await fail_often(engine, rid)
    refunded = await engine.submit(Refund(rid, restock=True))
    assert isinstance(refunded, RefundDue)
    assert (len(refunded.record.attempts), refunded.record.attempts[0].attempt_id) == (ATTEMPTS_KEPT, "pay")


async def test_the_last_of_several_free_purchases_stays(engine: Engine) -> None:
    rid = await got_for_nothing(engine)
    assert isinstance(await exchange(engine, rid, "other", ALSO_FREE), Exchanged)
    await fail_often(engine, rid)
    refunded = await engine.submit(Refund(rid, restock=True))
    assert isinstance(refunded, RefundDue)
    assert refunded.record.attempts[0].attempt_id == "other"
