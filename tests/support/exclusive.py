"""Tests that measure time have the machine for themselves, though several workers of pytest-xdist share it.

A test that is marked `alone` waits until no worker runs another, and no other begins until it is done. The wait counts
for no test's timeout.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Alone:
    """The plugin: of the session's workers, in `directory`, which they share."""

    def __init__(self, directory: Path) -> None:
        self._door, self._room = directory / "door", directory / "room"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        with self._inside(alone=item.get_closest_marker("alone") is not None):
            return (yield)

    @contextmanager
    def _inside(self, *, alone: bool) -> Generator[None]:
        # Who waits for an empty room stands in the door, so that nobody else goes in meanwhile.
        with self._room.open("w") as room:
            with self._door.open("w") as door:
                fcntl.flock(door, fcntl.LOCK_EX)
                fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
