"""`onsale codes`, as a person runs it on real servers."""

import csv
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest

from cli.main import main
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.results.holds import Held
from engine.settings import Settings
from sync.postgres import Postgres
from sync.sql import statement
from tests.support.sync.box_office import BoxOffice
from tests.support.sync.locks import locking

_TIMEOUT_SECONDS = 60
_DISCOUNT = ("--kind", "discount", "--percent", "20")


class Ran(NamedTuple):
    """The end of a command, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def _status_of_main() -> int:
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


class Terminal:
    """Runs `onsale codes` for one event."""

    def __init__(self, office: BoxOffice) -> None:
        self.office, self.event_id = office, str(office.event.event_id)

    def run(self, command: str, *arguments: str, event_id: str = "") -> Ran:
        """The entry point is called in this process: to start Python and import all takes longer than most commands.

        The test's own event loop is at work in this thread, so the command has a thread of its own.
        """
        settings = self.office.settings
        urls = {"ONSALE_REDIS_URL": settings.redis_url, "ONSALE_POSTGRES_URL": settings.postgres_url}
        argv = ["onsale", "codes", command, event_id or self.event_id, *arguments]
        with (
            patch.dict(os.environ, urls),
            patch.object(sys, "argv", argv),
            redirect_stdout(StringIO()) as out,
            redirect_stderr(StringIO()) as err,
            ThreadPoolExecutor(1) as thread,
        ):
            status = thread.submit(_status_of_main).result(_TIMEOUT_SECONDS)
        return Ran(status, out.getvalue(), err.getvalue())

    def told(self, command: str, *arguments: str) -> list[str]:
        """The lines that a command prints which does what it is asked."""
        ran = self.run(command, *arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    def wrong(self, command: str, *arguments: str, event_id: str = "") -> str:
        """The sentence of a command that does nothing."""
        ran = self.run(command, *arguments, event_id=event_id)
        assert (ran.returncode, "Traceback" in ran.stderr) == (1, False), ran
        return ran.stderr.splitlines()[-1]


@pytest.fixture
async def terminal(settings: Settings, engine: Engine) -> Terminal:
    async with Postgres(settings) as pool:
        office = BoxOffice(settings, engine, pool)
        await office.open()
        return Terminal(office)


async def test_codes_are_made_listed_and_exported(terminal: Terminal, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "codes.txt"
    terminal.told("make", *_DISCOUNT, "--count", "3", "--prefix", "FAN-", "--tag", "fans", "--output", str(file))
    made = file.read_text(encoding="utf-8").splitlines()
    assert (len(set(made)), {code[:4] for code in made}) == (3, {"FAN-"})
    assert terminal.told("make", "PRESS", "--kind", "access", "--max-uses", "5") == ["PRESS"]
    event_id = terminal.office.event.event_id
    wish = items_text([(terminal.office.ticket_id, 2)])
    hold = Hold(new_reservation_id(event_id), event_id, "22", "{}", "", wish, code="PRESS")
    assert isinstance(await engine.submit(hold), Held)
    head, *lines = terminal.told("list")
    assert head.split() == ["code", "kind", "uses", "held", "sold", "tag"]
    rows = {code: rest for code, *rest in map(str.split, lines)}
    assert rows == {"PRESS": ["access", "1/5", "2", "0"]} | {code: ["discount", "0", "0", "0", "fans"] for code in made}
    assert [line.split()[0] for line in terminal.told("list", "--tag", "fans")[1:]] == sorted(made)
    exported = list(csv.DictReader(terminal.told("export")))
    assert [row["code"] for row in exported] == sorted([*made, "PRESS"])
    assert {row["percent"] for row in exported if row["tag"] == "fans"} == {"20"}


async def test_codes_are_made_and_listed_while_a_restore_keeps_the_events_locked(
    terminal: Terminal, settings: Settings
) -> None:
    async with locking(settings, statement("lock_events")):
        terminal.told("make", "PRESS", "--kind", "access")
        assert terminal.told("list")[1].split()[0] == "PRESS"


async def test_messages_say_what_is_wrong(terminal: Terminal) -> None:
    terminal.told("make", "FAN27", *_DISCOUNT)
    assert "FAN27: such a code is there already" in terminal.wrong("make", "FAN27", *_DISCOUNT)
    assert "name codes, or give --count" in terminal.wrong("make", *_DISCOUNT)
    for wrong in ("..", "a/b", "C" * 65):
        assert f"'{wrong}' cannot be a code" in terminal.wrong("make", wrong, *_DISCOUNT)
    assert "'VIP/' cannot be a code, or begin one" in terminal.wrong(
        "make", "--count", "2", "--prefix", "VIP/", *_DISCOUNT
    )
    assert "needs one of --percent" in terminal.wrong("make", "CHEAP", "--kind", "discount")
    assert "there is no event 999" in terminal.wrong("list", event_id="999")
    ticket = str(terminal.office.ticket_id)
    too_many = terminal.wrong("make", "GUESTS", "--kind", "allocation", "--places", "1000", "--ticket", ticket)
    assert "only 100 places" in too_many
