"""The load generator: wrk, which needs less CPU for a request than anything in Python."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

import msgspec

from cli.errors import UserError
from loadtest.bench.request_spec import RequestSpec

_SCRIPT = Path(__file__).with_name("requests.lua")
_MAX_PER_SECOND = 40_000
"""The number of tokens made: more than any worker answers."""

_GRACE_SECONDS = 15
_LATE_SECONDS = 10


class Load(msgspec.Struct, frozen=True):
    """The results of wrk: answers counted, `p50_us` and `p99_us` of their latency, and errors.

    `late`: answers that took more than ten seconds.
    """

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    bad_statuses: int
    broken_connections: int
    late: int

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests * 1_000_000 / self.duration_us

    @property
    def trouble(self) -> str | None:
        """The error that invalidates the measurement; None if there is none."""
        if self.bad_statuses or self.broken_connections or self.late or not self.requests:
            return (
                f"{self.bad_statuses} answers were no success, {self.broken_connections} connections broke, "
                f"{self.late} answers took more than {_LATE_SECONDS} s, of {self.requests} requests"
            )
        return None


def find_wrk() -> str:
    """The program. Raises UserError with how to get it."""
    program = shutil.which("wrk")
    if program is None:
        raise UserError("wrk is not installed: `apt-get install wrk`, `brew install wrk`, or see its project's page")
    return program


@contextmanager
def written_tokens(asking: RequestSpec, prefix: str, seconds: int) -> Iterator[str]:
    """The name of a file with tokens for all customers who may come in that time; empty if they have none."""
    if asking.issuer is None:
        yield ""
        return
    with NamedTemporaryFile("w", encoding="ascii", suffix="-tokens") as file:
        customers = -(-seconds * _MAX_PER_SECOND // asking.times_each)
        file.writelines(f"{token}\n" for token in asking.tokens(prefix, customers))
        file.flush()
        yield file.name


def ask(url: str, asking: RequestSpec, prefix: str, tokens: str, *, seconds: int, connections: int) -> Load:
    """Asks as fast as it is answered, on kept-alive connections, for customers whose ids begin with `prefix`.

    `tokens`: the name of the file with theirs. Raises UserError if wrk fails.
    """
    numbers = [str(number) for counter in asking.counters for number in counter]
    template = asking.template(urlsplit(url).netloc, prefix)
    return run_wrk(_SCRIPT, url, [template, str(asking.times_each), tokens, *numbers], seconds, connections)


def run_wrk(script: Path, url: str, arguments: Sequence[str], seconds: int, connections: int) -> Load:
    """One run with a script that prints a Load. Raises UserError if wrk fails."""
    options = ["--threads", "1", "--connections", f"{connections}", "--duration", f"{seconds}s"]
    options += ["--timeout", f"{_LATE_SECONDS}s"]
    ran = subprocess.run(  # noqa: S603  # wrk, with what this package says
        [find_wrk(), *options, "--script", script, url, "--", *arguments],
        capture_output=True,
        text=True,
        timeout=seconds + _GRACE_SECONDS,
        check=False,
    )
    if ran.returncode != 0:
        raise UserError(f"wrk failed with status {ran.returncode}: {ran.stderr or ran.stdout}")
    return msgspec.json.decode(ran.stdout.splitlines()[-1], type=Load)
