"""`make audit` never takes what it could not ask for an answer."""

import json
from typing import Any

import pytest

from tests.audit_packages import NOT_DONE, judge

_CLEAN = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
_KNOWN = {"name": "left", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
_SKIPPED = {"name": "yarl", "skip_reason": "Dependency not found on PyPI and could not be audited: yarl (1.25.1)"}


@pytest.mark.parametrize(
    ("dependencies", "status", "said"),
    [
        ([_CLEAN], 0, "no known vulnerability in 1 packages"),
        ([_CLEAN, _SKIPPED], NOT_DONE, "NOT DONE, the advisory service knows nothing of 1 of 2 packages"),
        ([_SKIPPED], NOT_DONE, "NOT DONE"),
        ([], NOT_DONE, "NOT DONE"),
        ([_CLEAN, _KNOWN, _SKIPPED], 1, "left 1.0: PYSEC-1, fixed in 1.1"),
    ],
)
def test_the_meaning_of_a_report(dependencies: list[Any], status: int, said: str) -> None:
    verdict = judge(json.dumps({"dependencies": dependencies, "fixes": []}).encode(), "")
    assert verdict.status == status
    assert said in verdict.text


def test_a_service_that_cannot_be_asked_is_no_answer() -> None:
    verdict = judge(b"", "Traceback ...\nConnectionError: no route\n")
    assert verdict.status == NOT_DONE
    assert verdict.text.endswith("ConnectionError: no route")
