"""A progress line on stderr."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

_PATIENCE_SECONDS = 1.0


@contextmanager
def progress(doing: str) -> Iterator[None]:
    """Reports on stderr a step that takes longer than a second, and for how long it has been running.

    On a terminal the line is counted up in place; elsewhere there is one line in the middle and one at the end.
    """
    began = time.monotonic()
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(doing, began, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(doing: str, began: float, done: threading.Event) -> None:
    if done.wait(_PATIENCE_SECONDS):
        return
    in_place = sys.stderr.isatty()
    if not in_place:
        click.echo(f"{doing} …", err=True)
    while True:
        ended = done.wait(_PATIENCE_SECONDS if in_place else None)
        line = f"{doing} … {time.monotonic() - began:.0f} s"
        click.echo(f"\r{line}" if in_place else line, nl=ended or not in_place, err=True)
        if ended:
            return
