"""`make dev` as the README says it, and `onsale dev` when things go wrong."""

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.main import main
from cli.ports import free_port
from tests.support.system.dev_session import END_SECONDS, Session, copy_data, dev, forked_dev, started
from tests.support.system.documented_examples import try_examples

pytestmark = pytest.mark.timeout(180)

_UNNEEDED = (".*", "dist", "tests", "tutorial", "node_modules")
"""Parts of a checkout that `onsale dev` does not need; `make clients` may be at work on some of them."""


@pytest.fixture(scope="module")
def lasting(dev_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """One session for all tutorials, each of which makes what it sells."""
    home = tmp_path_factory.mktemp("lasting")
    with forked_dev(copy_data(dev_data, home / "data"), home / "said") as session:
        yield session
        session.process.send_signal(signal.SIGTERM)
        assert session.process.wait(END_SECONDS) == 0


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A copy of the checkout with the environment that is there, which `make` takes for new: it must not be rebuilt."""
    copy = tmp_path / "checkout"
    shutil.copytree(repository, copy, ignore=shutil.ignore_patterns(*_UNNEEDED))
    for path in (copy / "pyproject.toml", *(copy / "requirements").iterdir()):
        os.utime(path, (0, 0))
    (copy / ".venv").symlink_to(repository / ".venv")
    return copy


def _run(command: str) -> Any:
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=20)
    return json.loads(ran.stdout)


def test_a_newcomer_sells_tickets(checkout: Path, tmp_path: Path) -> None:
    """The README's first command and the three that it prints, as they stand there."""
    assert "```sh\nmake dev\n```" in (checkout / "README.md").read_text(encoding="utf-8")
    options = f"--port {free_port()} --data-dir {tmp_path / 'data'}"
    with started(["make", "dev"], tmp_path / "said", checkout, tmp_path / "data", ARGS=options) as session:
        list_tickets, reserve, pay = session.commands()
        tickets = _run(list_tickets)["items"]
        assert [ticket["ticket_type"] for ticket in tickets] == ["VIP", "Premium", "Regular"]
        assert all(ticket["available"] == ticket["capacity"] for ticket in tickets)
        held = _run(reserve)
        assert (held["status"], held["total"]["amount"]) == ("held", 60_000)
        paid = _run(pay)
        assert (paid["status"], paid["id"]) == ("paid", held["id"])
        session.interrupt()
        session.process.wait(END_SECONDS)
        assert "Stopped." in session.said
        assert "Installing" not in session.said
        assert "Traceback" not in session.said


def test_killed_it_leaves_nothing_running_and_the_next_start_finds_the_data(
    repository: Path, dev_data: Path, tmp_path: Path
) -> None:
    data = copy_data(dev_data, tmp_path / "data")
    with dev(data, tmp_path / "first", repository) as first:
        tickets = _get(f"{first.api_url}/v1/tickets")["items"]
        _, reserve, pay = first.commands()
        _run(reserve)
        assert _run(pay)["status"] == "paid"
        first.process.kill()  # that nothing runs afterwards is what `started` checks
    with forked_dev(data, tmp_path / "next") as later:
        again = _get(f"{later.api_url}/v1/tickets")["items"]
        assert [ticket["id"] for ticket in again] == [ticket["id"] for ticket in tickets]
        assert (again[0]["available"], again[0]["sold"]) == (tickets[0]["available"] - 2, 2)
        assert [ticket["sold"] for ticket in again[1:]] == [ticket["sold"] for ticket in tickets[1:]]
        _dies_with_a_part(later)


def _dies_with_a_part(session: Session) -> None:
    """A part that dies ends everything, and is named."""
    port = int(session.setting("SYNC_METRICS_PORT"))
    (sync,) = (part for part in session.parts() if port in {one.laddr.port for one in part.net_connections()})
    sync.kill()
    assert session.process.wait(END_SECONDS) == 1
    assert re.search(r"onsale: sync was killed by SIGKILL; its log is \S+/data/logs/sync.log", session.said)


def test_examples_of_the_api_reference_work_on_the_demo_data(lasting: Session) -> None:
    wrong = [
        (call.operation, status, answer)
        for call, status, answer in try_examples(lasting.api_url)
        if status != call.status
    ]
    assert wrong == []


def test_tokens_of_each_role_are_printed_and_made(dev_data: Path, tmp_path: Path) -> None:
    with forked_dev(copy_data(dev_data, tmp_path / "data"), tmp_path / "said", "--auth", "jwt") as session:
        api_url = session.api_url
        tokens = dict(re.findall(r"^  (customer|service|manager|gate): (\S+)$", session.said, re.MULTILINE))
        for role, status in {"customer": 403, "service": 403, "manager": 200, "gate": 403}.items():
            assert _status(f"{api_url}/v1/audit-log", tokens[role]) == status, role
        _, reserve, pay = session.commands()
        assert _run(reserve)["customer"]["id"] == "22"
        assert _run(pay)["status"] == "paid"
        made = _post(f"{api_url}/dev/tokens", {"role": "gate", "sub": "south", "events": [1]})
        assert _status(f"{api_url}/v1/events/1/check-ins/snapshot", made["token"]) == 200
        assert _status(f"{api_url}/v1/events/2/check-ins/snapshot", made["token"]) == 403
        assert _status(f"{api_url}/v1/reservations", None) == 401


def test_without_tokens_nobody_makes_one(lasting: Session) -> None:
    assert _status(f"{lasting.api_url}/dev/tokens", None, {"role": "manager"}) == 404
    assert "/dev/tokens" not in _get(f"{lasting.api_url}/openapi.json")["paths"]


def _post(url: str, body: Any) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def _status(url: str, token: str | None, body: Any = None) -> int:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_tutorial_on_a_sale_runs_as_written(lasting: Session, repository: Path, tmp_path: Path) -> None:
    documents = list(_walk(lasting, repository, tmp_path, "sale"))
    (sold_out, declined, paid, availability, statistics), (made, offer, refunded) = documents[:5], documents[5:8]
    cheaper, used_up = documents[8:]
    assert (sold_out["code"], sold_out["available"]) == ("sold_out", 0)
    assert declined["code"] == "card_declined"
    assert (paid["status"], paid["total"]["amount"]) == ("paid", 3000)
    assert [(ticket["available"], ticket["sold"]) for ticket in availability["tickets"]] == [(0, 2)]
    assert statistics["name"] == "Matinee"
    assert refunded["status"] == "refunded"
    assert (made, [ticket["price"]["amount"] for ticket in offer["tickets"]]) == (
        {"created": 1, "codes": ["FAN27"]},
        [1200],
    )
    assert (cheaper["total"]["amount"], used_up["code"]) == (1200, "code_used_up")


def test_tutorial_on_seats_runs_as_written(lasting: Session, repository: Path, tmp_path: Path) -> None:
    one, both, taken, booked, sold, settled = _walk(lasting, repository, tmp_path, "seats")
    assert [item["event"]["name"] for item in one["items"]] == ["Premiere"]
    assert [item["event"]["name"] for item in both["items"]] == ["Premiere", "Finale"]
    assert (both["total"]["amount"], both["expires_at"]) == (8000, one["expires_at"])
    assert (taken["code"], taken["seat_ids"]) == ("seat_taken", [both["items"][0]["seat"]["seat_id"]])
    assert (booked["status"], booked["amount"], len(booked["reservations"])) == ("pending", 8000, 2)
    assert sold == booked | {"status": "completed"}
    assert settled["code"] == "payment_settled"


def test_tutorial_on_timed_entry_runs_as_written(lasting: Session, repository: Path, tmp_path: Path) -> None:
    slots, found, unscheduled, moved, read, gone = _walk(lasting, repository, tmp_path, "timed-entry")
    assert [(slot["time"], slot["available"]) for slot in slots["items"]] == [
        (time, 20) for time in ("08:00", "10:45", "13:30", "16:15", "19:00", "21:45")
    ]
    (booking,) = found["items"]
    assert (booking["last_name"], booking["starts_at"]) == ("Rao", "2027-09-12T11:30:00Z")
    assert (unscheduled["code"], unscheduled["times"][0]) == ("slot_not_scheduled", "08:00")
    assert moved == booking | {"date": "2027-09-13", "time": "16:15", "starts_at": "2027-09-13T14:15:00Z"}
    assert read == moved
    assert (gone["status"], gone["code"]) == (404, "not_found")


Refused = Callable[..., str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """The words with which `onsale dev` refuses to start, called in this process: no part of it runs yet."""

    def refuse(*options: str) -> str:
        monkeypatch.setattr(sys, "argv", ["onsale", "dev", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        assert psutil.Process().children() == before, "it started something"
        return capsys.readouterr().err.strip()

    before = psutil.Process().children()
    return refuse


def test_a_second_one_on_the_same_data_is_refused(refused: Refused, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = refused("--port", "0", "--data-dir", str(tmp_path))
    assert said == f"onsale: another `onsale dev` uses {tmp_path}: stop it, or choose another --data-dir"


def test_a_taken_port_is_reported(refused: Refused, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused("--port", str(port), "--data-dir", str(tmp_path))
    assert said == f"onsale: port {port} is in use: stop the program that uses it, or choose another with --port"


def test_an_impossible_directory_is_reported(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "choose another with --data-dir" in refused("--port", "0", "--data-dir", str(tmp_path / "file" / "data"))


def _walk(session: Session, repository: Path, cwd: Path, tutorial: str) -> Iterator[Any]:
    """The documents that the commands of a tutorial print, run as written but for the port."""
    text = (repository / "docs" / "tutorials" / f"{tutorial}.md").read_text(encoding="utf-8")
    commands = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert commands
    script = commands[1].replace("http://127.0.0.1:8080", session.api_url)
    ran = subprocess.run(["bash", "-euc", script], capture_output=True, check=True, timeout=60, cwd=cwd)
    return _documents(ran.stdout.decode())


def _documents(text: str) -> Iterator[Any]:
    """JSON documents, one right after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        yield document


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)
