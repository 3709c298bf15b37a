"""Waiting rooms beyond Redis: in Postgres, and after a restore."""

from datetime import UTC, datetime, timedelta

from engine.commands.waiting_rooms import EnterQueue, FindPlace
from engine.engine import Engine
from engine.results.waiting_rooms import Placed
from engine.settings import Settings
from sync.restore.restore import restore
from tests.support.sync.box_office import BoxOffice, running
from tests.support.sync.waiting_rooms import CUSTOMERS, join_all, look, open_room
from tests.support.waiting import wait_until


async def places(engine: Engine, event_id: int) -> dict[str, tuple[int, int]]:
    """The index and the position of each customer who has a place."""
    found = {name: await engine.submit(FindPlace(event_id, name)) for name in CUSTOMERS}
    return {name: (place.index, place.position) for name, place in found.items() if isinstance(place, Placed)}


async def restored(office: BoxOffice, settings: Settings) -> None:
    """Redis loses everything, once Postgres has it."""
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
    await office.engine.redis.execute_command("FLUSHDB")
    await restore(settings)


async def test_places_survive_before_the_draw_and_the_draw_is_the_same(office: BoxOffice, settings: Settings) -> None:
    event_id = await open_room(office)
    await join_all(office, event_id)
    before, state = await places(office.engine, event_id), await look(office.engine, event_id)
    await restored(office, settings)
    assert await places(office.engine, event_id) == before
    now = await look(office.engine, event_id)
    assert (now.commitment, now.joined, now.phase) == (state.commitment, 13, "gathering")


async def test_positions_survive_and_customers_inside_enter_again(office: BoxOffice, settings: Settings) -> None:
    event_id = await open_room(office)
    await join_all(office, event_id)
    await office.catalogue.update_event(event_id, {"sale_opens_at": datetime.now(UTC) - timedelta(seconds=1)})
    inside: set[str] = set()

    async def some_are_inside() -> bool:
        for name in CUSTOMERS:
            entered = await office.engine.submit(EnterQueue(event_id, name))
            inside.update([name] if isinstance(entered, Placed) else [])
        return len(inside) >= 4

    await wait_until(some_are_inside)
    before, state = await places(office.engine, event_id), await look(office.engine, event_id)
    await restored(office, settings)
    assert await places(office.engine, event_id) == before
    now = await look(office.engine, event_id)
    assert (now.seed, now.cohort, now.secret, now.digest) == (state.seed, state.cohort, state.secret, state.digest)
    assert max(before[name][1] for name in inside) < now.serving
    again = [await office.engine.submit(EnterQueue(event_id, name)) for name in sorted(inside)]
    assert all(isinstance(entered, Placed) for entered in again), again
