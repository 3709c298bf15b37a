"""Waiting rooms when processes start together, and when a replica takes over: same index, same position, one draw."""

import asyncio
import json
import sys
from pathlib import Path

from engine.engine import Engine
from engine.inspection import server_time_ms
from engine.results.waiting_rooms import InsideFull, Placed
from engine.settings import Settings
from engine.waiting_rooms import position_of
from tests.support.engine.replica_pair import replica_pair
from tests.support.engine.waiting_room import Room
from tests.support.waiting import wait_until

PROCESSES = 10
PATIENCE_SECONDS = 90


async def test_ten_processes_that_open_at_the_same_millisecond_draw_once(
    engine_settings: Settings, repository: Path
) -> None:
    async with Engine(engine_settings) as engine:
        room = Room(engine)
        await room.publish(sale_in_ms=3_600_000)
        before = [(await room.join(f"early-{number}")).index for number in range(20)]
        forked = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.engine.opening_process"),
            *(engine_settings.redis_url, str(room.event_id), str(PROCESSES)),
            cwd=repository,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert forked.stdout is not None
            for _ in range(PROCESSES):
                assert await forked.stdout.readline() == b"ready\n"
            opens_ms = await server_time_ms(engine.redis) + 500
            await room.change(opens_ms=opens_ms)
            told, _ = await forked.communicate(f"{opens_ms}\n".encode())
        assert forked.returncode == 0
        answers = [json.loads(line) for line in told.splitlines()]
        assert len(answers) == PROCESSES
        seen = {tuple(drawn) for drawns, *_ in answers for drawn in drawns}
        state = await room.read()
        assert seen == {(state.cohort, state.seed)}, "there was one draw"
        assert 20 <= state.cohort <= 20 + PROCESSES
        indexes = [index for _, _, index, _, _ in answers]
        assert sorted(before + indexes) == list(range(20 + PROCESSES))
        for _, name, joined_index, index, position in answers:
            assert index == joined_index
            assert position == position_of(index, state.cohort, state.seed) == (await room.place(name)).position


async def test_a_replica_that_takes_over_knows_all_places_and_admits_nobody_meanwhile(tmp_path: Path) -> None:
    with replica_pair(tmp_path) as pair:
        await pair.join()
        await wait_until(lambda: pair.at_replica.info("server")["uptime_in_seconds"] >= 4, what="a replica that runs")
        async with Engine(Settings(redis_url=pair.server.url, auth="off", partitions=1)) as engine:
            room = Room(engine)
            await room.publish(1000, sale_in_ms=3_600_000, pass_ms=3_600_000)
            indexes = {name: (await room.join(name)).index for name in (f"customer-{n}" for n in range(30))}
            await room.open_sale()
            positions = {name: (await room.place(name)).position for name in indexes}
            in_order = sorted(indexes, key=lambda name: positions[name])
            while (await room.read()).serving < 2:
                await room.forward(1000)
            inside = await room.enter(in_order[0])
            assert isinstance(inside, Placed)
            before, terms = await room.read(), room.terms
            stored = await engine.redis.hgetall(room.key)
            await wait_until(lambda: pair.at_replica.hgetall(room.key) == stored, what="the replica has it all")
        pair.server.kill()
        pair.at_replica.replicaof("NO", "ONE")
        async with Engine(Settings(redis_url=pair.replica.url, auth="off", partitions=1)) as engine:
            room = Room(engine)
            room.terms = terms
            after = await room.read()
            assert (after.cohort, after.seed, after.commitment) == (before.cohort, before.seed, before.commitment)
            assert (after.serving, after.inside) == (before.serving, before.inside)
            assert {name: (await room.join(name)).index for name in indexes} == indexes
            assert {name: (await room.place(name)).position for name in indexes} == positions
            again = await room.enter(in_order[0])
            assert isinstance(again, Placed)
            assert again.until_ms == inside.until_ms, "who is inside stays there"
            assert await room.enter(in_order[1]) == InsideFull(), (
                "others may be inside of whom the replica does not know"
            )
            await room.forward(3_600_001)
            assert isinstance(await room.enter(in_order[1]), Placed)
