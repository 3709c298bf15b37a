"""A customer's data: shown as a whole, and erased wherever it lies."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import msgspec
import pytest

from api.access.callers import Role
from cli.tokens import mint_token
from engine.engine import Engine
from engine.settings import Settings
from sync.personal_data.eraser import Eraser
from sync.postgres import Postgres
from sync.worker import run_sync
from tests.integration.api.conftest import StartApi
from tests.support.api.api_client import Front, Json, order, ticket
from tests.support.redis_nodes import primaries
from tests.support.shared_database import SharedDatabase
from tests.support.waiting import wait_until

_SHARED = "a secret of thirty-two bytes or more"
_NAMES = (b"Islom", b"Karimov", b"9334556789")
_EVENT = {"name": "Big event", "starts_at": "2027-06-01T18:00:00Z", "status": "on_sale", "tickets": [ticket("VIP", 9)]}
_MUSEUM = _EVENT | {"name": "Museum", "tickets": [], "schedule": {"times": ["13:30"], "capacity": 5}}
_WHO = {"first_name": "Islom", "last_name": "Karimov"}
_BOOKING = _WHO | {"phone_number": "9334556789", "date": "2027-09-12", "time": "13:30"}
_READ = {
    b"string": lambda redis, key: redis.get(key),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1),
    b"stream": lambda redis, key: redis.xrange(key),
}


def as_(role: Role, sub: str) -> dict[str, str]:
    token = mint_token(Settings(jwt_secret=_SHARED), role, sub, ttl_seconds=86_400)
    return {"Authorization": f"Bearer {token}"}


BOSS, CUSTOMER, OTHER = as_(Role.MANAGER, "boss"), as_(Role.CUSTOMER, "22"), as_(Role.CUSTOMER, "23")
DATA = "/v1/customers/22/data"


@pytest.fixture
def shop(shop: Settings) -> Settings:
    """The time for which a record may come back is a moment here."""
    return msgspec.structs.replace(shop, command_timeout_ms=1000)


@pytest.fixture
async def guarded(start_api: StartApi) -> Front:
    return await start_api(auth="jwt", jwt_secret=_SHARED)


@pytest.fixture
async def owner(shared_database: SharedDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(shared_database.url, timeout=30)
    yield connection
    await connection.close(timeout=30)


def in_redis(url: str) -> list[tuple[bytes, bytes]]:
    """Keys in which a name stands, with the name."""
    with primaries(url) as nodes:
        stored: dict[bytes, Any] = {
            key: repr(_READ[cast("bytes", redis.type(key))](redis, key)).encode()
            for redis in nodes
            for key in redis.scan_iter()
        }
    return [(key, name) for key, text in stored.items() for name in _NAMES if name in key or name in text]


async def in_postgres(connection: asyncpg.Connection) -> list[tuple[str, bytes]]:
    """Tables in which a name stands, with the name; in bytes, too."""
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = []
    for (table,) in names:
        for name in _NAMES:
            hidden = name.hex()
            query = f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE $1 OR t::text LIKE $2"  # noqa: S608  # ours
            if await connection.fetchval(query, f"%{name.decode()}%", f"%{hidden}%"):
                found.append((table, name))
    return found


async def buys(front: Front, who: dict[str, str]) -> Json:
    """A customer holds and pays, cancels, books a slot and gives another one up. Returns what the manager made."""
    event = (await front.call("POST", "/v1/events", _EVENT, headers=BOSS)).body
    museum = (await front.call("POST", "/v1/events", _MUSEUM, headers=BOSS)).body
    customer = {"customer": _WHO}
    body = {"items": order((event["tickets"][0]["id"], 1))["items"]} | customer
    paths = []
    for _ in range(3):
        held = await front.call("POST", "/v1/reservations", body, headers=who)
        assert held.status == 201
        paths.append(f"/v1/reservations/{held.body['id']}")
    payment = {"amount": 2500, "currency": "EUR", "payment_token": "tok_visa"}
    assert (await front.call("POST", f"{paths[0]}/pay", payment, headers=who)).status == 200
    assert (await front.call("DELETE", paths[1], headers=who)).status == 204
    bookings = f"/v1/events/{museum['id']}/bookings"
    booked = [await front.call("POST", bookings, _BOOKING, headers=who) for _ in range(2)]
    assert [each.status for each in booked] == [201, 201]
    assert (await front.call("DELETE", f"{bookings}/{booked[0].body['id']}", headers=who)).status == 204
    return {"event": event["id"], "museum": museum["id"]}


async def counts(front: Front, sale: Json) -> list[Json]:
    """Places of the tickets and of the slots, as Redis counts them."""
    tickets = (await front.get(f"/v1/events/{sale['event']}/availability")).body["tickets"]
    slots = (await front.get(f"/v1/events/{sale['museum']}/slots", date="2027-09-12")).body["items"]
    return [*tickets, *slots]


@pytest.mark.usefixtures("sync")
async def test_everything_known_of_a_customer_is_shown(guarded: Front, owner: asyncpg.Connection) -> None:
    sale = await buys(guarded, CUSTOMER)
    await owner.execute(
        "INSERT INTO dead_letters (partition, epoch, sequence, fact, error) VALUES (1, 2, 3, $1, 'why')",
        msgspec.msgpack.encode(["held", "1-a", 5, ["held", 1, "22", '{"first_name":"Islom"}']]),
    )
    told = (await guarded.call("GET", DATA, headers=BOSS)).body
    assert sorted(each["status"] for each in told["reservations"]) == ["cancelled", "held", "paid"]
    assert {each["customer"]["first_name"] for each in told["reservations"]} == {"Islom"}
    assert [each["phone_number"] for each in told["bookings"]] == ["9334556789"]
    assert [each["error"] for each in told["unwritten_facts"]] == ["why"]
    assert (told["complete"], told["erasure"]) == (True, None)
    assert sale["event"] in {each["event"]["id"] for each in told["reservations"]}
    for odd in ("%7B%7D", "a%7D", "%7Bid%7D", "a%2Fb"):
        assert (await guarded.call("GET", f"/v1/customers/{odd}/data", headers=BOSS)).status == 200, odd
    nothing = (await guarded.call("GET", "/v1/customers/stranger/data", headers=BOSS)).body
    assert (nothing["reservations"], nothing["bookings"], nothing["complete"]) == ([], [], True)


async def test_an_erasure_reaches_every_place_and_survives_a_restart(
    guarded: Front, owner: asyncpg.Connection, shop: Settings
) -> None:
    """The worker is not there when it is asked for; it learns of it at its next start."""
    sale = await buys(guarded, CUSTOMER)
    await owner.executemany(
        "INSERT INTO dead_letters (partition, epoch, sequence, fact, error) VALUES (1, 2, $1, $2, 'why')",
        [
            (1, msgspec.msgpack.encode(["held", "1-a", 5, ["held", 1, "22", '{"first_name":"Islom"}']])),
            (2, b"\xc1\xa222Islom, which nobody can decode"),
        ],
    )
    before = await counts(guarded, sale)
    asked = await guarded.call("DELETE", DATA, headers=BOSS)
    assert (asked.status, asked.body["done_at"]) == (202, None)
    assert in_redis(shop.redis_url)  # the negative control: this is where they lie
    async with asyncio.TaskGroup() as group:
        worker = group.create_task(run_sync(shop))

        async def done() -> bool:
            told = (await guarded.call("GET", DATA, headers=BOSS)).body
            return bool(told["erasure"]["done_at"])

        await wait_until(done, 30, what="the erasure is done")
        worker.cancel()
    assert in_redis(shop.redis_url) == []
    assert await in_postgres(owner) == []
    told = (await guarded.call("GET", DATA, headers=BOSS)).body
    assert {each["customer"]["first_name"] for each in told["reservations"]} == {None}
    assert sorted(each["status"] for each in told["reservations"]) == ["cancelled", "held", "paid"]
    assert [each["phone_number"] for each in told["bookings"]] == [""]
    assert "erase_customer_data" in {entry["action"] for entry in told["audit_log"]}
    assert await counts(guarded, sale) == before
    sold = (await guarded.call("GET", f"/v1/events/{sale['event']}/statistics", headers=BOSS)).body
    assert (sold["held"], sold["sold"], sold["revenue"]["amount"]) == (1, 1, 2500)


@pytest.mark.usefixtures("sync")
async def test_another_customer_keeps_its_names_and_a_repeat_changes_nothing(guarded: Front) -> None:
    await buys(guarded, CUSTOMER)
    await buys(guarded, OTHER)
    for _ in range(2):
        assert (await guarded.call("DELETE", DATA, headers=BOSS)).status == 202

    async def erased() -> bool:
        told = (await guarded.call("GET", DATA, headers=BOSS)).body
        names = {each["customer"]["first_name"] for each in told["reservations"]}
        return names == {None} and [each["first_name"] for each in told["bookings"]] == [""]

    await wait_until(erased, 20, what="the names are gone")
    others = (await guarded.call("GET", "/v1/customers/23/data", headers=BOSS)).body
    assert {each["customer"]["first_name"] for each in others["reservations"]} == {"Islom"}
    assert [each["phone_number"] for each in others["bookings"]] == ["9334556789"]


@pytest.mark.usefixtures("sync")
async def test_names_are_kept_until_the_event_and_for_as_long_as_the_settings_say(
    guarded: Front, owner: asyncpg.Connection, shop: Settings
) -> None:
    past, future = await buys(guarded, CUSTOMER), await buys(guarded, OTHER)
    await guarded.call("GET", DATA, headers=BOSS)  # Postgres has all of it
    await owner.execute("UPDATE reservations SET ended_at = now() - interval '2 days' WHERE ended_at IS NOT NULL")
    await owner.execute("UPDATE events SET starts_at = now() - interval '2 days' WHERE id = $1", past["event"])
    await owner.execute("UPDATE bookings SET expires_at = now(), starts_at = now() - interval '2 days', "
                        "slot = now() - interval '2 days' WHERE event_id = $1", past["museum"])  # fmt: skip
    settings = msgspec.structs.replace(shop, personal_data_seconds=86_400)
    async with Engine(settings) as engine, Postgres(settings) as postgres:
        await Eraser(settings, engine, postgres).erase_old()
        await owner.execute("UPDATE bookings SET expires_at = now() - interval '2 days', starts_at = now() - "
                            "interval '3 days' WHERE event_id = $1", past["museum"])  # fmt: skip
        told = (await guarded.call("GET", DATA, headers=BOSS)).body
        assert [each["phone_number"] for each in told["bookings"]] == ["9334556789"]  # not so long ago
        await Eraser(settings, engine, postgres).erase_old()
    told = (await guarded.call("GET", DATA, headers=BOSS)).body
    names = {each["status"]: each["customer"]["first_name"] for each in told["reservations"]}
    assert names == {"paid": None, "cancelled": None, "held": "Islom"}
    assert [each["phone_number"] for each in told["bookings"]] == [""]
    others = (await guarded.call("GET", "/v1/customers/23/data", headers=BOSS)).body
    assert {each["customer"]["first_name"] for each in others["reservations"]} == {"Islom"}
    assert future["event"] in {each["event"]["id"] for each in others["reservations"]}


async def test_places_in_waiting_rooms_are_shown(guarded: Front) -> None:
    room = {"waiting_room": {"opens_at": "2020-01-01T00:00:00Z"}}
    events = [(await guarded.call("POST", "/v1/events", _EVENT | room, headers=BOSS)).body for _ in range(2)]
    await guarded.call("POST", "/v1/events", _EVENT, headers=BOSS)
    joined = await guarded.call("POST", f"/v1/events/{events[1]['id']}/queue", headers=CUSTOMER)
    assert joined.status == 201
    (place,) = (await guarded.call("GET", DATA, headers=BOSS)).body["queue_places"]
    assert (place["event_id"], place["customer_id"], place["index"]) == (events[1]["id"], "22", 0)
    assert (await guarded.call("GET", "/v1/customers/23/data", headers=BOSS)).body["queue_places"] == []
