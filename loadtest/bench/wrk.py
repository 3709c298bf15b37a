"""The load generator: wrk, which needs less CPU for a request than anything in Python."""

import shutil
import subprocess
from pathlib import Path

import msgspec

from cli.complaints import Complaint
from loadtest.bench.posting import Posting

_SCRIPT = Path(__file__).with_name("post_holds.lua")
_GRACE_SECONDS = 15


class Load(msgspec.Struct, frozen=True):
    """What wrk saw: answers counted, `p50_us` and `p99_us` of their latency, and what went wrong."""

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    bad_statuses: int
    broken_connections: int

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests * 1_000_000 / self.duration_us

    @property
    def trouble(self) -> str | None:
        """What makes the measurement worthless; None if nothing does."""
        if self.bad_statuses or self.broken_connections or not self.requests:
            return (
                f"{self.bad_statuses} answers were no success, {self.broken_connections} connections broke, "
                f"of {self.requests} requests"
            )
        return None


def find_wrk() -> str:
    """The program. Raises Complaint with how to get it."""
    program = shutil.which("wrk")
    if program is None:
        raise Complaint("wrk is not installed: `apt-get install wrk`, `brew install wrk`, or see its project's page")
    return program


def post_holds(url: str, posting: Posting, prefix: str, *, seconds: float, connections: int) -> Load:
    """Posts holds as fast as they are answered, on kept-alive connections, for customers whose ids begin with `prefix`.

    Raises Complaint if wrk fails.
    """
    numbers = [str(number) for counter in posting.counters for number in counter]
    duration = f"{max(1, round(seconds))}s"
    options = ["--threads", "1", "--connections", str(connections), "--duration", duration, "--timeout", "10s"]
    ran = subprocess.run(  # noqa: S603  # wrk, with what this package says
        [find_wrk(), *options, "--script", _SCRIPT, url, "--", posting.template(prefix), *numbers],
        capture_output=True,
        text=True,
        timeout=seconds + _GRACE_SECONDS,
        check=False,
    )
    if ran.returncode != 0:
        raise Complaint(f"wrk failed with status {ran.returncode}: {ran.stderr or ran.stdout}")
    return msgspec.json.decode(ran.stdout.splitlines()[-1], type=Load)
