"""Facts of a batch, folded."""

from engine.facts import Fact, WaitingFact
from engine.records import Attempt, Line, Record, WaitingEntry
from engine.words import AttemptState, FactWord, State, WaitingFactWord, WaitingState
from sync.outbox.rows import fold, fold_waiting, rows

RID = "1-aaaaaaaaaaaaaaaa"


def _attempt(number: int, state: AttemptState, settled_ms: int = 0) -> Attempt:
    return Attempt(f"pay-{number}", state, 500, 10 + number, settled_ms, "", "digest")


def _fact(word: FactWord, state: State, at_ms: int, *attempts: Attempt, rid: str = RID) -> Fact:
    record = Record(state, 1, "c", "{}", 1, 900, 0, "digest", [Line(7, "7", 2, 250)], list(attempts))
    return Fact(word, rid, at_ms, record)


def test_the_last_record_counts_and_the_first_instants_stay() -> None:
    pending, completed = _attempt(1, AttemptState.PENDING), _attempt(1, AttemptState.COMPLETED, 20)
    due, back = _attempt(1, AttemptState.REFUND_DUE, 20), _attempt(1, AttemptState.REFUNDED, 40)
    folded = fold(
        [
            _fact(FactWord.HELD, State.HELD, 1),
            _fact(FactWord.PAYING, State.PAYING, 10, pending),
            _fact(FactWord.PAID, State.PAID, 20, completed),
            _fact(FactWord.REFUND_DUE, State.REFUND_DUE, 30, due),
            _fact(FactWord.REFUNDED, State.REFUNDED, 40, back),
        ]
    )
    assert folded.records[RID].state is State.REFUNDED
    assert folded.paid_ms == {RID: 20}
    assert folded.attempts == {(RID, "pay-1"): back}
    assert folded.completed_ms == {(RID, "pay-1"): 20}
    made = rows(folded)
    assert [len(each) for each in (made.reservations, made.items, made.payments)] == [1, 1, 1]


def test_attempts_that_a_record_forgot_are_kept_in_order() -> None:
    tries = [_attempt(number, AttemptState.FAILED, 50) for number in range(10)]
    facts = [_fact(FactWord.PAYMENT_FAILED, State.HELD, 50, *tries[max(0, n - 8) : n]) for n in range(1, 11)]
    assert list(fold(facts).attempts.values()) == tries


def test_only_reservations_of_earlier_batches_may_have_items_too_many() -> None:
    other = "1-bbbbbbbbbbbbbbbb"
    made = rows(fold([_fact(FactWord.HELD, State.HELD, 1), _fact(FactWord.CHANGED, State.HELD, 2, rid=other)]))
    assert made.known_before == {1: [other]}
    assert [rid for rid, *_ in made.items] == [RID, other]


def test_items_that_cannot_have_changed_are_not_written_again() -> None:
    facts = [_fact(FactWord.PAYING, State.PAYING, 1), _fact(FactWord.PAID, State.PAID, 2)]
    made = rows(fold(facts))
    assert [len(each) for each in (made.reservations, made.items)] == [1, 0]
    assert made.known_before == {}


def test_an_entry_that_comes_again_under_its_id_has_not_ended() -> None:
    def fact(word: WaitingFactWord, at_ms: int, state: WaitingState, number: int) -> WaitingFact:
        entry = WaitingEntry(RID, 1, 7, 2, "c", "{}", "{}", "digest", 1, at_ms, state, number, 0)
        return WaitingFact(word, at_ms, entry)

    waits = fold_waiting(
        [
            fact(WaitingFactWord.OFFERED, 10, WaitingState.OFFERED, 0),
            fact(WaitingFactWord.ENDED, 20, WaitingState.ENDED, 0),
            fact(WaitingFactWord.WAITING, 30, WaitingState.WAITING, 1),
        ]
    )
    assert (waits.offered_ms, waits.ended_ms) == ({}, {})
    assert waits.entries[RID].number == 1
