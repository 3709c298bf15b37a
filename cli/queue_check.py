"""`onsale queue check`: recomputes the order of a waiting room from what was published, and compares it."""

import asyncio
from typing import NamedTuple

from redis.exceptions import RedisError

from cli.errors import UserError
from engine.errors import Fault
from engine.opening import opened_redis
from engine.redis_keys import partition_of
from engine.settings import Settings
from engine.waiting_rooms import commitment_of, digest_of, position_of, seed_of

_TIMEOUT_SECONDS = 120


class StoredRoom(NamedTuple):
    """A waiting room as Redis has it: its fields, and the index of each customer who has a place."""

    fields: dict[str, str]
    indexes: dict[str, int]


def check_queue(settings: Settings, event_id: int) -> tuple[str, list[str]]:
    """The work that was done, and the errors found, one sentence each. Raises UserError if there is no room."""
    try:
        room = asyncio.run(read_room(settings, event_id))
    except (Fault, RedisError, OSError) as error:
        raise UserError(f"Redis does not answer: {error.__cause__ or error}; check ONSALE_REDIS_URL") from error
    if not room.fields.get("commitment"):
        raise UserError(f"event {event_id} has no waiting room")
    if not room.fields.get("seed"):
        return f"The order of event {event_id} is not drawn yet.", commitment_errors(room)
    errors = commitment_errors(room) + order_errors(event_id, room)
    return f"Event {event_id}: {room.fields['cohort']} positions recomputed.", errors


def commitment_errors(room: StoredRoom) -> list[str]:
    """Errors that can be seen before the draw, too."""
    fields = room.fields
    errors = []
    if commitment_of(fields["secret"]) != fields["commitment"]:
        errors.append("The commitment is not the SHA-256 of the secret.")
    joined = int(fields["joined"])
    if len(set(room.indexes.values())) < len(room.indexes):
        errors.append("Two customers have the same index.")
    if any(index >= joined for index in room.indexes.values()):
        errors.append("A customer has an index that was never given.")
    return errors


def order_errors(event_id: int, room: StoredRoom) -> list[str]:
    """Errors of a drawn order. The digest is recomputed where everybody of the cohort still has a place."""
    fields = room.fields
    cohort, digest, seed = int(fields["cohort"]), fields["digest"], fields["seed"]
    errors = []
    if seed_of(fields["secret"], event_id, cohort, digest) != seed:
        errors.append("The seed is not that of the secret, the event, the cohort and the digest.")
    in_order = sorted((index, customer) for customer, index in room.indexes.items() if index < cohort)
    if len(in_order) == cohort and digest_of(customer for _, customer in in_order) != digest:
        errors.append("The digest is not that of the customers in the order in which they joined.")
    if sorted(position_of(index, cohort, seed) for index in range(cohort)) != list(range(cohort)):
        errors.append("The positions are not a permutation of the cohort.")
    return errors


async def read_room(settings: Settings, event_id: int) -> StoredRoom:
    """The room; without fields if there is none. Raises Fault, RedisError, OSError."""
    async with opened_redis(settings, 2, timeout_seconds=_TIMEOUT_SECONDS) as redis:
        keys = redis.partition_keys(settings.partitions)
        key = keys[partition_of(event_id, len(keys))].queue(event_id)
        fields = await redis.hgetall(key)
        indexes = {
            customer.decode(): int(place.split()[0])
            async for customer, place in redis.hscan_iter(f"{key}:places", count=1000)
        }
    return StoredRoom({name.decode(): value.decode() for name, value in fields.items()}, indexes)
