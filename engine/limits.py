"""The limits on how fast and how much somebody takes, as the Lua library wants them (lua/18_limits.lua)."""

import msgspec

from engine.settings import Settings


def packed_limits(settings: Settings) -> bytes:
    """Nothing if there are none, so that they cost nothing."""
    speeds = settings.customer_per_minute or settings.address_per_minute
    if not (speeds or settings.live_holds or settings.cool_down_expiries):
        return b""
    return msgspec.msgpack.encode(
        (
            every_ms(settings.customer_per_minute),
            settings.customer_burst,
            every_ms(settings.address_per_minute),
            settings.address_burst,
            settings.live_holds,
            settings.cool_down_expiries,
            settings.cool_down_seconds * 1000,
        )
    )


def every_ms(per_minute: int) -> int:
    """Time between two of so many in a minute; 0 if they are not limited."""
    return 60_000 // per_minute if per_minute else 0
