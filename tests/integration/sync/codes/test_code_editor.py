"""Codes in Postgres and in Redis: made together, restored, audited, and published after a crash."""

import asyncio
from datetime import datetime

import pytest
from msgspec.structs import replace
from redis import Redis

import sync.codes.editor
from engine.acting import Actor, acting
from engine.commands.codes import CountCodes, PutCodes
from engine.commands.events import Count, Drop
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.commands.refunds import Refund, RefundSome
from engine.ids import new_reservation_id
from engine.results.codes import CodesCounted, CodesPut
from engine.results.events import Counts, UnknownPool
from engine.results.holds import Held, SoldOut
from engine.settings import Settings
from engine.stock import CodeCounts
from engine.words import CodeKind
from sync.audit.audit import audit
from sync.audit_log.entries import CATALOGUE_CHAIN
from sync.codes.editor import CodeEditor, MadeCodes, TakenCodes, TooManyCodes
from sync.codes.random_codes import random_codes
from sync.codes.read import list_codes, read_code
from sync.codes.terms import CodeFields, StoredCode
from sync.postgres import own_connection
from sync.restore.restore import restore
from sync.sql import statement
from tests.support.effort import effort
from tests.support.sync.box_office import PRICE_MINOR, BoxOffice
from tests.support.sync.locks import locking, waiting_for, waiting_sessions
from tests.support.sync.lost_redis import written
from tests.support.sync.redis_dump import differing, keys_of_redis
from tests.support.waiting import wait_until

MANY = effort(12_000, 100_000)
"""More than twice as many as one statement takes (sync/codes/editor.py); in a soak as many as a request may ask for."""

HALF = CodeFields(CodeKind.DISCOUNT, percent=50, max_uses=100, budget_minor=10**9)


async def hold(office: BoxOffice, code: str, places: int = 1) -> str:
    rid = new_reservation_id(office.event.event_id)
    wish = items_text([(office.ticket_id, places)])
    result = await office.engine.submit(Hold(rid, office.event.event_id, rid[-5:], "{}", "", wish, code=code))
    assert isinstance(result, Held), result
    return rid


async def pay(office: BoxOffice, rid: str, amount_minor: int) -> None:
    await office.engine.submit(BeginPayment(rid, f"pay-{rid}", amount_minor, "d"))
    await office.engine.submit(ConfirmPayment(rid, f"pay-{rid}"))


async def counts(office: BoxOffice, code: str) -> CodeCounts:
    counted = await office.engine.submit(CountCodes(office.event.event_id, [code]))
    assert isinstance(counted, CodesCounted)
    return counted.codes[0]


async def sell_under_codes(office: BoxOffice) -> CodeEditor:
    """Codes of all kinds, with reservations in all states."""
    await office.open(capacity=100)
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    allotment = CodeFields(CodeKind.ALLOCATION, [office.ticket_id], places=20)
    assert isinstance(await editor.create(event_id, HALF, ["SALE", "UNUSED"]), MadeCodes)
    assert isinstance(await editor.create(event_id, allotment, ["GUESTS"]), MadeCodes)
    assert isinstance(await editor.create(event_id, CodeFields(CodeKind.ACCESS, tag="press"), ["PRESS"]), MadeCodes)
    half = PRICE_MINOR - PRICE_MINOR // 2
    held, paid, part, kept = [await hold(office, "SALE", 2) for _ in range(4)]
    assert held
    for rid in (paid, part, kept):
        await pay(office, rid, 2 * half)
    await office.engine.submit(RefundSome(part, "r1", True, [(office.ticket_id, 1)]))
    await office.engine.submit(Refund(kept, restock=False))
    await hold(office, "GUESTS", 3)
    guests = await hold(office, "GUESTS", 4)
    await pay(office, guests, 4 * PRICE_MINOR)
    await office.engine.submit(Refund(guests, restock=False))
    await hold(office, "PRESS")
    assert await editor.withdraw(event_id, "PRESS")
    return editor


async def test_codes_are_restored_as_they_were(office: BoxOffice, settings: Settings) -> None:
    await sell_under_codes(office)
    await written(office)
    sale, guests = await counts(office, "SALE"), await counts(office, "GUESTS")
    assert (sale.uses, sale.held, sale.sold, sale.kept) == (3, 2, 3, 2)
    assert (guests.held, guests.kept, guests.free) == (3, 4, 13)
    before = keys_of_redis(settings.redis_url)
    with Redis.from_url(settings.redis_url) as redis:
        redis.flushall()
        redis.function_flush()
    await restore(settings)
    assert differing(before, keys_of_redis(settings.redis_url)) == []


async def test_the_audit_compares_codes(office: BoxOffice, settings: Settings) -> None:
    await sell_under_codes(office)
    await written(office)
    assert await audit(settings) == []


@pytest.mark.damages_keys
async def test_the_audit_finds_a_code_that_counts_wrong(office: BoxOffice, settings: Settings) -> None:
    await sell_under_codes(office)
    await written(office)
    key = office.keys.codes(office.event.event_id)
    with Redis.from_url(settings.redis_url) as redis:
        head, _, terms = redis.hget(key, "SALE").partition(b"|")
        numbers = head.split()
        numbers[0] = b"9"
        redis.hset(key, "SALE", b" ".join(numbers) + b"|" + terms)
    assert any("code SALE" in breach for breach in await audit(settings))


async def test_many_thousand_codes_are_made_at_once(office: BoxOffice) -> None:
    await office.open()
    editor = CodeEditor(office.postgres, office.engine)
    codes = random_codes(MANY, "FAN-")
    assert isinstance(await editor.create(office.event.event_id, HALF, codes), MadeCodes)
    assert len(await list_codes(office.postgres, office.event.event_id)) == 1000
    await hold(office, codes[-1])
    async with office.postgres.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM code_terms") == 1
        assert await connection.fetchval("SELECT count(*) FROM code_terms WHERE published") == 1


async def test_the_worker_publishes_what_a_crash_left(office: BoxOffice) -> None:
    editor = await sell_under_codes(office)
    event_id = office.event.event_id
    # Redis has another state than Postgres, as after a change that was interrupted.
    grown = replace(CodeFields(CodeKind.ALLOCATION, [office.ticket_id], places=30).terms())
    assert isinstance(await office.engine.submit(PutCodes(event_id, grown, ["GUESTS"])), CodesPut)
    async with office.postgres.connection() as connection:
        await connection.execute("UPDATE code_terms SET published = false, created_at = now() - interval '1 minute'")
    assert await editor.publish_missing() == 3
    assert (await counts(office, "GUESTS")).free == 13
    assert await editor.publish_missing() == 0


async def test_a_change_leaves_when_a_code_was_made(office: BoxOffice) -> None:
    await office.open()
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id

    async def made_at() -> datetime:
        stored = await read_code(office.postgres, event_id, "SALE")
        assert stored is not None
        return stored.created_at

    await editor.create(event_id, HALF, ["SALE"])
    first = await made_at()
    await editor.change(event_id, "SALE", {"percent": 10})
    assert await made_at() == first
    await editor.withdraw(event_id, "SALE")
    await editor.create(event_id, HALF, ["SALE"])
    assert await made_at() > first, "it was made again"


async def test_an_allocation_follows_the_stock_after_a_crash(office: BoxOffice) -> None:
    editor = await sell_under_codes(office)
    event_id = office.event.event_id
    async with office.postgres.connection() as connection:
        await connection.execute(
            "UPDATE code_terms SET published = false, places = 500, created_at = now() - interval '1 minute' "
            "WHERE kind = 'allocation'"
        )
    assert await editor.publish_missing() == 1
    stored = await read_code(office.postgres, event_id, "GUESTS")
    guests = await counts(office, "GUESTS")
    assert stored is not None
    assert stored.fields.places == guests.free + guests.held + guests.kept < 100


async def test_an_allocation_that_was_not_published_is_restored_as_far_as_there_are_places(
    office: BoxOffice, settings: Settings
) -> None:
    """It was made while Redis was away, and the places went meanwhile."""
    await office.open(capacity=10)
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    guests = CodeFields(CodeKind.ALLOCATION, [office.ticket_id], places=2)
    assert isinstance(await editor.create(event_id, guests, ["GUESTS"]), MadeCodes)
    await office.hold(7)
    await written(office)
    async with office.postgres.connection() as connection:
        await connection.execute(
            "UPDATE code_terms SET published = false, places = 50, created_at = now() - interval '1 minute'"
        )
    await office.engine.redis.execute_command("FLUSHDB")
    await restore(settings)
    counted = await office.engine.submit(Count(event_id))
    assert isinstance(counted, Counts)
    assert (counted.tickets[0].capacity, counted.tickets[0].available) == (10, 0)
    assert (await counts(office, "GUESTS")).free == 3
    assert await editor.publish_missing() == 1
    stored = await read_code(office.postgres, event_id, "GUESTS")
    assert stored is not None
    assert stored.fields.places == 3
    assert await audit(settings) == []


async def test_erasing_a_customer_withdraws_its_codes(office: BoxOffice) -> None:
    await office.open()
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    await editor.create(event_id, replace(HALF, customer_id="22", tag="Islom"), ["HIS", "HIS2"])
    await editor.create(event_id, replace(HALF, customer_id="23"), ["OTHERS"])
    assert await editor.forget_customer("22", 4_000_000_000_000, 100)
    assert not await editor.forget_customer("22", 4_000_000_000_000, 100)
    async with office.postgres.connection() as connection:
        rows = await connection.fetch("SELECT customer_id, tag FROM code_terms WHERE withdrawn_at IS NOT NULL")
    assert [tuple(row) for row in rows] == [(None, None)] * 2
    assert await read_code(office.postgres, event_id, "OTHERS") is not None


_NEW_TERMS = """
    WITH made AS (INSERT INTO code_terms (event_id, kind, percent) VALUES ($1, 'discount', 10) RETURNING id)
    UPDATE codes SET terms_id = made.id FROM made WHERE code = 'SALE'
"""


async def test_a_code_that_somebody_else_changes_is_changed_after_that(office: BoxOffice, settings: Settings) -> None:
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    await editor.create(event_id, HALF, ["SALE"])
    async with locking(settings, _NEW_TERMS, event_id) as other:
        changing = await waiting_for(other, editor.change(event_id, "SALE", {"tag": "late"}))
    changed = await changing
    assert isinstance(changed, StoredCode)
    assert (changed.fields.percent, changed.fields.tag) == (10, "late")


async def test_a_code_changes_while_its_event_is_deleted(office: BoxOffice, settings: Settings) -> None:
    """The deletion has the event and wants its codes: a change must not have the code and want the event."""
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    await editor.create(event_id, HALF, ["SALE"])
    async with locking(settings, "SELECT FROM events WHERE id = $1 FOR UPDATE", event_id) as other:
        changing = await waiting_for(other, editor.change(event_id, "SALE", {"tag": "late"}))
        await other.execute("DELETE FROM events WHERE id = $1", event_id)
    assert await changing is None
    await office.engine.submit(Drop(event_id, 0))


async def test_codes_of_an_event_that_is_deleted_meanwhile_are_refused(office: BoxOffice, settings: Settings) -> None:
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    async with locking(settings, "DELETE FROM events WHERE id = $1", event_id) as other:
        making = await waiting_for(other, editor.create(event_id, HALF, ["SALE"]))
    assert await making == UnknownPool(0)
    await office.engine.submit(Drop(event_id, 0))


async def test_the_same_codes_in_another_order_wait_for_each_other(office: BoxOffice, settings: Settings) -> None:
    """Each has its first code and wants that of the other, unless both begin with the same one."""
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    await editor.create(event_id, HALF, ["OTHER"])
    middle = "INSERT INTO codes (event_id, code, terms_id) SELECT $1, 'M', terms_id FROM codes"
    async with locking(settings, middle, event_id) as other, own_connection(settings, "test") as watch:
        first = await waiting_for(other, editor.create(event_id, HALF, ["A", "M", "Z"]))
        others = replace(HALF, percent=20)
        second = asyncio.ensure_future(editor.create(event_id, others, ["Z", "M", "A"]))

        async def both_wait() -> bool:
            return bool(await watch.fetchval("SELECT count(*) = 2 FROM pg_locks WHERE NOT granted"))

        await wait_until(both_wait, what="both wait for a code")
        await other.execute("DELETE FROM codes WHERE code = 'M'")
    assert isinstance(await first, MadeCodes)
    assert await second == TakenCodes(["A", "M", "Z"])


async def test_a_code_is_changed_that_is_taken_back_just_now(
    office: BoxOffice, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis refuses the codes after Postgres has them: a change has the code, and wants its terms."""
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    too_many = CodeFields(CodeKind.ALLOCATION, [office.ticket_id], places=1000)
    undo = CodeEditor._undo
    lock = "SELECT FROM codes WHERE code = 'GUESTS' FOR UPDATE"

    async def undone(self: CodeEditor, event_id: int, terms_id: int, fields: CodeFields) -> None:
        async with locking(settings, lock) as change:
            undoing = await waiting_for(change, undo(self, event_id, terms_id, fields))
            await change.execute(f"{statement('read_code')} FOR UPDATE", event_id, "GUESTS")
        await undoing

    monkeypatch.setattr(CodeEditor, "_undo", undone)
    assert isinstance(await editor.create(event_id, too_many, ["GUESTS"]), SoldOut)
    assert await read_code(office.postgres, event_id, "GUESTS") is None


async def test_makers_of_codes_do_not_pass_the_bound_together(
    office: BoxOffice, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync.codes.editor, "MOST_CODES", 3)
    editor, event_id = CodeEditor(office.postgres, office.engine), office.event.event_id
    with acting(Actor("manager", "m", "create", "r1")):
        async with locking(settings, statement("lock_audit_chain"), CATALOGUE_CHAIN) as holder:
            making = [asyncio.ensure_future(editor.create(event_id, HALF, codes)) for codes in (["A", "B"], ["C", "D"])]

            async def both_wait() -> bool:
                return await waiting_sessions(holder) == 2

            await wait_until(both_wait, what="both makers have inserted their codes")
        made = await asyncio.gather(*making)
    assert {type(each) for each in made} == {MadeCodes, TooManyCodes}
    assert await office.sql("SELECT count(*) FROM codes") == 2
