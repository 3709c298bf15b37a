"""Processes that are forked are like those that are started: their output, status, signals and end."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cli.dev.child_process import ChildError
from cli.ports import LOOPBACK, free_port
from tests.support.system.dev_session import copy_data, forked_dev
from tests.support.system.forked_child import ForkedChild
from tests.support.waiting import wait_until

_PATIENCE_SECONDS = 30


def onsale(folder: Path, *argv: str, **environ: str) -> ForkedChild:
    return ForkedChild("onsale", argv, folder / "log", environ=dict(os.environ) | environ)


def gateway(folder: Path, port: int) -> ForkedChild:
    return onsale(folder, "gateway", "--port", str(port), "--data-file", str(folder / "gateway.db"))


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0


@pytest.mark.parametrize(
    ("argv", "status", "output"),
    [
        (("--help",), 0, "Usage: onsale"),
        (("serve", "--port", "x"), 2, "is not a valid integer"),
        (("sync",), 2, "onsale: ONSALE_REDIS_URL"),
    ],
)
def test_its_output_and_its_status_are_those_of_the_command(
    tmp_path: Path, argv: tuple[str, ...], status: int, output: str
) -> None:
    child = onsale(tmp_path, *argv, ONSALE_REDIS_URL="nonsense")
    child.start()
    assert child.wait(_PATIENCE_SECONDS) == status
    assert output in child.log_tail(50)
    assert not child.running


async def test_it_ends_by_signals_and_starts_again(tmp_path: Path) -> None:
    port = free_port()
    child = gateway(tmp_path, port)
    for end in (child.stop, child.kill):
        child.start()
        await wait_until(lambda: listens(port), _PATIENCE_SECONDS, "it runs")
        assert os.getpgid(child.pid) == child.pid, "it leads a group, as every child does"
        end()
        assert not child.running
        assert not listens(port)
    with pytest.raises(ChildError, match="was killed by SIGKILL"):
        raise child.failure()


async def test_nothing_outlives_the_process_that_started_it(tmp_path: Path, repository: Path) -> None:
    """However that ends."""
    program = (
        "import sys; from pathlib import Path; from tests.system.test_forked_child import gateway\n"
        "child = gateway(Path(sys.argv[1]), 0); child.start(); print(child.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.send_signal(signal.SIGKILL)
    await wait_until(lambda: not psutil.pid_exists(pid), _PATIENCE_SECONDS, "it has ended")


async def test_parts_of_a_forked_onsale_dev_end_with_it(dev_data: Path, tmp_path: Path) -> None:
    """Their parent is killed, and tells nobody. So it is with those of a started one, in test_dev.py."""
    with forked_dev(copy_data(dev_data, tmp_path / "data"), tmp_path / "said") as session:
        assert len(psutil.Process(session.process.pid).children()) == 5, "two servers and three forks"
        session.process.kill()  # that nothing runs afterwards is what `forked_dev` checks
