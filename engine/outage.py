"""A short log of outages: a line when a server goes, one a minute while it is away, and one when it is back."""

import errno
import time
from collections.abc import Callable, Mapping

import structlog

log = structlog.get_logger(__name__)

AWAY_SECONDS = 5.0
"""The duration of an absence after which requests are refused at once."""

_LINE_SECONDS = 60.0
_QUIET_SECONDS = 1.0
"""The time without failures after which an answer means that the server is back."""


class Outage:
    """The availability of a server, as all calls of this process observe it.

    Partitions, readers and requests all report their faults to it, so that one outage is logged once. `words` say in
    each line which node, or which partition, is meant.
    """

    def __init__(
        self, server: str, clock: Callable[[], float] = time.monotonic, words: Mapping[str, object] | None = None
    ) -> None:
        self._server = server
        self._clock = clock
        self._words = dict(words or {})
        self._began: float | None = None
        self._failed_at = self._told_at = 0.0
        self._failures = 0

    def failed(self, error: BaseException) -> None:
        """A call failed because of the server."""
        now = self._failed_at = self._clock()
        self._failures += 1
        if self._began is None:
            self._began = self._told_at = now
            log.warning(f"{self._server}_away", error=_words(error), **self._words, **_remedy(error))
        elif now - self._told_at >= _LINE_SECONDS:
            self._told_at = now
            log.warning(
                f"{self._server}_still_away",
                seconds=round(now - self._began),
                failures=self._failures,
                error=_words(error),
                **self._words,
                **_remedy(error),
            )

    def succeeded(self) -> None:
        """A call was answered."""
        if self._began is None:
            return
        now = self._clock()
        if now - self._failed_at < _QUIET_SECONDS:
            return
        seconds = round(self._failed_at - self._began, 1)
        log.warning(f"{self._server}_back", seconds=seconds, failures=self._failures, **self._words)
        self._began, self._failures = None, 0


class Absence:
    """The absence of a server from one partition: after `AWAY_SECONDS` of failures nobody else should wait for it.

    `longest_try_seconds`: how far apart two failures of a server that stays away can be.
    """

    def __init__(self, longest_try_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory = longest_try_seconds + _QUIET_SECONDS
        self._clock = clock
        self._began: float | None = None
        self._failed_at = self._tried_at = 0.0

    def is_long(self) -> bool:
        """True if it has lasted for `AWAY_SECONDS`, as far as is known."""
        if self._began is None:
            return False
        now = self._clock()
        return now - self._began >= AWAY_SECONDS and now - self._failed_at < self._memory

    def may_try(self) -> bool:
        """True for one caller a second, who finds out whether the server is back."""
        now = self._clock()
        if now - self._tried_at < _QUIET_SECONDS:
            return False
        self._tried_at = now
        return True

    def failed(self) -> None:
        """A try failed because of the server."""
        now = self._clock()
        if self._began is None or now - self._failed_at >= self._memory:
            self._began = now
        self._failed_at = now

    def ended(self) -> None:
        """The server has answered."""
        self._began = None


def _words(error: BaseException) -> str:
    """The class and its message, and those of the cause: redis-py hides the message from `repr`."""
    words = f"{type(error).__name__}: {error}".rstrip(": ")
    cause = error.__cause__
    return words if cause is None else f"{words} ({type(cause).__name__}: {cause})".replace(": )", ")")


def _remedy(error: BaseException | None) -> dict[str, str]:
    """The remedy, if the cause is this process and not the server."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return {"remedy": "this process has no file descriptor left: raise its limit of open files (ulimit -n)"}
        error = error.__cause__ or error.__context__
    return {}
