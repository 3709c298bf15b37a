"""Waiting lists beyond Redis: in Postgres, in messages, after a restore, and in the audit."""

from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace
from redis import Redis

import sync.audit.audit
from engine.catalogue import WaitingList
from engine.commands.waiting_lists import DeclineWaiting, FindWaiting, TendWaiting, Wait
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.waiting_lists import Waiting, WaitingFound
from engine.settings import Settings
from engine.words import EventStatus, WaitingState
from sync.audit.audit import audit
from sync.catalogue.fields import NewEvent, NewTicket
from sync.restore.restore import restore
from sync.upkeep.waiting_lists import tend_waiting_lists
from tests.support.sync.box_office import PRICE_MINOR, BoxOffice, running
from tests.support.sync.lost_redis import empty
from tests.support.sync.redis_dump import keys_of_redis
from tests.support.waiting import wait_until


class Line:
    """An event of two places, both held, for which five customers wait; one of them was offered a place."""

    def __init__(self, office: BoxOffice) -> None:
        self.office = office
        self.entries: list[str] = []
        self.held: list[str] = []

    async def open(self) -> None:
        self.office.event = await self.office.catalogue.create_event(
            NewEvent(
                name="Concert",
                starts_at=datetime(2035, 6, 1, 18, tzinfo=UTC),
                status=EventStatus.ON_SALE,
                tickets=[NewTicket("Regular", PRICE_MINOR, 2)],
                waiting_list=WaitingList(3600),
            )
        )
        self.held = [await self.office.hold(1, f"early-{number}") for number in range(2)]
        for number in range(5):
            self.entries.append(await self.wait(f"c{number}", 2 if number == 1 else 1))
        await self.office.cancel(self.held[0])
        await self.office.engine.submit(DeclineWaiting(self.entries[4]))

    async def wait(self, customer: str, places: int, waiting_id: str = "") -> str:
        """Joins the line. With `waiting_id`: as a request does that has the key of that entry."""
        event_id = self.office.event.event_id
        waiting = await self.office.engine.submit(
            Wait(
                event_id,
                waiting_id or new_reservation_id(event_id),
                customer,
                '{"first_name":"Islom","last_name":null}',
                f'{{"email":"{customer}@example.com"}}',
                "",
                self.office.ticket_id,
                places,
            )
        )
        assert isinstance(waiting, Waiting), waiting
        return waiting.entry.waiting_id

    async def states(self, engine: Engine) -> list[str]:
        states = []
        for waiting_id in self.entries[:4]:
            found = await engine.submit(FindWaiting(waiting_id))
            assert isinstance(found, WaitingFound), found
            states.append(found.entry.state.value)
        return states


async def written(office: BoxOffice) -> None:
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)


@pytest.fixture
async def line(office: BoxOffice, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr(sync.audit.audit, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(sync.audit.audit, "_LOOK_SECONDS", 0.05)
    line = Line(office)
    await line.open()
    return line


async def test_postgres_has_who_waits_and_what_was_offered(line: Line, settings: Settings) -> None:
    office = line.office
    await written(office)
    async with office.postgres.connection() as connection:
        rows = await connection.fetch("SELECT * FROM waiting_entries ORDER BY number")
    assert [row["status"] for row in rows] == ["offered", "waiting", "waiting", "waiting", "declined"]
    assert [row["offered_at"] is not None for row in rows] == [True, False, False, False, False]
    assert [row["ended_at"] is not None for row in rows] == [False, False, False, False, True]
    assert await audit(settings) == []
    report = await office.sql(
        "SELECT row(entries, waiting, offered, declined, places_wanted) FROM reporting.waiting_list"
    )
    assert report == (5, 3, 1, 1, 4)


async def test_an_offer_is_sent_by_a_message_without_names(line: Line) -> None:
    office = line.office
    async with office.postgres.connection() as connection:
        await connection.execute(
            "INSERT INTO webhooks (url, events, secret, description) "
            "VALUES ('http://x', '{waiting_list.offered}', 'x', '')"
        )
    await written(office)
    body = msgspec.json.decode(await office.sql("SELECT body FROM webhook_deliveries"))
    assert body["type"] == "waiting_list.offered"
    told = body["data"]
    assert (told["id"], told["reservation_id"], told["status"]) == (line.entries[0], line.entries[0], "offered")
    assert (told["customer"], told["quantity"]) == ({"id": "c0"}, 1)
    assert "example.com" not in str(body)


async def test_a_restore_keeps_the_order_and_sets_aside_what_returned(line: Line, settings: Settings) -> None:
    """The second in line waits for two places: whatever is available after the restore is for the line."""
    office = line.office
    before = await line.states(office.engine)
    await office.cancel(line.held[1])
    await written(office)
    with Redis.from_url(settings.redis_url) as redis:
        redis.flushall()
        redis.function_flush()
    await restore(settings)
    async with Engine(settings) as engine:
        assert await line.states(engine) == before == ["offered", "waiting", "waiting", "waiting"]
        office.engine = engine
        assert await audit(settings) == []
        await engine.submit(DeclineWaiting(line.entries[0]))
        assert await line.states(engine) == ["declined", "offered", "waiting", "waiting"]
        late = await line.wait("late", 1)
        found = await engine.submit(FindWaiting(late))
        assert isinstance(found, WaitingFound)
        assert found.position == 3
        await written(office)
        assert await audit(settings) == []


async def test_who_left_the_line_does_not_join_again_by_a_repeat_after_a_restore(
    line: Line, settings: Settings
) -> None:
    """Entries that ended within the archive's time come back."""
    office, gone = line.office, line.entries[4]
    await line.wait("c5", 1)
    await written(office)
    ended = await office.engine.submit(FindWaiting(gone))
    before = keys_of_redis(settings.redis_url)
    empty(settings)
    await restore(settings)
    found = await office.engine.submit(FindWaiting(gone))
    assert isinstance(found, WaitingFound)
    assert isinstance(ended, WaitingFound)
    assert (found.entry, found.entry.state) == (ended.entry, WaitingState.DECLINED)
    assert await line.wait("c4", 1, gone) == gone
    repeated = await office.engine.submit(FindWaiting(gone))
    assert isinstance(repeated, WaitingFound)
    assert repeated.entry == ended.entry
    ended_key = f"{office.keys.waiting(office.event.event_id)}:ended".encode()
    assert keys_of_redis(settings.redis_url)[ended_key] == before[ended_key]
    await written(office)
    assert await audit(settings) == []


async def test_an_entry_that_is_forgotten_may_come_again(line: Line, settings: Settings) -> None:
    """Under its id it gets another place in the line. Postgres has that place, not the one before."""
    office, gone = line.office, line.entries[4]
    await written(office)
    key = office.keys.waiting(office.event.event_id)
    async with Engine(replace(settings, archive_seconds=1)) as forgetful:
        await office.engine.redis.execute_command("ZADD", f"{key}:ended", 1, gone)
        await forgetful.submit(TendWaiting(office.event.event_id))
    assert await line.wait("c4", 2, gone) == gone
    await written(office)
    assert await audit(settings) == []
    row = await office.sql("SELECT row(number, quantity, status, ended_at) FROM waiting_entries WHERE id = $1", gone)
    assert row == (5, 2, "waiting", None)


@pytest.mark.damages_keys
@pytest.mark.parametrize(
    ("damage", "breach"),
    [
        (["ZREM", "{key}:line:{ticket}", "{waiting}"], "others than those who wait"),
        (["HSET", "{key}", "aside", "{ticket}=7"], "are set aside"),
        (["HDEL", "{key}", "e {offered}"], "is an offer that nobody waited for"),
        (["HDEL", "{key}", "e {waiting}"], "is not in Redis"),
    ],
)
async def test_the_audit_names_each_kind_of_damage(
    line: Line, settings: Settings, damage: list[str], breach: str
) -> None:
    office = line.office
    await written(office)
    names = {
        "key": office.keys.waiting(office.event.event_id),
        "ticket": office.ticket_id,
        "waiting": line.entries[1],
        "offered": line.entries[0],
    }
    with Redis.from_url(settings.redis_url) as redis:
        redis.execute_command(*(part.format(**names) for part in damage))
    found = await audit(settings)
    assert any(breach in each for each in found), found


async def test_upkeep_ends_a_list_that_nobody_asks_about(line: Line, settings: Settings) -> None:
    office = line.office
    await written(office)
    ended = WaitingList(3600, ends_ms=1)
    await office.catalogue.update_event(office.event.event_id, {"waiting_list": ended})
    events = await tend_waiting_lists(settings, office.engine, office.postgres, office.metrics, set())
    assert events == {office.event.event_id}
    await written(office)
    statuses = await office.sql("SELECT array_agg(status ORDER BY number) FROM waiting_entries")
    assert statuses == ["offered", "ended", "ended", "ended", "declined"]
    assert office.metrics.waiting.labels(str(office.event.event_id))._value.get() == 0
