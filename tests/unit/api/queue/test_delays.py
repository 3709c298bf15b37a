"""The delay that this process tells waiting rooms of."""

from api.queue.delays import AnswerDelays


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_delay_is_shown_for_one_to_two_seconds() -> None:
    clock = Clock()
    delays = AnswerDelays(clock)
    assert delays.worst_ms() == 0
    delays.note_answer(0.4)
    delays.note_lag(0.1)
    assert delays.worst_ms() == 400
    clock.now += 1.1
    assert delays.worst_ms() == 400
    delays.note_lag(0.2)
    clock.now += 1.1
    assert delays.worst_ms() == 200
    clock.now += 5
    assert delays.worst_ms() == 0


def test_one_slow_answer_of_a_hundred_does_not_count_but_two_do() -> None:
    delays = AnswerDelays(Clock())
    for _ in range(99):
        delays.note_answer(0.01)
    delays.note_answer(0.4)
    assert delays.worst_ms() == 10
    delays.note_answer(0.4)
    assert delays.worst_ms() == 400
    delays.note_lag(0.5)
    assert delays.worst_ms() == 500, "of the event loop each delay counts"
