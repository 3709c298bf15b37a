import sys
import time
from io import StringIO

import pytest

from cli import progress as module
from cli.progress import progress


def test_quick_work_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("blinking"):
        pass
    assert capsys.readouterr().err == ""


def test_slow_work_prints_its_progress_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.01)
    told = StringIO()
    monkeypatch.setattr(sys, "stderr", told)
    with progress("baking"):
        deadline = time.monotonic() + 5
        while "baking …" not in told.getvalue():
            assert time.monotonic() < deadline
    assert "baking … 0 s" in told.getvalue()
