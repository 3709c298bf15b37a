"""Names of the keys in Redis. All keys of a partition share a hash tag, so a cluster keeps them on one node.

A single server tags partition 3 of 16 with `{p03}`. These tags would give half of eight shards nothing. So a cluster
tags it with `{p03.3}`: the suffix is chosen so that the tag hashes into the fourth sixteenth of the slots.
"""

from functools import cache, cached_property
from itertools import count

from redis.crc import key_slot

SLOTS = 16_384
"""Hash slots of a cluster."""

OUTBOX_FIELD = b"f"
"""The field of an outbox entry that has its facts about reservations."""

BOOKINGS_FIELD = b"b"
"""The field that has its facts about bookings, if there are any."""

WAITING_FIELD = b"w"
"""The field that has its facts about waiting lists, if there are any."""

QUEUES_FIELD = b"q"
"""The field that has its facts about waiting rooms, if there are any."""

ETICKETS_FIELD = b"e"
"""The field that has its facts about e-tickets, if there are any."""

SCANS_FIELD = b"s"
"""The field that has what gates scanned, if they did."""

ACTS_FIELD = b"a"
"""The field that says on whose behalf facts were made, if that is logged."""


TRACE_FIELD = b"t"
"""The traceparent of the batch, if it is traced."""

BEFORE_FIELD = b"p"
"""The field that the first entry of an epoch has: the position of the last entry before it, if there was any."""


class PartitionKeys:
    """The keys of one partition, in the order in which the Lua library expects them."""

    def __init__(self, partition: int, tag: str = "") -> None:
        self.partition = partition
        self.tag = tag or plain_tag(partition)
        self._prefix = f"{{{self.tag}}}:"
        self.meta = f"{self._prefix}meta"
        self.events = f"{self._prefix}events"
        self.pools = f"{self._prefix}pools"
        self.ledger = f"{self._prefix}ledger"
        self.deadlines = f"{self._prefix}deadlines"
        self.unsettled = f"{self._prefix}unsettled"
        self.customers = f"{self._prefix}customers"
        self.outbox = f"{self._prefix}outbox"
        self.bookings = f"{self._prefix}bookings"
        self.slots = f"{self._prefix}slots"
        self.purges = f"{self._prefix}purges"
        self.hold_prefix = f"{self._prefix}hold:"

    @cached_property
    def fixed(self) -> tuple[str, ...]:
        """KEYS[1..11] of every call."""
        return (
            self.meta,
            self.events,
            self.pools,
            self.ledger,
            self.deadlines,
            self.unsettled,
            self.customers,
            self.outbox,
            self.bookings,
            self.slots,
            self.purges,
        )

    def seat_map(self, event_id: int, pool: str) -> str:
        """The map of a section's seats at an event (engine/seats.py)."""
        return f"{self._prefix}seats:{event_id}:{pool}"

    def hold(self, reservation_id: str) -> str:
        """The hold key of a reservation."""
        return self.hold_prefix + reservation_id

    def codes(self, event_id: int) -> str:
        """The codes of an event (lua/30_codes.lua)."""
        return f"{self._prefix}codes:{event_id}"

    @property
    def allotments(self) -> str:
        """When places that are set aside for codes go back on sale."""
        return f"{self._prefix}allotments"

    def queue(self, event_id: int) -> str:
        """The waiting room of an event (lua/34_rooms.lua); `:places` and `:inside` behind it are of its customers."""
        return f"{self._prefix}queue:{event_id}"

    def waiting(self, event_id: int) -> str:
        """The waiting list of an event (lua/37_waiting_lists.lua); `:line:<ticket>` and others behind it are of it."""
        return f"{self._prefix}waiting:{event_id}"

    def doors(self, event_id: int) -> str:
        """The doors of an event (lua/38_etickets.lua); `:etickets`, `:of`, `:changes` and `:scans` are behind it."""
        return f"{self._prefix}doors:{event_id}"

    def unbooked(self, event_id: int, booking_id: str) -> str:
        """The key of the trace that a deleted booking leaves for a while."""
        return f"{self._prefix}unbooked:{event_id}:{booking_id}"


def plain_tag(partition: int) -> str:
    """The tag of a partition on a single server."""
    return f"p{partition:02}"


@cache
def spread_tags(partitions: int) -> tuple[str, ...]:
    """The tags of the partitions in a cluster: tag *i* of *n* hashes into the *i*-th *n*-th of the slots."""
    return tuple(_spread_tag(plain_tag(partition), partition, partitions) for partition in range(partitions))


@cache
def key_tags(nodes: int) -> tuple[str, ...]:
    """The tags of idempotency keys in a cluster, for that many nodes. No partition has their slots."""
    return tuple(_spread_tag(f"k{node:02}", node, nodes) for node in range(nodes))


def _spread_tag(name: str, share: int, shares: int) -> str:
    """A tag that hashes into that one of so many shares of the slots."""
    for suffix in count(1):
        tag = f"{name}.{suffix}"
        # In the middle quarter of its share: so three shards, or five, have even shares too.
        if key_slot(tag.encode()) * shares * 8 // SLOTS - 8 * share in (3, 4):
            return tag
    raise AssertionError


def plain_keys(partitions: int) -> list[PartitionKeys]:
    """The keys of all partitions of a single server."""
    return [PartitionKeys(partition) for partition in range(partitions)]


def spread_keys(partitions: int) -> list[PartitionKeys]:
    """The keys of all partitions of a cluster."""
    return [PartitionKeys(partition, tag) for partition, tag in enumerate(spread_tags(partitions))]


def slot_of(key: str | bytes) -> int:
    """The hash slot of a key."""
    return key_slot(key if isinstance(key, bytes) else key.encode())


def partition_of(event_id: int, partitions: int) -> int:
    """The partition that has everything of an event."""
    return event_id % partitions
