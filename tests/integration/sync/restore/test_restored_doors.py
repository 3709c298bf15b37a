"""Doors after a restore: e-tickets are as they were, and each gate gets the answer that it got."""

from datetime import UTC, datetime

from msgspec.structs import replace

from engine.inspection import server_time_ms
from engine.results.etickets import CheckedIn
from engine.settings import Settings
from engine.words import EventStatus, ScanResult
from sync.audit.audit import audit
from sync.catalogue.fields import NewEvent, NewTicket
from sync.restore.restore import restore
from tests.support.engine.door_sales import PRICE_MINOR, REGULAR, VIP, Doors
from tests.support.sync.box_office import BoxOffice
from tests.support.sync.lost_redis import empty, written
from tests.support.sync.redis_dump import differing, keys_of_redis

STEP_MS = 60_000


async def opened(office: BoxOffice) -> Doors:
    """An event whose tickets are those of `Doors`: ids of tickets count on from event to event."""
    event = office.event
    while [ticket.ticket_id for ticket in event.tickets] != [REGULAR, VIP]:
        tickets = min(2, REGULAR - 1 - event.tickets[-1].ticket_id) or 2
        event = await office.catalogue.create_event(
            NewEvent(
                name="Concert",
                starts_at=datetime(2035, 6, 1, 18, tzinfo=UTC),
                status=EventStatus.ON_SALE,
                max_per_customer=1000,
                tickets=[NewTicket(str(number), PRICE_MINOR, 100) for number in range(tickets)],
            )
        )
    office.event = event
    return Doors(office.engine, event.event_id)


async def scanned(doors: Doors, base_ms: int) -> list[CheckedIn]:
    """Scans of all results, by gates with network and without. Again: the same scans."""
    return [
        await doors.scan(0, nonce="1"),
        await doors.scan(0, nonce="2"),  # in already
        await doors.scan(0, nonce="3", direction="out"),
        await doors.scan(0, nonce="4", direction="out"),  # not in
        await doors.scan(0, nonce="5"),
        await doors.scan(1, nonce="6", scanned_ms=base_ms - STEP_MS, offline=True),
        await doors.scan(1, nonce="7", scanned_ms=base_ms - 3 * STEP_MS, offline=True, gate="south"),  # before that
        await doors.scan(1, nonce="8", scanned_ms=base_ms - 2 * STEP_MS, offline=True, direction="out"),
        await doors.scan(2, nonce="9"),  # of the holder before
        await doors.scan(2, nonce="10", issue=1),
        await doors.scan(3, nonce="11"),  # refunded
        await doors.scan(9, nonce="12"),
        await doors.scan(0, nonce="13", verdict="other_event"),
    ]


def shown(answers: list[CheckedIn]) -> list[CheckedIn]:
    """Answers, without what a repeat need not repeat: the present, and when its e-ticket changed before."""
    return [
        replace(
            answer,
            now_ms=0,
            replayed=False,
            eticket=[
                replace(each, changed_ms=0 if answer.result != "admitted" else each.changed_ms)
                for each in answer.eticket
            ],
        )
        for answer in answers
    ]


async def test_gates_get_the_same_answers(office: BoxOffice, settings: Settings) -> None:
    doors = await opened(office)
    await doors.sold(regular=3)
    refunded = await doors.sold(vip=1)
    assert await doors.transfer(2) == "eticket_found"
    assert await doors.refund(refunded)
    base_ms = await server_time_ms(office.engine.redis, office.keys)
    answers = await scanned(doors, base_ms)
    await doors.scan(0, direction="out")
    await doors.scan(2, direction="out")
    await written(office)
    before = {key: value for key, value in keys_of_redis(settings.redis_url).items() if not key.endswith(b":scans")}
    empty(settings)
    await restore(settings)
    after = {key: value for key, value in keys_of_redis(settings.redis_url).items() if not key.endswith(b":scans")}
    assert differing(before, after) == []
    again = await scanned(doors, base_ms)
    assert all(answer.replayed for answer in again)
    assert shown(again) == shown(answers)
    assert {answer.result for answer in answers} == set(ScanResult)
    assert (await doors.scan(0, nonce="new")).result == "admitted", "it is out"
    await written(office)
    assert await audit(settings) == []
