"""A process that asks about a waiting room at a given instant, and prints the answer.

Arguments   the URL of the server, the event, the number of the process
Input       a line with an instant, ms since 1970, once the process has said `ready`
Output      `ready`, then JSON: cohort and seed of each reading, and the customer's name, index and position
"""

import asyncio
import json
import sys
import time

from engine.commands.waiting_rooms import FindPlace, JoinQueue, ReadQueue
from engine.engine import Engine
from engine.results.waiting_rooms import Placed, QueueState
from engine.settings import Settings
from engine.waiting_rooms import new_proposal

_READINGS = 20


async def _ask(url: str, event_id: int, name: str) -> None:
    async with Engine(Settings(redis_url=url, auth="off")) as engine:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        at_ms = int(await asyncio.to_thread(sys.stdin.readline))
        await asyncio.sleep(max(0.0, at_ms / 1000 - time.time()))
        drawn = set()
        joined = await engine.submit(JoinQueue(event_id, name, *new_proposal()))
        assert isinstance(joined, Placed), joined
        for _ in range(_READINGS):
            state = await engine.submit(ReadQueue(event_id, *new_proposal()))
            assert isinstance(state, QueueState), state
            if state.cohort >= 0:
                drawn.add((state.cohort, state.seed))
        place = await engine.submit(FindPlace(event_id, name))
        assert isinstance(place, Placed), place
        sys.stdout.write(json.dumps([sorted(drawn), name, joined.index, place.index, place.position]) + "\n")


if __name__ == "__main__":
    asyncio.run(_ask(sys.argv[1], int(sys.argv[2]), f"process-{sys.argv[3]}"))
