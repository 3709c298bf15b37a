"""The log of an outage: a line when it begins, one a minute, and one when it is over."""

import errno

from structlog.testing import capture_logs

from engine.outage import Absence, Outage


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_outage_of_two_minutes_is_four_lines() -> None:
    clock = Clock()
    outage = Outage("redis", clock)
    with capture_logs() as lines:
        outage.succeeded()
        for _ in range(1250):
            outage.failed(ConnectionRefusedError("refused"))
            clock.now += 0.1
        clock.now += 1
        outage.succeeded()
        outage.succeeded()
    assert [line["event"] for line in lines] == ["redis_away", "redis_still_away", "redis_still_away", "redis_back"]
    assert lines[-1]["failures"] == 1250


def test_an_answer_among_failures_ends_no_outage() -> None:
    clock = Clock()
    outage = Outage("redis", clock)
    with capture_logs() as lines:
        for _ in range(100):
            outage.failed(TimeoutError())
            clock.now += 0.1
            outage.succeeded()
    assert [line["event"] for line in lines] == ["redis_away"]


def test_a_second_outage_is_logged_again() -> None:
    clock = Clock()
    outage = Outage("postgres", clock)
    with capture_logs() as lines:
        for _ in range(2):
            outage.failed(TimeoutError())
            clock.now += 2
            outage.succeeded()
    assert [line["event"] for line in lines] == ["postgres_away", "postgres_back"] * 2


def test_a_lack_of_file_descriptors_is_reported_with_its_remedy() -> None:
    cause = OSError(errno.EMFILE, "Too many open files")
    error = ConnectionError("cannot connect")
    error.__cause__ = cause
    with capture_logs() as lines:
        Outage("redis", Clock()).failed(error)
    assert "Too many open files" in lines[0]["error"]
    assert "ulimit -n" in lines[0]["remedy"]


def test_an_absence_is_long_after_five_seconds_of_failures() -> None:
    clock = Clock()
    absence = Absence(2.0, clock)
    assert not absence.is_long()
    for _ in range(5):
        absence.failed()
        assert not absence.is_long()
        clock.now += 1
    assert absence.is_long()
    absence.failed()
    absence.ended()
    assert not absence.is_long(), "it has answered"


def test_an_absence_of_which_nothing_was_heard_lately_is_not_known_to_last() -> None:
    clock = Clock()
    absence = Absence(2.0, clock)
    for _ in range(4):
        absence.failed()
        clock.now += 2
    assert absence.is_long()
    clock.now += 60
    assert not absence.is_long()
    absence.failed()
    assert not absence.is_long(), "another one has begun"
