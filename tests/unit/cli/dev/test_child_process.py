import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.dev.child_process import Child, ChildError
from tests.support.waiting import wait_until

_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
_PARENT = """
import sys, time
from pathlib import Path
from cli.dev.child_process import Child
child = Child("sleeper", ["sleep", "600"], Path(sys.argv[1]))
child.start()
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_child_ends_when_asked(tmp_path: Path) -> None:
    child = Child("sleeper", ["sleep", "600"], tmp_path / "log")
    child.start()
    os.kill(child.pid, 0)
    child.stop()
    assert not child.running
    child.stop()


async def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    child = Child("stubborn", [sys.executable, "-c", _STUBBORN], tmp_path / "log")
    child.start()
    await wait_until(lambda: "ready" in child.log_tail())
    child.stop(patience_seconds=0.1)
    assert not child.running
    assert "SIGKILL" in str(child.failure())


def test_a_failure_names_status_and_log(tmp_path: Path) -> None:
    child = Child("bad", [sys.executable, "-c", "raise SystemExit('no luck')"], tmp_path / "log")
    child.start()
    assert child.wait(10) == 1
    assert str(child.failure()) == f"bad exited with status 1; its log is {tmp_path / 'log'}\nno luck"


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="cannot start ghost"):
        Child("ghost", [tmp_path / "ghost"], tmp_path / "log").start()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's doing")
async def test_no_child_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        parent.send_signal(signal.SIGKILL)
    await wait_until(lambda: _gone(pid))


def _gone(pid: int) -> bool:
    """Ended; where nobody collects orphans it stays in the table as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
