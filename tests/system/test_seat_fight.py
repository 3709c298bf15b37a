"""Many buyers fight for the same seats."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterable

from redis.asyncio import Redis

from cli.dev.embedded import EmbeddedValkey
from tests.support.system.ledgers import check_books
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import Storefront
from tests.support.system.venues import Hall, open_hall

BUYERS = 200


async def statuses(storefront: Storefront, hall: Hall) -> Counter[str]:
    answer = await storefront.ask("GET", f"/v1/events/{hall.event_id}/sections/{hall.section_id}/seats")
    return Counter(seat["status"]["name"] for seat in answer.body["items"])


def owned_twice(owned: Iterable[list[int]]) -> list[int]:
    counted = Counter(seat for seats in owned for seat in seats)
    return [seat for seat, owners in counted.items() if owners > 1]


async def insist(storefront: Storefront, hall: Hall, number: int) -> list[int]:
    """Asks for one seat after the other, in an order of the buyer's own, until one is available or none is left."""
    order = random.Random(number).sample(hall.seat_ids, len(hall.seat_ids))  # noqa: S311  # the same every time
    for seat_id in order:
        item = {"ticket_id": hall.ticket_id, "seat_ids": [seat_id]}
        answer = await storefront.ask(
            "POST", "/v1/reservations", {"items": [item], "customer": {"id": f"buyer-{number}"}}
        )
        if answer.status == 201:
            assert [seat["seat_id"] for seat in answer.body["items"][0]["seats"]] == [seat_id]
            return [seat_id]
        assert (answer.code, answer.body["seat_ids"]) == ("seat_taken", [seat_id])
    return []


async def test_every_seat_is_sold_once(stack: Stack, storefront: Storefront) -> None:
    stack.api_workers = 2
    await stack.start("sync", "api")
    hall = await open_hall(storefront, rows=4, seats=10)

    async with asyncio.TaskGroup() as buyers:
        tasks = [buyers.create_task(insist(storefront, hall, number)) for number in range(BUYERS)]
    owned = [task.result() for task in tasks if task.result()]

    assert not owned_twice(owned)
    assert sorted(seat for seats in owned for seat in seats) == hall.seat_ids, "a seat was refused and left unsold"
    assert await statuses(storefront, hall) == {"held": 40}
    await check_books(stack)


async def test_the_best_seats_together_go_round(stack: Stack, storefront: Storefront) -> None:
    """400 seats in rows of 20 are 100 times four together: that many get them, all others none."""
    stack.api_workers = 2
    await stack.start("sync", "api")
    hall = await open_hall(storefront, rows=20, seats=20)

    async def four_together(number: int) -> list[int]:
        item = {"ticket_id": hall.ticket_id, "quantity": 4, "best_available": True, "together": True}
        answer = await storefront.ask(
            "POST", "/v1/reservations", {"items": [item], "customer": {"id": f"buyer-{number}"}}
        )
        if answer.status == 201:
            seats = answer.body["items"][0]["seats"]
            assert len({seat["row"] for seat in seats}) == 1
            numbers = [seat["number"] for seat in seats]
            assert numbers == list(range(numbers[0], numbers[0] + 4)), "side by side"
            return [seat["seat_id"] for seat in seats]
        assert (answer.code, answer.body["available"]) == ("sold_out", 0)
        return []

    async with asyncio.TaskGroup() as buyers:
        tasks = [buyers.create_task(four_together(number)) for number in range(BUYERS)]
    owned = [task.result() for task in tasks if task.result()]

    assert not owned_twice(owned)
    assert len(owned) == 100
    assert await statuses(storefront, hall) == {"held": 400}
    await check_books(stack)


async def test_reading_a_map_then_writing_it_sells_seats_twice(valkey: EmbeddedValkey) -> None:
    """The negative control: the same fight where the map is read, looked at and written back."""
    async with Redis.from_url(valkey.url, max_connections=BUYERS, decode_responses=True) as redis:
        await redis.set("map", "a" * 40)

        async def insist_naively(number: int) -> list[int]:
            order = random.Random(number).sample(range(40), 40)  # noqa: S311  # the same every time
            for place in order:
                text = await redis.get("map")
                assert isinstance(text, str)
                if text[place] == "a":
                    await redis.set("map", text[:place] + "h" + text[place + 1 :])
                    return [place]
            return []

        async with asyncio.TaskGroup() as buyers:
            tasks = [buyers.create_task(insist_naively(number)) for number in range(BUYERS)]
        await redis.delete("map")
    assert owned_twice(task.result() for task in tasks)
