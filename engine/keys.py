"""Names of the keys in Redis. All keys of a partition share a hash tag, so a cluster keeps them on one node."""

from functools import cached_property

OUTBOX_FIELD = b"f"
"""The field of an outbox entry that has its facts about reservations."""

BOOKINGS_FIELD = b"b"
"""The field that has its facts about bookings, if there are any."""


class PartitionKeys:
    """The keys of one partition, in the order in which the Lua library expects them."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self._prefix = f"{{p{partition:02}}}:"
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

    def unbooked(self, event_id: int, booking_id: str) -> str:
        """What a booking leaves for a while when it is deleted."""
        return f"{self._prefix}unbooked:{event_id}:{booking_id}"


def partition_of(event_id: int, partitions: int) -> int:
    """The partition that has everything of an event."""
    return event_id % partitions
