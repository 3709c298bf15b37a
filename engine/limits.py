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
            _every_ms(settings.customer_per_minute),
            settings.customer_burst,
            _every_ms(settings.address_per_minute),
            settings.address_burst,
            settings.live_holds,
            settings.cool_down_expiries,
            settings.cool_down_seconds * 1000,
        )
    )


def _every_ms(per_minute: int) -> int:
    return 60_000 // per_minute if per_minute else 0
