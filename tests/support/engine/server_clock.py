"""A Valkey whose clock a test sets."""

import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis import Redis

from cli.dev.embedded import EmbeddedValkey
from tests.support.waiting import wait_until


class ClockedValkey:
    """A server under libfaketime: its clock is ours, moved by what a file says. Its timers go on as they were."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "clock"
        self.server = EmbeddedValkey(directory / "valkey", directory / "valkey.log")
        self._redis = Redis.from_url(self.server.url)

    def start(self) -> None:
        """Starts it with the right time."""
        self._write(0)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("LD_PRELOAD", str(_library()))
            environment.setenv("FAKETIME_TIMESTAMP_FILE", str(self._file))
            environment.setenv("FAKETIME_NO_CACHE", "1")
            environment.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            self.server.start()

    def stop(self) -> None:
        """Ends it."""
        self._redis.close()
        self.server.kill()

    async def move(self, seconds: int) -> None:
        """Its clock jumps to that many seconds ahead of ours."""
        self._write(seconds)
        await wait_until(lambda: abs(self.ahead() - seconds) < 1, what="the clock has jumped")

    def ahead(self) -> float:
        """By how many seconds its clock is ahead of ours."""
        seconds, micros = self._redis.time()
        return float(seconds) + float(micros) / 1e6 - time.time()

    def _write(self, seconds: int) -> None:
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(f"{seconds:+d}\n")
        unfinished.replace(self._file)


def _library() -> Path:
    """The wheel has it in it. Its Python, which is about the clock of our own process, is not imported."""
    spec = find_spec("libfaketime")
    assert spec is not None
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("vendor/libfaketime/src/libfaketime*.so*"))
