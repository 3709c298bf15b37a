"""`make audit`: asks an advisory service about every pinned package, and never says "none" where it could not ask.

pip-audit itself exits with 0, and says "No known vulnerabilities found", where the service knows none of the packages.
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

NOT_DONE = 3
"""The exit status where not every package was looked at."""

_REQUIREMENTS = Path(__file__).parents[1] / "requirements" / "dev.txt"
_TIMEOUT_SECONDS = 300


class Vulnerability(msgspec.Struct):
    """An advisory about a package, as pip-audit reports it."""

    id: str
    fix_versions: list[str]


class Dependency(msgspec.Struct):
    """A package in pip-audit's report; with a `skip_reason` nothing is known of it."""

    name: str
    version: str = ""
    vulns: list[Vulnerability] = []
    skip_reason: str | None = None


class Report(msgspec.Struct):
    """The output of pip-audit."""

    dependencies: list[Dependency]


class Verdict(NamedTuple):
    """An exit status, and the message for a person."""

    status: int
    text: str


def judge(report: bytes, complaint: str) -> Verdict:
    """The verdict of a report; without a report, the service could not be asked."""
    try:
        dependencies = msgspec.json.decode(report, type=Report).dependencies
    except msgspec.DecodeError:
        last = complaint.strip().rpartition("\n")[2] or "pip-audit wrote no report"
        return Verdict(NOT_DONE, f"Audit NOT DONE, the advisory service cannot be asked: {last}")
    found = [
        f"{each.name} {each.version}: {known.id}, fixed in {', '.join(known.fix_versions) or 'none yet'}"
        for each in dependencies
        for known in each.vulns
    ]
    skipped = [each.name for each in dependencies if each.skip_reason is not None]
    if found:
        return Verdict(1, "\n".join([*found, "Audit: update these packages (make lock)."]))
    if skipped or not dependencies:
        return Verdict(
            NOT_DONE,
            f"Audit NOT DONE, the advisory service knows nothing of {len(skipped)} of {len(dependencies)} packages. "
            "Run make audit where that service can be reached.",
        )
    return Verdict(0, f"Audit: no known vulnerability in {len(dependencies)} packages.")


@click.command()
@click.option("--where-possible", is_flag=True, help="Not done is no failure; it is said all the same.")
def main(where_possible: bool) -> None:
    """Asks about the packages of requirements/dev.txt, which has those of production too."""
    options = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--timeout=5", "--format=json")
    asked = subprocess.run(
        [sys.executable, "-m", "pip_audit", *options, f"--requirement={_REQUIREMENTS}"],
        capture_output=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    verdict = judge(asked.stdout, asked.stderr.decode(errors="replace"))
    click.echo(verdict.text, err=verdict.status != 0)
    sys.exit(0 if where_possible and verdict.status == NOT_DONE else verdict.status)


if __name__ == "__main__":
    main()
