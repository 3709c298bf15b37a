"""An object that has a member twice says two things; neither is taken."""

import pytest

from api.http.json_keys import check_keys
from api.http.problems import Problem


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "b": {"c": 2}}',
        b'{"items": [{"id": 1}, {"id": 1}], "customer": {"id": 1}}',
        b'{"a": "\\"a\\": 1", "b": "a\\":"}',
        b'{"a": ":a", "b": "\\u0061"}',
        b"[1, 1, [], {}]",
        b"7",
    ],
)
def test_each_member_once(body: bytes) -> None:
    check_keys(body)


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b'{"a": 1, "a": 1}', ["a"]),
        (b'{"a": 1, "\\u0061": 2}', ["a"]),
        (b'{"items": [{"id": 1}, {"id": 1, "n": 2 , "n" : 3}]}', ["items[1].n"]),
        (b'{"c": {"d": 1,\n"d"\t:2}, "b": 1, "b": 2}', ["b", "c.d"]),
        (b'{"a": ":b", "c": 1, "c": 2}', ["c"]),
    ],
)
def test_a_member_twice(body: bytes, paths: list[str]) -> None:
    with pytest.raises(Problem) as raised:
        check_keys(body)
    assert raised.value.status == 422
    assert [field.path for field in raised.value.members["fields"]] == paths
