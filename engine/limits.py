"""The limits on how fast and how much somebody takes, as the Lua library decides with them (lua/18_limits.lua).

They are the same for all processes, because they are in Redis: `onsale serve` publishes its own when it starts. A
process that gives a hold back decides with them, too, whatever its own settings say.
"""

import re

import msgspec
import structlog

from engine.settings import Settings

log = structlog.get_logger(__name__)

WIDER = 16
"""The factor by which the /48 of an IPv6 address may ask more often than its /64, as in lua/18_limits.lua."""

NO_LIMITS = "none"
"""The published text of limits that limit nothing."""
_PAIR = re.compile(r"([a-z_]+)=([0-9]+)")


class Limits(msgspec.Struct, frozen=True):
    """Limits, in ms and numbers; 0: not limited."""

    customer_every_ms: int = 0
    customer_burst: int = 0
    address_every_ms: int = 0
    address_burst: int = 0
    live_holds: int = 0
    expiries: int = 0
    cool_down_ms: int = 0
    idle_ms: int = 0
    address_idle_ms: int = 0
    address_places: int = 0
    nobodys_places: int = 0
    shortest_hold_ms: int = 0
    payment_attempts: int = 0
    payment_pause_ms: int = 0

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits of the settings. A number that says nothing without another one is 0 without it."""
        has_levels = settings.customer_idle_place_seconds or settings.address_idle_place_seconds
        return cls(
            customer_every_ms=every_ms(settings.customer_per_minute),
            customer_burst=settings.customer_burst if settings.customer_per_minute else 0,
            address_every_ms=every_ms(settings.address_per_minute),
            address_burst=settings.address_burst if settings.address_per_minute else 0,
            live_holds=settings.live_holds,
            expiries=settings.cool_down_expiries,
            cool_down_ms=settings.cool_down_seconds * 1000 if settings.cool_down_expiries else 0,
            idle_ms=settings.customer_idle_place_seconds * 1000,
            address_idle_ms=settings.address_idle_place_seconds * 1000,
            address_places=settings.address_places,
            nobodys_places=settings.nobodys_places,
            payment_attempts=settings.payment_attempts,
            payment_pause_ms=settings.payment_pause_seconds * 1000,
            shortest_hold_ms=settings.shortest_hold_seconds * 1000 if has_levels else 0,
        )

    @classmethod
    def parse(cls, text: str) -> "Limits":
        """The limits that a text says. Names that this release does not know are passed over."""
        known = {field.name for field in msgspec.structs.fields(cls)}
        return cls(**{name: int(number) for name, number in _PAIR.findall(text) if name in known})

    def __str__(self) -> str:
        """As they are published: `name=number` for each that limits, or `none`."""
        named = msgspec.structs.asdict(self).items()
        return " ".join(f"{name}={number}" for name, number in named if number) or NO_LIMITS

    @property
    def by_address(self) -> bool:
        """True if something depends on where a request comes from."""
        return self.address_every_ms > 0 or self.address_idle_ms > 0 or self.address_places > 0


class LimitsInForce:
    """The limits that are published, as the process of which they are publishes and learns them.

    `current` are in force: those of its settings, until another process has published others.
    """

    def __init__(self, settings: Settings) -> None:
        self._own = str(Limits.of(settings))
        self.current = Limits.of(settings)

    @property
    def text(self) -> str:
        """The limits as they are published."""
        return self._own

    def published(self, before: str) -> None:
        """Logs those that were in force until this process published its own. Empty: there were none."""
        if before not in ("", self._own):
            log.warning(
                "limits_changed",
                before=before,
                now=self._own,
                remedy="give all processes of `onsale serve` the same limits: those of the last start count for all",
            )

    def learn(self, text: str) -> None:
        """Another process has published these since; they count here, too."""
        limits = Limits.parse(text)
        if limits != self.current:
            self.current = limits
            log.warning(
                "limits_differ",
                own=self._own,
                now=text,
                remedy="another `onsale serve` has published other limits, which count here, too: "
                "give all processes the same, and start the last one again",
            )


def tell_difference(settings: Settings, published: str) -> None:
    """Warns of limits in the settings of a process that publishes none, if they are not those in force."""
    own = str(Limits.of(settings))
    if own not in (NO_LIMITS, published):
        log.warning(
            "limits_differ",
            own=own,
            now=published or NO_LIMITS,
            remedy="the limits of `onsale serve` count: give this process the same, or none",
        )


def every_ms(per_minute: int) -> int:
    """Time between two of this many in a minute; 0 if they are not limited."""
    return 60_000 // per_minute if per_minute else 0
