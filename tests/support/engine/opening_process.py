"""Processes that ask about a waiting room at a given instant, and print the answers.

They are forked from one that has imported the engine: importing it takes longer than what each of them does.

Arguments   the URL of the server, the event, the number of processes
Input       a line with an instant, ms since 1970, once each process has said `ready`
Output      `ready` of each, then JSON of each: cohort and seed of each reading, and the customer's name, index and
            position
"""

import asyncio
import json
import os
import sys
import time
import traceback

from engine.commands.waiting_rooms import FindPlace, JoinQueue, ReadQueue
from engine.engine import Engine
from engine.results.waiting_rooms import Placed, QueueState
from engine.settings import Settings
from engine.waiting_rooms import new_proposal

_READINGS = 20


async def _ask(url: str, event_id: int, name: str, instant: int) -> None:
    async with Engine(Settings(redis_url=url, auth="off")) as engine:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        at_ms = int(await asyncio.to_thread(os.read, instant, 20))
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


def _fork(url: str, event_id: int, name: str) -> int:
    """Starts a process. The descriptor on which it waits for the instant."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(reading)
        return writing
    status = 1
    try:
        asyncio.run(_ask(url, event_id, name, reading))
        sys.stdout.flush()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def main(url: str, event_id: int, processes: int) -> int:
    """Runs them all; the exit status is 0 if all of them succeed."""
    waiting = [_fork(url, event_id, f"process-{number}") for number in range(processes)]
    instant = sys.stdin.readline().encode()
    for process in waiting:
        os.write(process, instant)
    return int(any(os.wait()[1] for _ in waiting))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
