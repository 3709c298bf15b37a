"""Which holds of a call go as columns."""

from msgspec.structs import asdict, replace

from engine.alike import AlikeCodedHolds, AlikeHolds, in_columns
from engine.commands.holds import Cancel, Hold

ONE = Hold("1-a", 1, "anna", "{}", "", "[[7,1]]")
OTHER = replace(ONE, reservation_id="1-b", customer_id="ben", details='{"a":1}')
COLUMNS = AlikeHolds(1, "[[7,1]]", 0, -1, ["1-a", "1-b"], ["anna", "ben"], ["{}", '{"a":1}'], [], [])
CODED_COLUMNS = AlikeCodedHolds(**asdict(COLUMNS), codes=["SAVE-anna", "SAVE-ben"])


def test_neighbours_that_ask_for_the_same_go_together() -> None:
    assert in_columns([ONE, OTHER]) == [COLUMNS]
    assert in_columns([Cancel("1-c"), ONE, OTHER, Cancel("1-c")]) == [Cancel("1-c"), COLUMNS, Cancel("1-c")]


def test_the_order_stays_and_one_alone_stays_a_command() -> None:
    more = replace(ONE, items="[[7,2]]")
    assert in_columns([ONE, more, OTHER]) == [ONE, more, OTHER]
    assert in_columns([more, ONE, OTHER]) == [more, COLUMNS]


def test_whatever_has_no_column_stays_a_command() -> None:
    for changed in (
        {"items": "[[7,2]]"},
        {"event_id": 2},
        {"hold_ms": 1},
        {"expected_minor": 5},
        {"address": "192.0.2.1"},
        {"over_limit": True},
        {"from_blocked": True},
    ):
        another = replace(OTHER, **changed)
        assert in_columns([ONE, another]) == [ONE, another]
        if not changed.keys() & {"items", "event_id", "hold_ms", "expected_minor"}:
            assert in_columns([another, another]) == [another, another]


def test_digests_keys_and_codes_are_of_all_or_of_none() -> None:
    digested = [replace(each, digest=f"of {each.customer_id}") for each in (ONE, OTHER)]
    keyed = [replace(each, key=f"answer:{{{each.customer_id}}}") for each in (ONE, OTHER)]
    coded = [replace(each, code=f"SAVE-{each.customer_id}") for each in (ONE, OTHER)]
    assert in_columns(digested) == [replace(COLUMNS, digests=["of anna", "of ben"])]
    assert in_columns(keyed) == [replace(COLUMNS, keys=["answer:{anna}", "answer:{ben}"])]
    assert in_columns(coded) == [CODED_COLUMNS]
    for some in (digested, keyed, coded):
        assert in_columns([ONE, some[1]]) == [ONE, some[1]]
        assert in_columns([some[0], OTHER]) == [some[0], OTHER]
